//! A phase of a fit, step by step.

use decoder_core::weights::{BIAS_LIMIT, CONTEXT_LIMIT, GAIN_LIMIT};
use decoder_core::wire::LoopFilter;
use ndarray::Axis;

use crate::autodiff::Var;
use crate::autodiff::ops::loop_filter::{REACHES, STRENGTHS};
use crate::autodiff::optim::{Adam, AdamSettings};
use crate::settings::Ablation;

use super::EncodeError;
use super::blocks::Finished;
use super::guard::{Guard, Verdict};
use super::network::{BIAS_STEP, CONTEXT_STEP, GAIN_STEP, Network, Objective, Pictures};
use super::quantise::round_parameters;
use super::random::{Kumaraswamy, Random};
use super::rdoq::Rdoq;
use super::recentre::recentre;
use super::schedule::{Moment, Phase};
use super::source::Source;
use super::state::{FitState, LeafState};

/// Fraction bits of the weights. One more or less is worse by half a per cent of `J` (docs/measurements.md).
const SHIFT: u8 = 6;
/// Decay of the mean squared gradients: shorter than usual, as steps are few.
const BETA2: f64 = 0.95;
/// Bounds of a gain. The format has none below 0: without them a gain may slip through 0, and its grid is lost in the file.
const GAINS: [f32; 2] = [1.0 / 64.0, GAIN_LIMIT as f32 * GAIN_STEP];
/// Bounds of a bias and of a context parameter. What is rounded late would be cut off late, when nothing else can make up for it any more.
const BIASES: [f32; 2] = [-BIAS_LIMIT as f32 * BIAS_STEP, BIAS_LIMIT as f32 * BIAS_STEP];
/// See [`BIASES`].
pub const CONTEXTS: [f32; 2] = [-CONTEXT_LIMIT as f32 * CONTEXT_STEP, CONTEXT_LIMIT as f32 * CONTEXT_STEP];

/// Bounds of strength and reach of the loop filter.
const LOOP_FILTERS: [[f32; 2]; 2] =
    [[0.0, LoopFilter::MAX_STRENGTH as f32 / STRENGTHS as f32], [0.0, LoopFilter::MAX_REACH as f32 / REACHES as f32]];

/// A leaf and its optimiser.
struct Trained {
    var: Var,
    adam: Adam<f32>,
    kind: Kind,
    bounds: Option<[f32; 2]>,
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
            Self::Latent => moment.latent_rate * caution,
            Self::Gain => moment.gain_rate * caution,
            Self::Weight => moment.weight_rate * caution,
        }
    }
}

/// A phase of a fit: a tape, what is trained on it, and the way back.
pub struct Run {
    phase: Phase,
    /// See [`Self::numbers`].
    numbers: Vec<usize>,
    lambda: f64,
    structural: bool,
    ablation: Ablation,
    /// The tape.
    pub network: Network,
    trained: Vec<Trained>,
    shifts: Vec<u8>,
    noise: Option<Kumaraswamy>,
    guard: Guard,
}

impl Run {
    /// A phase at its first step, with latents that are zero and the parameters of the block before it; in the first block with weights from `random`.
    pub fn new(source: &Source<'_>, phase: Phase, finished: &Finished, random: &mut Random) -> Self {
        let past = finished.past(source);
        let numbers = phase.pictures(source.order);
        let lambda = phase.price() * source.objective.lambda;
        let mut network = Network::new(
            source.architecture,
            source.geometry,
            Pictures {
                targets: &source.targets,
                order: source.order,
                numbers: &numbers,
                loop_filter: source.loop_filter,
                colour: source.colour,
                past: past.as_ref(),
            },
            &Objective { lambda, ..source.objective },
            random,
        );
        if let Some(motion) = &source.motion {
            let splits = source.splits.as_ref().map(|splits| splits.select(Axis(0), &numbers));
            network.set_motion(motion.select(Axis(0), &numbers).view(), splits.as_ref().map(|splits| splits.view()));
        }
        if let Some(sides) = &source.sides {
            network.set_sides(sides.select(Axis(0), &numbers).view());
        }
        Self {
            phase,
            numbers,
            lambda,
            structural: source.objective.structural,
            ablation: source.ablation,
            trained: trained(&network, past.is_some()),
            shifts: vec![SHIFT; network.layers.len()],
            network,
            noise: None,
            guard: Guard::default(),
        }
    }

