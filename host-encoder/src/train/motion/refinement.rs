//! Motion that is chosen by the bits that it takes.
//!
//! Picture by picture a search can only guess them: what is coded later sees a block, in the octree's levels and in the next pictures. So when all of it is there, context
//! parameters are fitted to it, and for each block other vectors and sides are tried: many blocks at the same time, none of which changes the bits or the samples of another.

use ndarray::Array2;
use rayon::prelude::*;

use super::bits::MotionBits;
use super::overlap::OF_BLOCKS;
use super::places::Places;
use super::search::{Block, Search};

/// How often context parameters are fitted and all blocks looked at.
const PASSES: usize = 4;
/// What is tried of a block in a pass: what fits its samples best.
const TRIALS: usize = 8;
/// Bits that a block may save besides its own.
const AROUND: f64 = 4.0;
/// Changes of a component, in quarter samples, that are candidates.
const STEPS: [i32; 4] = [-2, -1, 1, 2];
/// How much farther on the next round begins, so that not always the same blocks come first: a prime.
const STRIDE: usize = 7919;

/// A block that is changed.
struct Trial {
    picture: usize,
    block: usize,
    now: Block,
    before: Block,
    /// By how much it changes the cost of errors.
    error: f64,
}

/// The motion of pictures, and how well it fits.
struct Field<'a> {
    searches: Vec<Search<'a>>,
    motion: &'a mut [Array2<Block>],
    places: Places,
}

