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
use super::schedule::{Phase, Schedule};
use super::source::Source;
use super::state::{FitState, Keeper};

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
    let (_, bits) = finished.with(&run, &source);
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
    let finished = Finished::default();
    let random = Random::new(seed);
    let mut fitting = Fitting { source, schedule, keeper, report, random, finished, number: 0, step: 0, returns: 0 };
    let mut run = match fitting.resume(seed) {
        Some(run) => run,
        None => fitting.phase(schedule.phases[0]),
    };
    loop {
        fitting.steps(&mut run)?;
        if run.phase().last {
            fitting.finish_block(&mut run)?;
        }
        fitting.number += 1;
        let Some(&phase) = schedule.phases.get(fitting.number) else { break };
        fitting.returns += run.returns();
        let before = std::mem::replace(&mut run, fitting.phase(phase));
        if before.phase().start == phase.start {
            run.begin_from(&before);
        }
    }
    Ok((fitting.finished, run))
}

/// A fit of a segment between two steps, but for the phase's own.
struct Fitting<'a> {
    source: &'a Source<'a>,
    schedule: &'a Schedule,
    keeper: &'a mut dyn Keeper,
    report: &'a mut dyn FnMut(&Progress) -> ControlFlow<()>,
    random: Random,
    finished: Finished,
    /// Of the phase.
    number: usize,
    /// Steps done.
    step: u64,
    /// Ways back in the phases before.
    returns: u32,
}

impl Fitting<'_> {
    /// Goes on from what the keeper has, if it is of such a fit.
    fn resume(&mut self, seed: u64) -> Option<Run> {
        let state = self.keeper.resume()?;
        // A state is kept after a step, so it belongs to the phase of the step before.
        let number = self.schedule.phase_of(state.step.saturating_sub(1));
        let phase = self.schedule.phases[number];
        if !state.finished.fits(self.source, phase.start) {
            return None;
        }
        let finished = state.finished.clone();
        let mut run = Run::new(self.source, phase, &finished, &mut Random::new(seed));
        let (step, random) = run.take_up(state)?;
        (self.number, self.step, self.random, self.finished) = (number, step, random, finished);
        Some(run)
    }

    /// A phase at its first step.
    fn phase(&mut self, phase: Phase) -> Run {
        Run::new(self.source, phase, &self.finished, &mut self.random)
    }

    /// The steps that are left of a phase.
    fn steps(&mut self, run: &mut Run) -> Result<(), EncodeError> {
        while self.step < run.phase().end() {
            let cost = run.step(self.step, &mut self.random)?;
            self.step += 1;
            let stop = self.tell(run, self.schedule.rounds, cost);
            if stop || self.keeper.due() {
                self.keeper.keep(&run.state(self.step, &self.random, &self.finished));
            }
            if stop {
                return Err(EncodeError::Stopped);
            }
        }
        Ok(())
    }

    /// Makes integers of a block's latents, the best that are found, and adds it to those that are finished.
    fn finish_block(&mut self, run: &mut Run) -> Result<(), EncodeError> {
        let state = run.state(self.step, &self.random, &self.finished);
        run.finish();
        if run.phase().start == 0 {
            // These latents are tried with, and what follows is fitted to, the bits of finished ones.
            let mut block = self.finished.clone();
            block.add(run, self.source);
            refit(&mut run.network, &mut block, self.source, false);
            run.network.graph.forward();
        }
        if self.source.tries_latents() {
            self.rounds(run, &state)?;
        }
        self.finished.add(run, self.source);
        // In the end all bits are those of the file.
        if self.step == self.schedule.steps() {
            refit(&mut run.network, &mut self.finished, self.source, true);
        }
        Ok(())
    }

    /// Tries integer latents. Rounds are few: if it is interrupted, they begin anew from the `state` before.
    fn rounds(&mut self, run: &mut Run, state: &FitState) -> Result<(), EncodeError> {
        let mut rdoq = run.rdoq(self.source);
        for left in (0..self.schedule.rounds).rev() {
            rdoq.round(&mut run.network);
            let cost = run.network.cost(self.source.objective.lambda);
            let stop = self.tell(run, left, cost);
            if stop || self.keeper.due() {
                self.keeper.keep(state);
            }
            if stop {
                return Err(EncodeError::Stopped);
            }
        }
        Ok(())
    }

    /// Tells what stands when so many rounds are left of the block, and returns whether to stop.
    fn tell(&mut self, run: &Run, rounds: u64, cost: f64) -> bool {
        let (distortion, bits) = self.finished.with(run, self.source);
        let progress = Progress {
            step: self.step,
            done: self.schedule.work_before_rounds(self.step, rounds),
            all: self.schedule.work(),
            cost,
            distortion,
            bits,
            returns: self.returns + run.returns(),
        };
        (self.report)(&progress).is_break()
    }
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
    use crate::train::{Forgetful, Outline};

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
            let (expected, _) = finished.with(&run, source);
            let (of_all, of_weights, mut distortion) = (segment.bits.total(), segment.bits.weights, 0.0);
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
            let [latents, parameters] = finished.counted_bits();
            let of_latents = of_all - of_weights;
            // Laws are computed with integers.
            assert!((of_latents / latents - 1.0).abs() < 0.01, "{of_latents} bits written, {latents} counted");
            // Entropies by mean magnitudes are what the loss has of weights, not their symbols.
            assert!((of_weights / parameters - 1.0).abs() < 0.08, "{of_weights} bits written, {parameters} counted");
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