    /// Its place in the fit.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Numbers of its pictures, ascending.
    pub fn numbers(&self) -> &[usize] {
        &self.numbers
    }

    /// Pictures.
    pub fn frames(&self) -> usize {
        self.phase.frames
    }

    /// Ways back so far.
    pub fn returns(&self) -> u32 {
        self.guard.returns()
    }

    /// Fraction bits of each layer's weights.
    pub fn shifts(&self) -> &[u8] {
        &self.shifts
    }

    /// Numbers that are trained.
    pub fn parameters(&self) -> usize {
        self.trained.iter().map(|leaf| leaf.adam.first_moments().len()).sum()
    }

    /// Takes weights, and the latents of its pictures, from a phase with fewer.
    pub fn begin_from(&mut self, before: &Self) {
        let place = |number| self.numbers.iter().position(|own| own == number).expect("all of a phase are in the next");
        // Where a slice is of several pictures, they are the first of both.
        let places: Vec<usize> = before.numbers.iter().map(place).collect();
        for (leaf, from) in self.trained.iter().zip(&before.trained) {
            let from = before.network.graph.value(from.var);
            let value = self.network.graph.value_mut(leaf.var);
            match leaf.kind {
                Kind::Latent => from.outer_iter().zip(&places).for_each(|(slice, &place)| {
                    value.index_axis_mut(Axis(0), place).assign(&slice);
                }),
                Kind::Gain | Kind::Weight => value.assign(from),
            }
        }
    }

    /// What is trained, as it is now.
    fn leaves(&self) -> Vec<LeafState> {
        let of = |leaf: &Trained| LeafState::of(self.network.graph.value(leaf.var), &leaf.adam);
        self.trained.iter().map(of).collect()
    }

    /// The state between two steps.
    pub fn state(&self, step: u64, random: &Random, finished: &Finished) -> FitState {
        let finished = finished.clone();
        FitState { step, leaves: self.leaves(), random: random.clone(), guard: self.guard.clone(), finished }
    }

    /// Whether a state is one of this phase: that of another program may have other leaves.
    fn fits(&self, state: &FitState) -> bool {
        let all = |leaves: &[LeafState]| {
            let same = |(state, leaf): (&LeafState, &Trained)| state.fits(self.network.graph.value(leaf.var).len());
            leaves.len() == self.trained.len() && leaves.iter().zip(&self.trained).all(same)
        };
        all(&state.leaves) && (state.guard.kept().is_empty() || all(state.guard.kept()))
    }

    /// Goes on from a state, if it is one of this phase, and returns the next step and the random numbers that come next.
    pub fn take_up(&mut self, state: FitState) -> Option<(u64, Random)> {
        if !self.fits(&state) {
            return None;
        }
        self.restore(&state.leaves);
        self.guard = state.guard;
        Some((state.step, state.random))
    }

    /// Makes what is trained what it was.
    fn restore(&mut self, leaves: &[LeafState]) {
        for (leaf, state) in self.trained.iter_mut().zip(leaves) {
            state.restore(self.network.graph.value_mut(leaf.var), &mut leaf.adam);
        }
    }

    /// Sets the leaves that a step decides, and returns what holds at it.
    pub fn prepare(&mut self, step: u64, random: &mut Random) -> Moment {
        let moment = self.phase.at(step);
        if moment.recentres && !self.phase.continues() && recentre(&mut self.network) {
            // A constant may have said what its place at rest does not: the cost can rise for some steps.
            self.guard.forget_best();
        }
        if moment.new_noise_shape || self.noise.is_none() {
            self.noise = Some(Kumaraswamy::new(moment.noise_shape));
        }
        let rounds = [moment.quantised, moment.settled].map(|now| now && !self.ablation.rounds_afterwards);
        let noise = self.noise.as_ref().map(|noise| (noise, random));
        prepare(&mut self.network, &moment, rounds, noise, &self.shifts);
        moment
    }

    /// Moves all leaves against their gradients; `false` if one of these is not finite.
    pub fn descend(&mut self, moment: &Moment) -> bool {
        let mut finite = true;
        for leaf in &mut self.trained {
            let rate = leaf.kind.rate(moment, self.guard.caution());
            if rate > 0.0 {
                let (value, gradient) = self.network.graph.value_and_gradient(leaf.var);
                finite &= leaf.adam.step(value, gradient, rate).is_ok();
                if let Some([least, most]) = leaf.bounds {
                    value.mapv_inplace(|value| value.clamp(least, most));
                }
            }
        }
        finite
    }

