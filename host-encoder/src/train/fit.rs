//! Fitting one segment.

use std::ops::ControlFlow;

use decoder_core::wire::{Architecture, Geometry};

use crate::bitstream::SegmentModel;
use crate::frame::Frame;
use crate::settings::EncodeSettings;

use super::EncodeError;
use super::quantise::quantise;
use super::random::Random;
use super::run::Run;
use super::schedule::Schedule;
use super::source::Source;
use super::state::Keeper;

/// What stands after a step.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Steps done, those of an interrupted run included.
    pub step: u64,
    /// Work done: a step on n pictures counts n.
    pub done: u64,
    /// Work in all.
    pub all: u64,
    /// `D + lambda bits / pixel`.
    pub cost: f64,
    /// Mean distortion.
    pub distortion: f64,
    /// Bits that the loss counts.
    pub bits: f64,
    /// How often the fit was lost so far and taken up again where all was well.
    pub returns: u32,
}

/// Fits a segment to `frames` and returns it in integers. It goes on from what `keeper` has.
///
/// # Errors
/// [`EncodeError::Diverged`] if the numbers leave all bounds, [`EncodeError::Stopped`] if `report` says so.
pub fn fit(
    frames: &[Frame],
    architecture: &Architecture,
    geometry: Geometry,
    settings: &EncodeSettings,
    seed: u64,
    keeper: &mut dyn Keeper,
    report: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<SegmentModel, EncodeError> {
    let source = Source::new(frames, architecture, geometry, settings);
    let schedule = Schedule::new(settings.effort, frames.len());
    let mut random = Random::new(seed);
    let (mut number, mut step) = (0, 0);
    let mut run = None;
    if let Some(state) = keeper.resume() {
        // A state is kept after a step, so it belongs to the phase of the step before.
        let phase = schedule.phase_of(state.step.saturating_sub(1));
        let mut resumed = Run::new(&source, schedule.phases[phase], &mut Random::new(seed));
        if let Some((next, numbers)) = resumed.take_up(state) {
            (number, step, random) = (phase, next, numbers);
            run = Some(resumed);
        }
    }
    let mut run = run.unwrap_or_else(|| Run::new(&source, schedule.phases[0], &mut random));
    let mut returns = 0;
    loop {
        while step < schedule.phases[number].end() {
            let cost = run.step(step, &mut random)?;
            step += 1;
            let progress = Progress {
                step,
                done: schedule.work_after(step),
                all: schedule.work(),
                cost,
                distortion: run.network.mean_distortion(),
                bits: run.network.counted_bits() * frames.len() as f64 / run.frames() as f64,
                returns: returns + run.returns(),
            };
            let stop = report(&progress).is_break();
            if stop || keeper.due() {
                keeper.keep(&run.state(step, &random));
            }
            if stop {
                return Err(EncodeError::Stopped);
            }
        }
        number += 1;
        let Some(&phase) = schedule.phases.get(number) else { break };
        returns += run.returns();
        let before = std::mem::replace(&mut run, Run::new(&source, phase, &mut random));
        run.begin_from(&before);
    }
    let Source { motion, colour, .. } = &source;
    Ok(quantise(&run.network, architecture, geometry, frames.len(), motion.as_ref(), run.shifts(), *colour))
}
