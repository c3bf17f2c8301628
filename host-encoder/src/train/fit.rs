//! Fitting one segment.

use std::ops::ControlFlow;

use decoder_core::wire::{Architecture, Geometry};
use ndarray::{Array3, Array4};

use crate::autodiff::Var;
use crate::autodiff::optim::{Adam, AdamSettings};
use crate::bitstream::SegmentModel;
use crate::frame::Frame;
use crate::settings::{EncodeSettings, Metric};

use super::EncodeError;
use super::guard::{Guard, Verdict};
use super::motion_search::{self, Planes};
use super::network::{BIAS_STEP, CONTEXT_STEP, GAIN_STEP, Network, Objective};
use super::quantise::quantise;
use super::random::{Kumaraswamy, Random};
use super::schedule::{Moment, Schedule};
use super::state::{FitState, Keeper, LeafState};

/// Fraction bits of the weights.
const SHIFT: u8 = 7;
/// Price of a bit of motion in absolute differences, for each root of lambda.
const MOTION_PRICE: f64 = 3.0;
/// Decay of the mean squared gradients: shorter than usual, as steps are few.
const BETA2: f64 = 0.95;

/// What stands after a step.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Steps done, those of an interrupted run included.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// `D + lambda bits / pixel`.
    pub cost: f64,
    /// Mean distortion.
    pub distortion: f64,
    /// Bits that the loss counts.
    pub bits: f64,
    /// How often the fit was lost so far and taken up again where all was well.
    pub returns: u32,
}

/// A leaf and its optimiser.
pub(super) struct Trained {
    var: Var,
    adam: Adam<f32>,
    kind: Kind,
}