    /// Makes what is trained what the file will say, and the pictures what comes of that.
    pub fn finish(&mut self) {
        round_parameters(&mut self.network, &self.shifts);
        for grid in &self.network.grids {
            self.network.graph.value_mut(grid.latents).mapv_inplace(|latent| (latent + 0.5).floor());
        }
        let last = Moment { settled: true, quantised: true, ..self.phase.at(self.phase.end() - 1) };
        prepare(&mut self.network, &last, [true; 2], None, &self.shifts);
        self.network.graph.forward();
    }

    /// The search for better integers, after [`Self::finish`].
    pub fn rdoq<'a>(&self, source: &'a Source<'_>) -> Rdoq<'a> {
        let targets = &source.targets[self.phase.start..self.phase.start + self.phase.frames];
        Rdoq::new(&self.network, &source.architecture.grids, targets, source.objective.lambda)
    }

    /// Does a step and returns its cost.
    ///
    /// # Errors
    /// [`EncodeError::Diverged`] if no way back helps.
    pub fn step(&mut self, step: u64, random: &mut Random) -> Result<f64, EncodeError> {
        let moment = self.prepare(step, random);
        self.network.run(moment.structure && self.structural);
        if moment.structure_begins && self.structural {
            self.guard.forget_best();
        }
        let cost = self.network.cost(self.lambda);
        let mut verdict = self.guard.judge(cost);
        if verdict == Verdict::Copy {
            let copy = self.leaves();
            self.guard.keep(copy);
        }
        if matches!(verdict, Verdict::Sound | Verdict::Copy) && !self.descend(&moment) {
            verdict = self.guard.judge(f64::NAN);
        }
        match verdict {
            Verdict::Sound | Verdict::Copy => {}
            Verdict::Return => {
                let kept = self.guard.kept().to_vec();
                self.restore(&kept);
            }
            Verdict::GiveUp => return Err(EncodeError::Diverged { segment: 0, step }),
        }
        Ok(cost)
    }
}

/// What a fit moves. A block that `continues` moves weights besides latents: gains and biases would have to be rounded when nothing settles any more,
/// and move flat areas from picture to picture.
fn trained(network: &Network, continues: bool) -> Vec<Trained> {
    let settings = AdamSettings { beta2: BETA2, ..AdamSettings::default() };
    let new = |(var, kind, bounds): (Var, Kind, Option<[f32; 2]>)| {
        let adam = Adam::new(network.graph.value(var).len(), settings);
        Trained { var, adam, kind, bounds }
    };
    let latents = network.grids.iter().map(|grid| (grid.latents, Kind::Latent, None));
    let gains = network.grids.iter().filter(|_| !continues).map(|grid| (grid.gain, Kind::Gain, Some(GAINS)));
    let layers = network.layers.iter().flat_map(|layer| {
        let biases = layer.biases.filter(|_| !continues).map(|biases| (biases, Kind::Weight, Some(BIASES)));
        [Some((layer.weights, Kind::Weight, None)), biases].into_iter().flatten()
    });
    let filter = network.loop_filter.filter(|_| !continues).into_iter().flatten();
    let filter = filter.zip(LOOP_FILTERS).map(|(var, bounds)| (var, Kind::Gain, Some(bounds)));
    let context = network.trained_context();
    let context = context.map(|var| (var, Kind::Weight, Some(CONTEXTS)));
    latents.chain(gains).chain(layers).chain(context).chain(filter).map(new).collect()
}

