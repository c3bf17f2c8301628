//! Rate-distortion optimised quantisation: integer latents move by one where `D + lambda R` falls.
//!
//! Noise and soft rounding lead latents to integers, but not always to the best ones. A slope does not tell which should be one more or less: pictures are
//! rounded, and bits are no straight line. So it is tried, for many latents at the same time: those for which the slopes promise most, so far apart that each has
//! a place of its own. What a forward pass changes there, in the errors of all pictures and the bits of all latents, decides about each.

mod places;

use decoder_core::wire::{Grid, SITE};
use ndarray::Array3;
use rayon::prelude::*;

use crate::autodiff::ops::LATENT_LIMIT;

use super::network::Network;
use places::Places;

/// Sites beyond the residual that a latent of the finest grid reaches, in each direction: a layer of 3x3 and the loop filter.
const REACH: usize = 2;
/// How many sites farther its place goes where no other latent is tried: for what the motion carries along.
const MARGIN: usize = 4;
/// Largest magnitude of a latent.
const LIMIT: f32 = LATENT_LIMIT as f32;
/// Latents of a class that are tried before anything is known of it.
const FIRST_TRIALS: usize = 64;
/// What of the mean of a class counts besides the slope. With less, more is tried in vain, with more too little is tried.
const CAUTION: f64 = 0.4;
/// What is left of that mean after a round in which none of the class was tried.
const FORGETTING: f64 = 0.9;
/// Ways to move: away from zero, towards it, and farther away.
const WAYS: usize = 3;
/// Levels of pictures.
const LEVELS: usize = decoder_core::order::MAX_PYRAMID as usize + 1;

/// A latent that is moved. Small: in the first round nearly all latents are candidates.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// What the slope promises.
    promised: f32,
    /// Place in the grid's array.
    index: u32,
    class: u16,
    grid: u8,
    /// -1 or 1.
    by: i8,
}

impl Trial {
    fn grid(&self) -> usize {
        self.grid.into()
    }

    fn index(&self) -> usize {
        self.index as usize
    }

    fn class(&self) -> usize {
        self.class.into()
    }

    fn make(&self, network: &mut Network) {
        network.move_latent(self.grid(), self.index(), self.by.into());
    }

    fn undo(&self, network: &mut Network) {
        network.move_latent(self.grid(), self.index(), (-self.by).into());
    }
}

/// Latents that are alike, in grid, level of the picture and way to move.
#[derive(Clone, Copy, Debug, Default)]
struct Class {
    /// Mean of what came, less what the slopes promised; nothing before the first trial.
    offset: Option<f64>,
    /// Sum of these differences in a round, and their number.
    sum: f64,
    trials: usize,
}

impl Class {
    fn expects(&self, promised: f32) -> f64 {
        f64::from(promised) + CAUTION * self.offset.unwrap_or(0.0)
    }

    fn end_round(&mut self) {
        let Self { offset, sum, trials } = *self;
        let seen = (trials > 0).then(|| sum / trials as f64);
        self.offset = match (offset, seen) {
            (Some(before), Some(seen)) => Some(0.5 * (before + seen)),
            (Some(before), None) => Some(FORGETTING * before),
            (None, seen) => seen,
        };
        (self.sum, self.trials) = (0.0, 0);
    }
}

/// What everything costs, by its place, in units of `D + lambda R`.
struct Costs {
    /// Of each picture, site by site.
    errors: Vec<Vec<f64>>,
    /// Of each grid, latent by latent.
    bits: Vec<Vec<f64>>,
}

impl Costs {
    fn of(network: &Network, targets: &[Array3<f32>], lambda: f64) -> Self {
        let pictures = targets.iter().enumerate().map(|(number, target)| (network.picture(number), target));
        let pairs: Vec<(&[f32], &[f32])> =
            pictures.filter_map(|(picture, target)| Some((picture.as_slice()?, target.as_slice()?))).collect();
        let errors = pairs.par_iter().map(|(picture, target)| site_errors(picture, target, targets.len())).collect();
        Self { errors, bits: (0..network.grids.len()).map(|grid| network.latent_costs(grid, lambda)).collect() }
    }
}

/// What each site of a picture adds to the distortion of all: a part of `(6 Y + U + V) / 8`.
fn site_errors(picture: &[f32], target: &[f32], frames: usize) -> Vec<f64> {
    let sites = target.len() / SITE;
    let mut errors = vec![0.0; sites];
    for (channel, (picture, target)) in picture.chunks_exact(sites).zip(target.chunks_exact(sites)).enumerate() {
        // Four of the channels are luma.
        let weight = if channel < 4 { 6.0 / 4.0 } else { 1.0 } / 8.0 / (sites * frames) as f64;
        for ((error, &a), &b) in errors.iter_mut().zip(picture).zip(target) {
            *error += weight * f64::from(a - b).powi(2);
        }
    }
    errors
}