impl Trained {
    /// Numbers of the leaf.
    pub(super) fn len(&self) -> usize {
        self.adam.first_moments().len()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Latent,
    Gain,
    Weight,
}

impl Kind {
    fn rate(self, moment: &Moment, caution: f64) -> f64 {
        match self {
            Self::Latent => moment.latent_rate,
            Self::Gain => moment.gain_rate * caution,
            Self::Weight => moment.weight_rate * caution,
        }
    }
}

/// A picture as `[Y00 Y01 Y10 Y11 U V][row][column]`, edges replicated to even sizes.
pub fn lattice(frame: &Frame, geometry: Geometry) -> Array3<f32> {
    let Geometry { width, height } = geometry;
    Array3::from_shape_fn((6, height, width), |(c, row, column)| match c {
        0..4 => {
            let y = (2 * row + c / 2).min(frame.height - 1);
            let x = (2 * column + c % 2).min(frame.width - 1);
            frame.y[y * frame.width + x].into()
        }
        4 => frame.u[row * width + column].into(),
        _ => frame.v[row * width + column].into(),
    })
}

/// A picture with edges replicated to even sizes.
fn planes(frame: &Frame, geometry: Geometry) -> Planes {
    let (rows, columns) = (2 * geometry.height, 2 * geometry.width);
    let row = |y: usize| {
        let y = y.min(frame.height - 1) * frame.width;
        (0..columns).map(move |x| frame.y[y + x.min(frame.width - 1)])
    };
    Planes { geometry, luma: (0..rows).flat_map(row).collect(), chroma: [frame.u.clone(), frame.v.clone()] }
}

/// The mean of each plane.
pub(super) fn mean_colour(frame: &Frame) -> [u8; 3] {
    frame.planes().map(|plane| {
        let sum: u64 = plane.iter().map(|&sample| u64::from(sample)).sum();
        ((2 * sum + plane.len() as u64) / (2 * plane.len() as u64)) as u8
    })
}

/// The motion from each source picture to the next: `[frame][vertical, horizontal][row][column]`.
pub(super) fn source_motion(
    frames: &[Frame],
    architecture: &Architecture,
    geometry: Geometry,
    lambda: f64,
) -> Option<Array4<i8>> {
    let motion = architecture.motion?;
    let (rows, columns) = geometry.motion();
    let mut field = Array4::zeros((frames.len(), 2, rows, columns));
    let sources: Vec<Planes> = frames.iter().map(|frame| planes(frame, geometry)).collect();
    for (number, pair) in sources.windows(2).enumerate() {
        let slice = field.index_axis_mut(ndarray::Axis(0), number + 1);
        motion_search::search(&pair[0], &pair[1], motion, MOTION_PRICE * lambda.sqrt(), slice);
    }
    Some(field)
}

/// What an encode of pictures like `frame` minimises.
pub(super) fn objective(frame: &Frame, settings: &EncodeSettings) -> Objective {
    let structural = settings.metric == Metric::MsSsim;
    Objective { lambda: settings.lambda, structural, size: [frame.width, frame.height] }
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
    let mut random = Random::new(seed);
    let motion = source_motion(frames, architecture, geometry, settings.lambda);
    let targets: Vec<Array3<f32>> = frames.iter().map(|frame| lattice(frame, geometry)).collect();
    let colour = mean_colour(&frames[0]);
    let objective = objective(&frames[0], settings);
    let mut network = Network::new(architecture, geometry, &targets, motion.is_some(), colour, &objective, &mut random);
    if let Some(motion) = &motion {
        network.set_motion(motion);
    }
    let mut trained = trained(&network);
    let schedule = Schedule::new(settings.effort);
    let shifts = weight_shifts(&network);
    let mut noise = Kumaraswamy::new(1.0);
    let mut guard = Guard::default();
    let mut first = 0;
    if let Some(state) = keeper.resume().filter(|state| fits(state, &network, &trained)) {
        restore(&mut network, &mut trained, &state.leaves);
        (first, random, guard) = (state.step, state.random, state.guard);
    }
    for step in first..schedule.steps {
        let moment = schedule.at(step);
        if moment.new_noise_shape || step == first {
            noise = Kumaraswamy::new(moment.noise_shape);
        }
        prepare(&mut network, &moment, &noise, &shifts, &mut random);
        network.run(moment.structure && objective.structural);
        if moment.structure_begins && objective.structural {
            guard.forget_best();
        }
        let cost = network.cost(settings.lambda);
        let mut verdict = guard.judge(cost);
        if verdict == Verdict::Copy {
            guard.keep(leaves(&network, &trained));
        }
        if matches!(verdict, Verdict::Sound | Verdict::Copy) && !descend(&mut network, &mut trained, &moment, &guard) {
            verdict = guard.judge(f64::NAN);
        }
        match verdict {
            Verdict::Sound | Verdict::Copy => {}
            Verdict::Return => restore(&mut network, &mut trained, guard.kept()),
            Verdict::GiveUp => return Err(EncodeError::Diverged { segment: 0, step }),
        }
        let progress = Progress {
            step: step + 1,
            steps: schedule.steps,
            cost,
            distortion: network.mean_distortion(),
            bits: network.counted_bits(),
            returns: guard.returns(),
        };
        let stop = report(&progress).is_break();
        if stop || keeper.due() {
            let (leaves, random, guard) = (leaves(&network, &trained), random.clone(), guard.clone());
            keeper.keep(&FitState { step: step + 1, leaves, random, guard });
        }
        if stop {
            return Err(EncodeError::Stopped);
        }
    }
    Ok(quantise(&network, architecture, geometry, frames.len(), motion.as_ref(), &shifts, colour))
}

/// Fraction bits of each layer's weights.
pub(super) fn weight_shifts(network: &Network) -> Vec<u8> {
    vec![SHIFT; network.layers.len()]
}

pub(super) fn trained(network: &Network) -> Vec<Trained> {
    let settings = AdamSettings { beta2: BETA2, ..AdamSettings::default() };
    let new =
        |(var, kind): (Var, Kind)| Trained { var, adam: Adam::new(network.graph.value(var).len(), settings), kind };
    let latents = network.grids.iter().map(|grid| (grid.latents, Kind::Latent));
    let gains = network.grids.iter().map(|grid| (grid.gain, Kind::Gain));
    let layers = network.layers.iter().flat_map(|layer| [Some(layer.weights), layer.biases]).flatten();
    let context = network.context.iter().copied().filter(|&var| !network.graph.value(var).is_empty());
    latents.chain(gains).chain(layers.chain(context).map(|var| (var, Kind::Weight))).map(new).collect()
}

/// What is trained, as it is now.
fn leaves(network: &Network, trained: &[Trained]) -> Vec<LeafState> {
    trained.iter().map(|leaf| LeafState::of(network.graph.value(leaf.var), &leaf.adam)).collect()
}

/// Whether a state is one of this fit: that of another program may have other leaves.
fn fits(state: &FitState, network: &Network, trained: &[Trained]) -> bool {
    let all = |leaves: &[LeafState]| {
        let same = |(state, leaf): (&LeafState, &Trained)| state.fits(network.graph.value(leaf.var).len());
        leaves.len() == trained.len() && leaves.iter().zip(trained).all(same)
    };
    all(&state.leaves) && (state.guard.kept().is_empty() || all(state.guard.kept()))
}

/// Makes what is trained what it was.
fn restore(network: &mut Network, trained: &mut [Trained], leaves: &[LeafState]) {
    for (leaf, state) in trained.iter_mut().zip(leaves) {
        state.restore(network.graph.value_mut(leaf.var), &mut leaf.adam);
    }
}

/// Moves all leaves against their gradients; `false` if one of these is not finite.
pub(super) fn descend(network: &mut Network, trained: &mut [Trained], moment: &Moment, guard: &Guard) -> bool {
    let mut finite = true;
    for leaf in trained {
        let rate = leaf.kind.rate(moment, guard.caution());
        if rate > 0.0 {
            let (value, gradient) = network.graph.value_and_gradient(leaf.var);
            finite &= leaf.adam.step(value, gradient, rate).is_ok();
        }
    }
    finite
}

/// Sets the leaves that a step's moment decides.
pub(super) fn prepare(network: &mut Network, moment: &Moment, noise: &Kumaraswamy, shifts: &[u8], random: &mut Random) {
    let graph = &mut network.graph;
    graph.value_mut(network.rounding)[0] = moment.temperature;
    graph.value_mut(network.rounding)[1] = f32::from(u8::from(moment.settled));
    graph.value_mut(network.picture_rounding)[0] = f32::from(u8::from(moment.quantised));
    for (var, step) in network.scalar_quantisers.into_iter().zip([GAIN_STEP, BIAS_STEP, CONTEXT_STEP]) {
        graph.value_mut(var)[0] = if moment.settled { step } else { 0.0 };
    }
    for (layer, &shift) in network.layers.iter().zip(shifts) {
        let step = (-f32::from(shift)).exp2();
        graph.value_mut(layer.quantiser)[0] = if moment.quantised { step } else { 0.0 };
        graph.value_mut(layer.priced_step)[0] = step;
    }
    if !moment.settled {
        for grid in &network.grids {
            if let Some(values) = graph.value_mut(grid.noise).as_slice_mut() {
                random.fill(noise, values);
            }
        }
    }
}
