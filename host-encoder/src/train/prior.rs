//! Generic weights: where a fit begins when it need not begin with random numbers.
//!
//! They are found as in Reptile (Nichol, Achiam, Schulman, 2018, arXiv 1803.02999): from the weights as they are, fit a few
//! pictures of some clips, move the weights a part of the way to what the fits found, and begin again.

use decoder_core::wire::{Architecture, Geometry};
use rayon::prelude::*;

use crate::frame::{Clip, Frame};
use crate::progress::{Observer, Step};
use crate::settings::{Effort, EncodeSettings};

use super::EncodeError;
use super::blocks::Finished;
use super::parameters::Parameters;
use super::presets::architecture;
use super::random::Random;
use super::run::Run;
use super::schedule::Schedule;
use super::source::Source;

/// Fits whose mean a round moves towards.
const FITS: usize = 4;
/// Luma columns and rows of what a fit sees of a clip, at most.
const WINDOW: [usize; 2] = [112, 96];
/// Pictures that a fit sees.
const FRAMES: usize = 8;
/// Part of the way in the last round, when that of the first is 1.
const LAST_MOVE: f64 = 0.1;
/// Price of a parameter's bit in a fit, relative to a latent's: in an encode many more samples share its cost.
const PARAMETER_PRICE: f64 = 0.1;

/// What generic weights are trained on, and how long.
#[derive(Debug)]
pub struct PriorTraining<'a> {
    /// Clips; every fit sees a window of one of them.
    pub clips: &'a [Clip],
    /// Level, motion, metric and seed count.
    pub settings: &'a EncodeSettings,
    /// Weights of the rate that fits take turns with; all lead to the one architecture that the weights are for.
    pub lambdas: &'a [f64],
    /// Rounds of four fits.
    pub rounds: usize,
}

/// Trains generic weights. The same clips, settings and seed give the same weights, whatever the number of threads.
///
/// A step that `observer` sees is a round, and its loss the mean cost of the round's fits, `D + lambda bits / pixel`.
///
/// # Errors
/// [`EncodeError::Empty`] without clips or lambdas, or if a clip has no frames, [`EncodeError::Stopped`] if `observer` says so.
pub fn train_prior(training: &PriorTraining<'_>, observer: &mut dyn Observer) -> Result<Parameters, EncodeError> {
    let &PriorTraining { clips, settings, lambdas, rounds } = training;
    if clips.is_empty() || clips.iter().any(|clip| clip.frames.is_empty()) || lambdas.is_empty() {
        return Err(EncodeError::Empty);
    }
    // One size for all clips: a small picture has fewer grids, and other weights.
    let least = |of: fn(&Clip) -> usize, most: usize| clips.iter().map(of).fold(most, usize::min);
    let size = [least(|clip| clip.width, WINDOW[0]), least(|clip| clip.height, WINDOW[1])];
    let mut random = Random::new(settings.seed);
    let mut prior: Option<Parameters> = None;
    for round in 0..rounds {
        let tasks: Vec<Task> = (0..FITS)
            .map(|_| {
                let clip = &clips[random.below(clips.len())];
                let lambda = lambdas[random.below(lambdas.len())];
                let settings = EncodeSettings { lambda, effort: Effort::Draft, ..settings.clone() };
                let seed = random.below(usize::MAX) as u64;
                Task { parameter_price: PARAMETER_PRICE, ..Task::new(window(clip, size, &mut random), settings, seed) }
            })
            .collect();
        let fitted: Vec<(Parameters, f64)> =
            tasks.par_iter().filter_map(|task| task.fit(prior.as_ref(), settings.seed)).collect();
        let (found, costs): (Vec<Parameters>, Vec<f64>) = fitted.into_iter().unzip();
        if let Some(first) = found.first() {
            let way = round as f64 / rounds.max(2).saturating_sub(1) as f64;
            let part = 1.0 + (LAST_MOVE - 1.0) * way;
            prior.get_or_insert_with(|| first.clone()).approach(&found, part);
        }
        let loss = costs.iter().sum::<f64>() / costs.len() as f64;
        let [step, steps] = [round as u64 + 1, rounds as u64];
        if observer.step(&Step { step, steps, loss, psnr: f64::NAN, bytes: f64::NAN }).is_break() {
            return Err(EncodeError::Stopped);
        }
    }
    prior.ok_or(EncodeError::Empty)
}

/// `D + lambda bits / pixel` at the end of a fit of all frames of a clip as one segment, as its loss counts it: begun with
/// `prior`, or with random weights.
///
/// # Errors
/// [`EncodeError::Empty`] without frames, [`EncodeError::Diverged`] if the fit is lost.
pub fn cost_from(clip: &Clip, settings: &EncodeSettings, prior: Option<&Parameters>) -> Result<f64, EncodeError> {
    if clip.frames.is_empty() {
        return Err(EncodeError::Empty);
    }
    let task = Task::new(clip.frames.clone(), settings.clone(), settings.seed);
    task.fit(prior, settings.seed).map(|(_, cost)| cost).ok_or(EncodeError::Diverged { segment: 0, step: 0 })
}

/// What one fit sees.
struct Task {
    frames: Vec<Frame>,
    geometry: Geometry,
    architecture: Architecture,
    settings: EncodeSettings,
    seed: u64,
    parameter_price: f64,
}