impl Field<'_> {
    fn block(&self, picture: usize, block: usize) -> Block {
        self.motion[picture][self.places.at(block)]
    }

    fn set(&mut self, trial: &Trial, block: Block) {
        self.motion[trial.picture][self.places.at(trial.block)] = block;
    }

    /// The cost of errors wherever a block's vector counts.
    fn error(&self, picture: usize, block: usize, candidate: Block) -> u32 {
        self.searches[picture].seen_error::<OF_BLOCKS>(&self.motion[picture], self.places.at(block), candidate)
    }

    /// By how much a trial changes the cost of errors.
    fn changed_error(&self, trial: &Trial) -> f64 {
        let of = |candidate: Block| f64::from(self.error(trial.picture, trial.block, candidate));
        of(trial.now) - of(trial.before)
    }

    /// What is tried of each block, the last first.
    fn queues(&self) -> Vec<Vec<Block>> {
        let area = self.places.area();
        let of = |index: usize| {
            let (picture, block) = (index / area, index % area);
            let mut scored: Vec<(u32, Block)> = self
                .candidates(picture, block)
                .into_iter()
                .map(|candidate| (self.error(picture, block, candidate), candidate))
                .collect();
            scored.sort_by_key(|&(error, _)| error);
            scored.into_iter().take(TRIALS).rev().map(|(_, candidate)| candidate).collect()
        };
        (0..self.searches.len() * area).into_par_iter().map(of).collect()
    }

    /// What a block may be instead, each once.
    fn candidates(&self, picture: usize, block: usize) -> Vec<Block> {
        let motion = &self.motion[picture];
        let own = motion[self.places.at(block)];
        let around: Vec<Block> = self.places.around(block).map(|block| motion[self.places.at(block)]).collect();
        let mut vectors: Vec<[i32; 2]> = around.iter().map(|block| block.vector).collect();
        vectors.push([0, 0]);
        vectors.extend(self.places.past(self.motion, picture, block));
        let [y, x] = own.vector;
        // One component of what is around and the other as it is.
        vectors.extend(vectors.clone().into_iter().flat_map(|[other_y, other_x]| [[other_y, x], [y, other_x]]));
        vectors.extend(STEPS.iter().flat_map(|step| [[y + step, x], [y, x + step]]));
        let mut candidates: Vec<Block> = vectors.into_iter().map(|vector| Block { vector, ..own }).collect();
        if self.places.is_between(picture) {
            candidates.extend([-1, 0, 1].map(|side| Block { side, ..own }));
            candidates.extend(around);
        }
        candidates.retain(|&candidate| candidate != own && self.searches[picture].allowed(candidate.vector));
        candidates.sort_unstable_by_key(|&Block { vector, side }| (vector, side));
        candidates.dedup();
        candidates
    }
}

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
            let mut queues = self.field.queues();
            let mut number = 0;
            while self.round(&mut queues, number) {
                number += 1;
            }
        }
    }

    /// Tries what is next of many blocks; `false` if nothing is left.
    fn round(&mut self, queues: &mut [Vec<Block>], number: usize) -> bool {
        let trials = self.choose(queues, number);
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
    fn choose(&mut self, queues: &mut [Vec<Block>], number: usize) -> Vec<Trial> {
        let area = self.field.places.area();
        self.owners.fill(0);
        let mut trials: Vec<Trial> = vec![];
        let count = queues.len();
        for index in (0..count).map(|index| (index + number * STRIDE) % count) {
            let (picture, block) = (index / area, index % area);
            if queues[index].is_empty() {
                continue;
            }
            let places = self.field.places.changed_by(picture, block);
            if places.iter().any(|&place| self.owners[place] > 0) {
                continue;
            }
            // It may have become what was to be tried.
            let before = self.field.block(picture, block);
            if let Some(now) = std::iter::from_fn(|| queues[index].pop()).find(|&now| now != before) {
                trials.push(Trial { picture, block, now, before, error: 0.0 });
                places.into_iter().for_each(|place| self.owners[place] = trials.len() as u32);
            }
        }
        trials
    }

    /// Makes the changes that lower the cost.
    fn decide(&mut self, mut trials: Vec<Trial>) {
        let field = &self.field;
        trials.par_iter_mut().for_each(|trial| trial.error = field.changed_error(trial));
        let tried: Vec<bool> = trials.iter().map(|trial| self.is_worth_trying(trial)).collect();
        let tried = || trials.iter().enumerate().filter(|&(number, _)| tried[number]);
        tried().for_each(|(_, trial)| self.field.set(trial, trial.now));
        let changes = self.changes(&trials);
        for (_, trial) in tried().filter(|&(number, _)| changes[number] >= 0.0) {
            self.field.set(trial, trial.before);
        }
        self.bits = self.count();
    }

    /// Whether there are as many bits to save as it adds errors.
    fn is_worth_trying(&self, trial: &Trial) -> bool {
        let own: f64 =
            self.field.places.of_block(trial.picture, trial.block).map(|place| self.bits[place]).iter().sum();
        trial.error < self.price * (own + AROUND)
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
            let mut queues = refinement.field.queues();
            let (mut tried, mut elsewhere) = (0, 0);
            for round in 0..6 {
                let mut trials = refinement.choose(&mut queues, round);
                trials.iter_mut().for_each(|trial| trial.error = refinement.field.changed_error(trial));
                trials.iter().for_each(|trial| refinement.field.set(trial, trial.now));
                let together = refinement.changes(&trials);
                for trial in &trials {
                    assert_eq!(trial.error, refinement.field.changed_error(trial), "others are not seen");
                }
                trials.iter().for_each(|trial| refinement.field.set(trial, trial.before));
                for (trial, together) in trials.iter().zip(together) {
                    refinement.field.set(trial, trial.now);
                    let now = refinement.count();
                    refinement.field.set(trial, trial.before);
                    let own = refinement.field.places.of_block(trial.picture, trial.block);
                    let changed =
                        now.iter().zip(&refinement.bits).enumerate().filter(|(_, (now, before))| now != before);
                    elsewhere += changed.filter(|(place, _)| !own.contains(place)).count();
                    let bits: f64 = now.iter().zip(&refinement.bits).map(|(now, before)| now - before).sum();
                    let alone = trial.error + refinement.price * bits;
                    assert!((alone - together).abs() < 1e-3, "{alone} alone, {together} with others");
                }
                tried += trials.len();
            }
            assert!(tried > 30 && elsewhere > 2 * tried, "{tried} blocks change the bits of {elsewhere} others");
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
            let mut queues = refinement.field.queues();
            let mut number = 0;
            while refinement.round(&mut queues, number) {
                let now = cost(refinement);
                assert!(now <= before + 1e-3, "{before} to {now}");
                (before, number) = (now, number + 1);
            }
            assert!(before < 0.97 * first, "{first} to {before}");
        });
    }
}