/// The search, between two rounds.
pub struct Rdoq<'a> {
    targets: &'a [Array3<f32>],
    lambda: f64,
    /// `[slices, channels, rows, columns]` of each grid.
    shapes: Vec<[usize; 4]>,
    /// Sites between two of its latents.
    strides: Vec<usize>,
    /// Latents that did not help when they were moved.
    failed: Vec<Vec<bool>>,
    classes: Vec<Class>,
    places: Places,
    costs: Costs,
}

impl<'a> Rdoq<'a> {
    /// Of a network with these grids whose latents are integers and whose values are computed. `targets` are its pictures' sources, `[6, rows, columns]`.
    pub fn new(network: &Network, grids: &[Grid], targets: &'a [Array3<f32>], lambda: f64) -> Self {
        let shapes: Vec<[usize; 4]> = (0..grids.len()).map(|grid| network.shape_of(grid)).collect();
        let (_, rows, columns) = targets[0].dim();
        Self {
            targets,
            lambda,
            failed: shapes.iter().map(|shape| vec![false; shape.iter().product()]).collect(),
            classes: vec![Class::default(); shapes.len() * LEVELS * WAYS],
            shapes,
            strides: grids.iter().map(|grid| 1 << grid.stride_log2).collect(),
            places: Places::new(rows, columns),
            costs: Costs::of(network, targets, lambda),
        }
    }

    /// Tries to move latents and leaves moved those that lower the cost. The network's values are computed before and after.
    pub fn round(&mut self, network: &mut Network) {
        let before = network.loss();
        network.differentiate();
        let trials = self.choose(network);
        trials.iter().for_each(|trial| trial.make(network));
        network.graph.evaluate();
        let changes = self.changes(network, trials.len());
        let mut kept = vec![];
        for (trial, change) in trials.iter().zip(changes) {
            let class = &mut self.classes[trial.class()];
            class.sum += change - f64::from(trial.promised);
            class.trials += 1;
            if change < 0.0 {
                kept.push(trial);
            } else {
                self.give_up(network, trial);
            }
        }
        self.classes.iter_mut().for_each(Class::end_round);
        network.graph.forward();
        // What one changes at another's place is not seen.
        if network.loss() > before {
            kept.into_iter().for_each(|trial| self.give_up(network, trial));
            network.graph.forward();
        }
        self.costs = Costs::of(network, self.targets, self.lambda);
    }

    fn give_up(&mut self, network: &mut Network, trial: &Trial) {
        trial.undo(network);
        self.failed[trial.grid()][trial.index()] = true;
    }

    /// Latents whose slopes promise most, each with a place of its own.
    fn choose(&mut self, network: &Network) -> Vec<Trial> {
        let mut candidates = vec![];
        for (grid, &[slices, ..]) in self.shapes.iter().enumerate() {
            let var = network.grids[grid].latents;
            let all = network.graph.value(var).len();
            // A slice may be of several pictures.
            let level_of =
                |index: usize| usize::from(network.levels[index * slices / all * network.levels.len() / slices]);
            let values = network.graph.value(var).iter().zip(network.graph.gradient(var));
            for (index, (&value, &slope)) in values.enumerate().filter(|&(index, _)| !self.failed[grid][index]) {
                let by = -slope.signum();
                if slope == 0.0 || (value + by).abs() > LIMIT {
                    continue;
                }
                let way = [value == 0.0, by == -value.signum(), true].iter().position(|&is| is).unwrap_or(0);
                let class = (grid * LEVELS + level_of(index)) * WAYS + way;
                let promised = slope * by;
                if self.classes[class].expects(promised) < 0.0 {
                    let (index, class, grid) = (index as u32, class as u16, grid as u8);
                    candidates.push(Trial { promised, index, class, grid, by: by as i8 });
                }
            }
        }
        let expected = |trial: &Trial| self.classes[trial.class()].expects(trial.promised);
        candidates.sort_by(|a, b| expected(a).total_cmp(&expected(b)));
        self.places.clear();
        let mut counts = vec![0; self.classes.len()];
        let mut trials: Vec<Trial> = vec![];
        for trial in candidates {
            if self.classes[trial.class()].offset.is_none() && counts[trial.class()] >= FIRST_TRIALS {
                continue;
            }
            // Finer stages interpolate from a coarse latent to the next.
            let reach = match self.strides[trial.grid()] {
                1 => REACH,
                stride => REACH + stride,
            };
            let site = self.site(trial.grid(), trial.index());
            if self.places.claim(site, reach, trials.len()) {
                counts[trial.class()] += 1;
                trials.push(trial);
            }
        }
        (0..MARGIN).for_each(|_| self.places.spread());
        trials
    }

