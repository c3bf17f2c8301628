//! Fitting one segment.

use std::ops::ControlFlow;

use decoder_core::wire::{Architecture, Geometry};

use crate::bitstream::SegmentModel;
use crate::frame::Frame;
use crate::settings::EncodeSettings;

use super::EncodeError;
use super::blocks::{self, Finished};
use super::random::Random;
use super::refit::refit;
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

/// Fits a segment to `frames` and returns it in integers, with its bits as the loss counts them. It goes on from what `keeper` has.
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
) -> Result<(SegmentModel, f64), EncodeError> {
    let source = Source::new(frames, architecture, geometry, settings);
    let schedule = Schedule::new(settings.effort, &blocks::lengths(architecture, frames.len()));
    let (finished, run) = fit_blocks(&source, &schedule, seed, keeper, report)?;
    let (_, bits) = finished.with(&run.network, run.frames(), frames.len());
    Ok((finished.model(&run, &source), bits))
}

/// Fits one block after the other; with them comes the last step's run.
fn fit_blocks(
    source: &Source<'_>,
    schedule: &Schedule,
    seed: u64,
    keeper: &mut dyn Keeper,
    report: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<(Finished, Run), EncodeError> {
    let mut random = Random::new(seed);
    let mut finished = Finished::default();
    let (mut number, mut step) = (0, 0);
    let mut run = None;
    if let Some(state) = keeper.resume() {
        // A state is kept after a step, so it belongs to the phase of the step before.
        let phase = schedule.phase_of(state.step.saturating_sub(1));
        if state.finished.fits(source, schedule.phases[phase].start) {
            let before = state.finished.clone();
            let mut resumed = Run::new(source, schedule.phases[phase], &before, &mut Random::new(seed));
            if let Some((next, numbers)) = resumed.take_up(state) {
                (number, step, random, finished) = (phase, next, numbers, before);
                run = Some(resumed);
            }
        }
    }
    let mut run = run.unwrap_or_else(|| Run::new(source, schedule.phases[0], &finished, &mut random));
    let mut returns = 0;
    loop {
        while step < schedule.phases[number].end() {
            let cost = run.step(step, &mut random)?;
            step += 1;
            let done = schedule.work_before_rounds(step, schedule.rounds);
            let progress = progress(&run, &finished, source, (step, done, schedule.work()), cost, returns);
            let stop = report(&progress).is_break();
            if stop || keeper.due() {
                keeper.keep(&run.state(step, &random, &finished));
            }
            if stop {
                return Err(EncodeError::Stopped);
            }
        }
        number += 1;
        if run.phase().last {
            let state = run.state(step, &random, &finished);
            run.finish();
            if run.phase().start == 0 {
                // These latents are tried with, and what follows is fitted to, the bits of finished ones.
                let mut block = finished.clone();
                block.add(&run, source);
                refit(&mut run.network, &mut block, source, false);
                run.network.graph.forward();
            }
            if source.tries_latents() {
                let mut rdoq = run.rdoq(source);
                for left in (0..schedule.rounds).rev() {
                    rdoq.round(&mut run.network);
                    let cost = run.network.cost(source.objective.lambda);
                    let done = schedule.work_before_rounds(step, left);
                    let progress = progress(&run, &finished, source, (step, done, schedule.work()), cost, returns);
                    let stop = report(&progress).is_break();
                    // The state before: rounds are few, and begin anew.
                    if stop || keeper.due() {
                        keeper.keep(&state);
                    }
                    if stop {
                        return Err(EncodeError::Stopped);
                    }
                }
            }
            finished.add(&run, source);
            // In the end all bits are those of the file.
            if number == schedule.phases.len() {
                refit(&mut run.network, &mut finished, source, true);
            }
        }
        let Some(&phase) = schedule.phases.get(number) else { break };
        returns += run.returns();
        let before = std::mem::replace(&mut run, Run::new(source, phase, &finished, &mut random));
        if before.phase().start == phase.start {
            run.begin_from(&before);
        }
    }
    Ok((finished, run))
}

/// What stands after a step or a round, with the work done until then and all work.
fn progress(
    run: &Run,
    finished: &Finished,
    source: &Source<'_>,
    (step, done, all): (u64, u64, u64),
    cost: f64,
    returns: u32,
) -> Progress {
    let (distortion, bits) = finished.with(&run.network, run.frames(), source.targets.len());
    Progress { step, done, all, cost, distortion, bits, returns: returns + run.returns() }
}

#[cfg(test)]
mod tests {
    use decoder_core::Level;
    use decoder_core::wire::FileHeader;

    use super::*;
    use crate::bitstream::{file_bytes, segment_bytes};
    use crate::frame::Clip;
    use crate::playback::decode_file;
    use crate::sample::{SampleSettings, sample_clip};
    use crate::settings::Effort;
    use crate::train::{FitState, Forgetful, Outline};

    /// As they are with a pyramid of two levels, and smaller ones at the end.
    const BLOCKS: [usize; 3] = [5, 4, 3];
    /// So that changes of weights pay.
    const LAMBDA: f64 = 30.0;

    /// Has a state to go on from, and keeps the last.
    #[derive(Default)]
    struct Slot(Option<FitState>);

    impl Keeper for Slot {
        fn resume(&mut self) -> Option<FitState> {
            self.0.take()
        }

        fn due(&mut self) -> bool {
            false
        }

        fn keep(&mut self, state: &FitState) {
            self.0 = Some(state.clone());
        }
    }

    /// Calls `check` with a clip that is fitted in blocks, its header, its source and its schedule.
    fn with_blocks(level: Level, check: impl FnOnce(&Clip, &FileHeader, &Source<'_>, &Schedule)) {
        let frames = BLOCKS.iter().sum();
        let clip = sample_clip(&SampleSettings { width: 48, height: 32, frames, rate: (24, 1) });
        let settings = EncodeSettings { level, lambda: LAMBDA, effort: Effort::Draft, ..EncodeSettings::default() };
        let mut header = Outline::new(&clip, &settings).expect("it fits the level").header;
        // Emptiness flags are not in the loss.
        header.architecture.flag_levels = 0;
        let source = Source::new(&clip.frames, &header.architecture, header.geometry(), &settings);
        check(&clip, &header, &source, &Schedule::new(settings.effort, &BLOCKS));
    }

    #[test]
    fn blocks_are_what_the_decoder_makes_of_them() {
        let check = |clip: &Clip, header: &FileHeader, source: &Source<'_>, schedule: &Schedule| {
            let go_on = &mut |_: &Progress| ControlFlow::Continue(());
            let (finished, run) = fit_blocks(source, schedule, 1, &mut Forgetful, go_on).expect("it fits");
            let model = finished.model(&run, source);
            let begins: Vec<usize> = model.updates.iter().map(|update| update.first).collect();
            assert_eq!(begins, [BLOCKS[0], BLOCKS[0] + BLOCKS[1]], "weights follow the blocks");
            assert!(model.updates.iter().all(|update| update.weights != model.weights), "and change with them");
            let segment = segment_bytes(header, 0, 0, &model).expect("it can be written");
            let (expected, said) = finished.with(&run.network, run.frames(), clip.frames.len());
            let (bits, mut distortion) = (segment.bits.total(), 0.0);
            let mean = |a: &[u8], b: &[u8]| {
                a.iter().zip(b).map(|(&a, &b)| f64::from(a.abs_diff(b)).powi(2)).sum::<f64>() / a.len() as f64
            };
            let add = &mut |number: usize, frame: &Frame| {
                let [y, u, v] = [0, 1, 2].map(|plane| mean(clip.frames[number].planes()[plane], frame.planes()[plane]));
                distortion += (6.0 * y + u + v) / 8.0 / clip.frames.len() as f64;
                Ok::<(), std::convert::Infallible>(())
            };
            decode_file(&file_bytes(header, &[segment]), add).expect("it is decoded");
            // Next to no more than the sums of a mean in `f32` differ by.
            assert!((distortion / expected - 1.0).abs() < 2e-6, "{distortion} decoded, {expected} in the fit");
            // Emptiness flags are not in the loss.
            // Laws are computed with integers.
            assert!((bits / said - 1.0).abs() < 0.03, "{bits} written, {said} counted");
        };
        // Between them they have all kinds of layers and of interpolation.
        with_blocks(Level::Nano, check);
        with_blocks(Level::Micro, check);
    }

    #[test]
    fn an_interrupted_fit_of_blocks_is_the_same() {
        with_blocks(Level::Micro, |_, _, source, schedule| {
            // Around the end of each phase, and in the second round of each block.
            let steps = schedule.phases.iter().flat_map(|phase| [phase.end() - 1, phase.end(), phase.end() + 1]);
            let mut stops: Vec<(u64, u64)> =
                steps.map(|step| (step, schedule.work_before_rounds(step, schedule.rounds))).collect();
            stops.retain(|&(step, _)| step <= schedule.steps());
            let blocks = schedule.phases.iter().filter(|phase| phase.last);
            stops.extend(
                blocks.map(|phase| (phase.end(), schedule.work_before_rounds(phase.end(), schedule.rounds - 2))),
            );
            let fit = |slot: &mut Slot, stops: &mut Vec<(u64, u64)>| {
                let report = &mut |progress: &Progress| match stops
                    .iter()
                    .position(|&at| at == (progress.step, progress.done))
                {
                    Some(at) => {
                        stops.remove(at);
                        ControlFlow::Break(())
                    }
                    None => ControlFlow::Continue(()),
                };
                fit_blocks(source, schedule, 1, slot, report).map(|(finished, _)| finished)
            };
            let whole = fit(&mut Slot::default(), &mut vec![]).expect("it fits");
            let mut slot = Slot::default();
            let resumed = loop {
                match fit(&mut slot, &mut stops) {
                    Err(EncodeError::Stopped) => {}
                    result => break result.expect("it fits"),
                }
            };
            assert_eq!(stops, [], "it was interrupted everywhere");
            assert_eq!(resumed, whole);
        });
    }
}