/// Sets the leaves that a step's moment decides. `rounds` says whether weights and pictures are rounded, and whether scalars, biases and context
/// parameters are.
fn prepare(
    network: &mut Network,
    moment: &Moment,
    [rounds_weights, rounds_rest]: [bool; 2],
    noise: Option<(&Kumaraswamy, &mut Random)>,
    shifts: &[u8],
) {
    let graph = &mut network.graph;
    graph.value_mut(network.rounding)[0] = moment.temperature;
    graph.value_mut(network.rounding)[1] = f32::from(u8::from(moment.settled));
    graph.value_mut(network.picture_rounding)[0] = f32::from(u8::from(rounds_weights));
    for (var, step) in network.scalar_quantisers.into_iter().zip([GAIN_STEP, BIAS_STEP, CONTEXT_STEP]) {
        graph.value_mut(var)[0] = if rounds_rest { step } else { 0.0 };
    }
    for (layer, &shift) in network.layers.iter().zip(shifts) {
        let step = (-f32::from(shift)).exp2();
        graph.value_mut(layer.quantiser)[0] = if rounds_weights { step } else { 0.0 };
        graph.value_mut(layer.priced_step)[0] = step;
    }
    if let Some((noise, random)) = noise.filter(|_| !moment.settled) {
        for grid in &network.grids {
            if let Some(values) = graph.value_mut(grid.noise).as_slice_mut() {
                random.fill(noise, values);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{SampleSettings, sample_clip};
    use crate::settings::EncodeSettings;
    use crate::train::Outline;
    use crate::train::schedule::Schedule;

    /// Calls `check` with what a clip of so many small pictures is fitted to, and the phases of that.
    fn with_source(frames: usize, ablation: Ablation, check: impl FnOnce(&Source<'_>, Vec<Phase>)) {
        let clip = sample_clip(&SampleSettings { width: 16, height: 16, frames, rate: (24, 1) });
        let settings = EncodeSettings { ablation, ..EncodeSettings::default() };
        let header = Outline::new(&clip, &settings).expect("it fits").header;
        let source = Source::new(&clip.frames, &header.architecture, header.geometry(), &settings);
        check(&source, Schedule::new(settings.effort, &[frames]).phases);
    }

    #[test]
    fn the_last_step_has_the_decoders_numbers_unless_they_are_rounded_afterwards() {
        for rounds_afterwards in [false, true] {
            let ablation = Ablation { rounds_afterwards, ..Ablation::default() };
            with_source(2, ablation, |source, phases| {
                let phase = *phases.last().expect("there is one");
                let random = &mut Random::new(1);
                let mut run = Run::new(source, phase, &Finished::default(), random);
                run.prepare(phase.end() - 1, random);
                let network = &run.network;
                let of_layers = network.layers.iter().map(|layer| layer.quantiser);
                let rounding = of_layers.chain(network.scalar_quantisers).chain([network.picture_rounding]);
                for (number, var) in rounding.enumerate() {
                    assert_eq!(network.graph.value(var)[0] > 0.0, !rounds_afterwards, "{number}");
                }
                assert_eq!(network.graph.value(network.rounding)[1], 1.0, "latents are integers in both");
            });
        }
    }

    #[test]
    fn a_phase_has_the_latents_of_the_pictures_of_the_one_before() {
        with_source(9, Ablation::default(), |source, phases| {
            let (random, mut before) = (&mut Random::new(1), None::<Run>);
            for phase in phases {
                let mut run = Run::new(source, phase, &Finished::default(), random);
                if let Some(before) = &before {
                    run.begin_from(before);
                }
                for grid in &run.network.grids {
                    for (slice, number) in run.network.graph.value(grid.latents).outer_iter().zip(&run.numbers) {
                        let is_known = before.as_ref().is_some_and(|before| before.numbers.contains(number));
                        let expected = if is_known { *number as f32 } else { 0.0 };
                        assert!(slice.iter().all(|&latent| latent == expected), "{number} of {:?}", run.numbers);
                    }
                }
                for grid in 0..run.network.grids.len() {
                    let latents = run.network.grids[grid].latents;
                    let slices = run.network.graph.value_mut(latents).outer_iter_mut();
                    slices.zip(&run.numbers).for_each(|(mut slice, &number)| slice.fill(number as f32));
                }
                before = Some(run);
            }
            let last = before.expect("there are phases");
            assert_eq!((source.order.pyramid, last.numbers), (2, (0..9).collect()));
        });
    }

    #[test]
    fn what_the_format_cannot_say_is_not_fitted() {
        with_source(2, Ablation::default(), |source, phases| {
            let phase = *phases.last().expect("there is one");
            let random = &mut Random::new(1);
            let mut run = Run::new(source, phase, &Finished::default(), random);
            let bounded: Vec<(Var, [f32; 2])> =
                run.trained.iter().filter_map(|leaf| Some((leaf.var, leaf.bounds?))).collect();
            let biases = run.network.layers.iter().filter(|layer| layer.biases.is_some()).count();
            assert!(
                bounded.len() > run.network.grids.len() + biases,
                "gains, biases and context parameters have bounds"
            );
            for &(var, [_, most]) in &bounded {
                run.network.graph.value_mut(var).fill(2.0 * most);
            }
            run.step(phase.first, random).expect("a step");
            for (var, [least, most]) in bounded {
                assert!(run.network.graph.value(var).iter().all(|value| (least..=most).contains(value)));
            }
        });
    }
}