    /// What each trial changed at its place.
    fn changes(&self, network: &Network, trials: usize) -> Vec<f64> {
        let mut changes = vec![0.0; trials];
        let now = Costs::of(network, self.targets, self.lambda);
        let mut add = |site: usize, change: f64| {
            if let Some(owner) = self.places.owner(site) {
                changes[owner] += change;
            }
        };
        for (now, before) in now.errors.iter().zip(&self.costs.errors) {
            now.iter().zip(before).enumerate().for_each(|(site, (now, before))| add(site, now - before));
        }
        for (grid, (now, before)) in now.bits.iter().zip(&self.costs.bits).enumerate() {
            for (index, (now, before)) in now.iter().zip(before).enumerate().filter(|(_, (now, before))| now != before)
            {
                add(self.site(grid, index), now - before);
            }
        }
        changes
    }

    /// The site in the middle of what a latent is nearest to.
    fn site(&self, grid: usize, index: usize) -> usize {
        let [_, _, rows, columns] = self.shapes[grid];
        let (at, stride) = (index % (rows * columns), self.strides[grid]);
        let y = (at / columns * stride + stride / 2).min(self.places.rows - 1);
        let x = (at % columns * stride + stride / 2).min(self.places.columns - 1);
        y * self.places.columns + x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{SampleSettings, sample_clip};
    use crate::settings::EncodeSettings;
    use crate::train::Outline;
    use crate::train::blocks::Finished;
    use crate::train::random::Random;
    use crate::train::run::Run;
    use crate::train::schedule::Schedule;
    use crate::train::source::Source;

    /// Calls `check` with a network of a few pictures, not fitted to the end and with integer latents, and its search.
    fn with_network(check: impl FnOnce(&mut Network, Rdoq<'_>)) {
        let clip = sample_clip(&SampleSettings { width: 80, height: 64, frames: 5, rate: (24, 1) });
        let settings = EncodeSettings { lambda: 30.0, ..EncodeSettings::default() };
        let header = Outline::new(&clip, &settings).expect("it fits").header;
        let source = Source::new(&clip.frames, &header.architecture, header.geometry(), &settings);
        let phase = *Schedule::new(settings.effort, &[clip.frames.len()]).phases.last().expect("there is one");
        let random = &mut Random::new(1);
        let mut run = Run::new(&source, phase, &Finished::default(), random);
        for step in phase.first..phase.first + 60 {
            run.step(step, random).expect("it fits");
        }
        run.finish();
        let rdoq = run.rdoq(&source);
        check(&mut run.network, rdoq);
    }

    #[test]
    fn what_a_latent_changes_is_found_at_its_place() {
        with_network(|network, mut rdoq| {
            let (mut found, mut alone, mut agree, mut all) = (0.0, 0.0, 0, 0);
            for _ in 0..4 {
                network.differentiate();
                let trials = rdoq.choose(network);
                let before = network.loss();
                let changes = {
                    trials.iter().for_each(|trial| trial.make(network));
                    network.graph.forward();
                    let changes = rdoq.changes(network, trials.len());
                    trials.iter().for_each(|trial| trial.undo(network));
                    changes
                };
                for (trial, change) in trials.iter().zip(changes) {
                    trial.make(network);
                    network.graph.forward();
                    let really = network.loss() - before;
                    trial.undo(network);
                    (found, alone) = (found + change.abs(), alone + (change - really).abs());
                    agree += usize::from((change < 0.0) == (really < 0.0));
                    all += 1;
                    rdoq.failed[trial.grid()][trial.index()] = true;
                }
                network.graph.forward();
            }
            assert!(all > 40, "{all} trials");
            assert!(alone < 0.1 * found, "{alone} of {found} is elsewhere");
            assert!(20 * agree > 19 * all, "{agree} of {all} are judged as they are");
        });
    }

    #[test]
    fn a_round_keeps_integers_and_never_makes_it_worse() {
        with_network(|network, mut rdoq| {
            let first = network.loss();
            let mut before = first;
            for _ in 0..6 {
                rdoq.round(network);
                assert!(network.loss() <= before);
                before = network.loss();
            }
            assert!(before < 0.99 * first, "{first} to {before}");
            for grid in &network.grids {
                let latents = network.graph.value(grid.latents);
                assert!(latents.iter().all(|latent| latent.fract() == 0.0 && latent.abs() <= LIMIT));
            }
            network.graph.forward();
            assert_eq!(network.loss(), before, "values are those of the latents");
        });
    }
}
