//! Motion that is chosen by the bits that it takes.
//!
//! Picture by picture a search can only guess them: what is coded later sees a block, in the octree's levels and in the next pictures. So when all of it is there, context
//! parameters are fitted to it, and for each block other vectors and sides are tried: many blocks at the same time, none of which changes the bits or the samples of another.
//! Where blocks move together, none of them saves bits unless the others change with it: so first squares of them are tried as one.

use ndarray::Array2;
use rayon::prelude::*;

use super::bits::MotionBits;
use super::field::{Cell, Field, Trial};
use super::places::Places;
use super::search::{Block, Search};

/// How often context parameters are fitted and all blocks looked at.
const PASSES: usize = 4;
/// Blocks beside each other that become the same, in this order, and each alone.
const SIDES: [usize; 3] = [4, 2, 1];
/// Bits that a block may save besides its own.
const AROUND: f64 = 4.0;
/// How much farther on the next round begins, so that not always the same blocks come first: a prime.
const STRIDE: usize = 7919;

/// The search of better motion.
pub struct Refinement<'a> {
    field: Field<'a>,
    coded: MotionBits,
    /// Of each place.
    bits: Vec<f64>,
    /// Of each place the trial that it belongs to: 0 for none, else its number plus 1.
    owners: Vec<u32>,
    /// Of a bit.
    price: f64,
}

impl<'a> Refinement<'a> {
    /// Of pictures with a search and motion each. `price` is that of a bit, in the cost of errors.
    pub fn new(
        searches: Vec<Search<'a>>,
        motion: &'a mut [Array2<Block>],
        places: Places,
        mut coded: MotionBits,
        price: f64,
    ) -> Self {
        let bits = coded.count(motion, &places);
        let owners = vec![0; places.len()];
        Self { field: Field { searches, motion, places }, coded, bits, owners, price }
    }

    /// Changes the motion to what costs less.
    pub fn run(&mut self) {
        for pass in 0..PASSES {
            self.coded.fit(self.field.motion, pass == 0);
            self.bits = self.count();
            for side in SIDES {
                let cells = self.field.cells(side);
                let mut queues = self.field.queues(&cells);
                let mut number = 0;
                while self.round(&cells, &mut queues, number) {
                    number += 1;
                }
            }
        }
    }

    /// Tries what is next of many cells; `false` if nothing is left.
    fn round(&mut self, cells: &[Cell], queues: &mut [Vec<Block>], number: usize) -> bool {
        let trials = self.choose(cells, queues, number);
        let any = !trials.is_empty();
        if any {
            self.decide(trials);
        }
        any
    }

    fn count(&mut self) -> Vec<f64> {
        self.coded.count(self.field.motion, &self.field.places)
    }

    /// Takes from the queues what is tried in a round, each with places of its own.
    fn choose(&mut self, cells: &[Cell], queues: &mut [Vec<Block>], number: usize) -> Vec<Trial> {
        self.owners.fill(0);
        let mut trials: Vec<Trial> = vec![];
        let count = queues.len();
        for index in (0..count).map(|index| (index + number * STRIDE) % count) {
            if queues[index].is_empty() {
                continue;
            }
            let cell = cells[index];
            let blocks = self.field.blocks(cell);
            let places = || blocks.iter().flat_map(|&block| self.field.places.changed_by(cell.picture, block));
            if places().any(|place| self.owners[place] > 0) {
                continue;
            }
            let before = self.field.values(cell);
            // It may have become what was to be tried.
            let is_new = |now: &Block| before.iter().any(|before| before != now);
            if let Some(now) = std::iter::from_fn(|| queues[index].pop()).find(is_new) {
                trials.push(Trial { cell, now, before, error: 0.0 });
                places().for_each(|place| self.owners[place] = trials.len() as u32);
            }
        }
        trials
    }

    /// Makes the changes that lower the cost.
    fn decide(&mut self, mut trials: Vec<Trial>) {
        let to_save: Vec<f64> = trials.iter().map(|trial| self.to_save(trial.cell)).collect();
        let field = &self.field;
        let found = trials.par_iter_mut().zip(&to_save);
        found.for_each(|(trial, &to_save)| trial.error = field.changed_error(trial, to_save));
        // There have to be as many bits to save as it adds errors.
        let tried: Vec<bool> = trials.iter().zip(&to_save).map(|(trial, to_save)| trial.error < *to_save).collect();
        let tried = || trials.iter().enumerate().filter(|&(number, _)| tried[number]);
        tried().for_each(|(_, trial)| self.field.make(trial));
        let changes = self.changes(&trials);
        tried().filter(|&(number, _)| changes[number] >= 0.0).for_each(|(_, trial)| self.field.undo(trial));
        self.bits = self.count();
    }

    /// The price of all bits that a cell may save.
    fn to_save(&self, cell: Cell) -> f64 {
        let places = |block: usize| self.field.places.of_block(cell.picture, block);
        let of_block = |block: usize| AROUND + places(block).map(|place| self.bits[place]).iter().sum::<f64>();
        self.price * self.field.blocks(cell).into_iter().map(of_block).sum::<f64>()
    }