impl Task {
    fn new(frames: Vec<Frame>, settings: EncodeSettings, seed: u64) -> Self {
        let geometry = Geometry::new(frames[0].width as u16, frames[0].height as u16);
        Self { architecture: architecture(&settings, geometry), frames, geometry, settings, seed, parameter_price: 1.0 }
    }

    /// The weights that it ends with, and its cost; nothing if it is lost.
    fn fit(&self, prior: Option<&Parameters>, seed: u64) -> Option<(Parameters, f64)> {
        let mut source = Source::new(&self.frames, &self.architecture, self.geometry, &self.settings);
        source.objective.parameter_price = self.parameter_price;
        // All first fits begin with the same random weights: the mean of their results means something.
        let mut random = Random::new(seed);
        let mut run: Option<Run> = None;
        for phase in Schedule::new(self.settings.effort, &[self.frames.len()]).phases {
            let mut next = Run::new(&source, phase, &Finished::default(), &mut random);
            match (&run, prior) {
                (Some(before), _) => next.begin_from(before),
                (None, Some(prior)) => _ = next.network.set_parameters(prior),
                (None, None) => {}
            }
            if run.is_none() {
                random = Random::new(self.seed);
            }
            for step in phase.first..phase.end() {
                next.step(step, &mut random).ok()?;
            }
            run = Some(next);
        }
        let run = run?;
        Some((run.network.parameters(), run.network.cost(self.settings.lambda)))
    }
}

/// What a fit sees of a clip.
fn window(clip: &Clip, size: [usize; 2], random: &mut Random) -> Vec<Frame> {
    // Even places, so that chroma samples stay where they are.
    let mut place = |whole: usize, part: usize| 2 * random.below((whole - part) / 2 + 1);
    let at = [place(clip.width, size[0]), place(clip.height, size[1])];
    let count = FRAMES.min(clip.frames.len());
    let first = random.below(clip.frames.len() - count + 1);
    clip.frames[first..first + count].iter().map(|frame| crop(frame, at, size)).collect()
}

/// A window of a picture; its place is even.
fn crop(frame: &Frame, [x, y]: [usize; 2], [width, height]: [usize; 2]) -> Frame {
    let part = |plane: &[u8], stride: usize, [x, y]: [usize; 2], [width, height]: [usize; 2]| {
        (y..y + height).flat_map(|row| plane[row * stride + x..][..width].iter().copied()).collect()
    };
    let half = [width.div_ceil(2), height.div_ceil(2)];
    let chroma = |plane: &[u8]| part(plane, frame.chroma_width(), [x / 2, y / 2], half);
    Frame {
        width,
        height,
        y: part(&frame.y, frame.width, [x, y], [width, height]),
        u: chroma(&frame.u),
        v: chroma(&frame.v),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use decoder_core::Level;

    use super::*;
    use crate::progress::Silent;
    use crate::sample::{SampleSettings, sample_clip};

    fn training(clips: &[Clip], level: Level, threads: usize) -> Parameters {
        let settings = EncodeSettings { level, ..EncodeSettings::default() };
        let training = PriorTraining { clips, settings: &settings, lambdas: &[150.0, 190.0], rounds: 2 };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train_prior(&training, &mut Silent)).unwrap()
    }

    #[test]
    fn weights_do_not_depend_on_threads_and_start_only_their_own_network() {
        let clip = sample_clip(&SampleSettings { width: 40, height: 32, frames: 2, ..SampleSettings::default() });
        let prior = training(std::slice::from_ref(&clip), Level::Nano, 1);
        assert_eq!(prior, training(std::slice::from_ref(&clip), Level::Nano, 3));
        for level in [Level::Nano, Level::Micro] {
            let settings = EncodeSettings { level, effort: Effort::Draft, ..EncodeSettings::default() };
            let task = Task::new(clip.frames.clone(), settings, 0);
            let source = Source::new(&task.frames, &task.architecture, task.geometry, &task.settings);
            let phase = Schedule::new(Effort::Draft, &[2]).phases[0];
            let mut run = Run::new(&source, phase, &Finished::default(), &mut Random::new(1));
            let before = run.network.parameters();
            assert_eq!(run.network.set_parameters(&prior), level == Level::Nano);
            assert_eq!(run.network.parameters(), if level == Level::Nano { prior.clone() } else { before });
        }
    }

    #[test]
    fn clips_of_any_sizes_make_weights_of_one_network() {
        let clip =
            |width, height| sample_clip(&SampleSettings { width, height, frames: 2, ..SampleSettings::default() });
        let clips = [clip(80, 48), clip(16, 80)];
        assert_eq!(training(&clips, Level::Nano, 2), training(&clips, Level::Nano, 1));
        let settings = EncodeSettings::default();
        let empty = Clip { frames: vec![], ..clip(16, 16) };
        let training =
            PriorTraining { clips: &[clip(16, 16), empty], settings: &settings, lambdas: &[150.0], rounds: 1 };
        assert!(matches!(train_prior(&training, &mut Silent), Err(EncodeError::Empty)));
    }

    #[test]
    fn a_round_moves_to_the_mean_of_its_fits() {
        let prior = |value: f32| Parameters::of([arr1(&[value, -value]).into_dyn()].iter());
        let mut weights = prior(1.0);
        weights.approach(&[prior(2.0), prior(6.0)], 0.5);
        assert_eq!(weights, prior(2.5));
    }
}