    /// By how much the cost changed with each trial, with the motion as it is now.
    fn changes(&mut self, trials: &[Trial]) -> Vec<f64> {
        let now = self.count();
        let mut changes: Vec<f64> = trials.iter().map(|trial| trial.error).collect();
        for ((now, before), owner) in now.iter().zip(&self.bits).zip(&self.owners) {
            if let Some(trial) = owner.checked_sub(1) {
                changes[trial as usize] += self.price * (now - before);
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use decoder_core::order::Order;

    use super::super::Searched;
    use super::super::costs::Costs;
    use super::super::search::Phases;
    use super::*;
    use crate::sample::{SampleSettings, sample_clip};
    use crate::settings::EncodeSettings;
    use crate::train::Outline;
    use crate::train::motion::overlap::OF_BLOCKS;

    const LAMBDA: f64 = 90.0;

    /// Calls `check` with the motion of a clip in pyramids, in which blocks differ from those around them for nothing.
    fn with_motion(check: impl FnOnce(&mut Refinement<'_>)) {
        let clip = sample_clip(&SampleSettings { width: 112, height: 80, frames: 8, rate: (24, 1) });
        let settings = EncodeSettings::default();
        let header = Outline::new(&clip, &settings).expect("it fits").header;
        let (architecture, geometry) = (&header.architecture, header.geometry());
        let motion = architecture.motion.expect("it moves");
        let order = Order { frames: clip.frames.len(), predicted: true, pyramid: 2 };
        let mut searched = Searched::new(&clip.frames, order, geometry, motion, Costs::absolute(0.0));
        let phases: Vec<Phases> = searched.sources.iter().map(|source| Phases::new(source, motion)).collect();
        let costs = Costs::coded(LAMBDA);
        let searches = (1..order.frames).map(|number| {
            let (before, after) = super::super::references(order, number).expect("it is predicted");
            let after = after.map(|after| &phases[after]);
            Search::new(&phases[before], after, &searched.sources[number], motion, costs)
        });
        let (places, coded) = (Places::new(order, geometry), MotionBits::new(architecture, geometry, order));
        check(&mut Refinement::new(searches.collect(), &mut searched.blocks, places, coded, costs.bit));
    }

    #[test]
    fn what_is_tried_at_once_is_apart() {
        with_motion(|refinement| {
            refinement.coded.fit(refinement.field.motion, true);
            refinement.bits = refinement.count();
            let (mut tried, mut elsewhere) = (0, 0);
            for (side, rounds) in SIDES.into_iter().zip([2, 3, 6]) {
                let cells = refinement.field.cells(side);
                let mut queues = refinement.field.queues(&cells);
                for round in 0..rounds {
                    let mut trials = refinement.choose(&cells, &mut queues, round);
                    trials
                        .iter_mut()
                        .for_each(|trial| trial.error = refinement.field.changed_error(trial, f64::INFINITY));
                    trials.iter().for_each(|trial| refinement.field.make(trial));
                    let together = refinement.changes(&trials);
                    for trial in &trials {
                        refinement.field.undo(trial);
                        assert_eq!(
                            trial.error,
                            refinement.field.changed_error(trial, f64::INFINITY),
                            "others are not seen"
                        );
                        refinement.field.make(trial);
                    }
                    trials.iter().for_each(|trial| refinement.field.undo(trial));
                    for (trial, together) in trials.iter().zip(together) {
                        assert_eq!(refinement.field.values(trial.cell), trial.before);
                        refinement.field.make(trial);
                        let now = refinement.count();
                        refinement.field.undo(trial);
                        let places = |block| refinement.field.places.of_block(trial.cell.picture, block);
                        let own: Vec<usize> =
                            refinement.field.blocks(trial.cell).into_iter().flat_map(places).collect();
                        let changed =
                            now.iter().zip(&refinement.bits).enumerate().filter(|(_, (now, before))| now != before);
                        elsewhere += changed.filter(|(place, _)| !own.contains(place)).count();
                        let bits: f64 = now.iter().zip(&refinement.bits).map(|(now, before)| now - before).sum();
                        let alone = trial.error + refinement.price * bits;
                        assert!((alone - together).abs() < 1e-3, "{alone} alone, {together} with others");
                    }
                    tried += trials.len();
                }
            }
            assert!(tried > 40 && elsewhere > 2 * tried, "{tried} cells change the bits of {elsewhere} other blocks");
        });
    }

    #[test]
    fn it_costs_less_and_less() {
        with_motion(|refinement| {
            refinement.coded.fit(refinement.field.motion, true);
            let cost = |refinement: &mut Refinement<'_>| {
                let bits: f64 = refinement.count().iter().sum();
                let pictures = refinement.field.searches.iter().zip(refinement.field.motion.iter());
                let errors: u32 = pictures.map(|(search, blocks)| search.picture_error::<OF_BLOCKS>(blocks)).sum();
                f64::from(errors) + refinement.price * bits
            };
            let first = cost(refinement);
            let mut before = first;
            refinement.bits = refinement.count();
            for side in SIDES {
                let cells = refinement.field.cells(side);
                let mut queues = refinement.field.queues(&cells);
                let (mut number, at_first) = (0, before);
                while refinement.round(&cells, &mut queues, number) {
                    let now = cost(refinement);
                    assert!(now <= before + 1e-3, "{before} to {now}");
                    (before, number) = (now, number + 1);
                }
                assert!(before < at_first, "cells of {side} bring something");
            }
            assert!(before < 0.97 * first, "{first} to {before}");
        });
    }
}
