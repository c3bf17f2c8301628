//! The tape of one segment: from latents and weights to pictures, their distortion and their bits.

use decoder_core::octree::{ContextShape, INPUTS, PASSES};
use decoder_core::weights::{BIAS_LIMIT, CONTEXT_LIMIT, GAIN_LIMIT, WEIGHT_LIMIT};
use decoder_core::wire::{Architecture, Geometry, Interpolation, Layer, LayerKind, SITE, Temporal};
use ndarray::{Array3, ArrayD, ArrayView4, IxDyn};

use crate::autodiff::ops::octree_rate::{OctreeRate, OctreeRateConfig, Parent, SliceTypes, grid_roots, motion_roots};
use crate::autodiff::ops::{
    self, Affine, Centre, Concat, Conv, ConvKind, Dissimilarity, Distortion, FakeQuant, GridFrame, Hidden, Reconstruct,
    Relay, SoftRound, TensorRate, Upsample2, Warp, WeightedSum,
};
use crate::autodiff::{Graph, Var};

use super::random::Random;

/// Steps of gains, biases and context parameters in real units.
pub const GAIN_STEP: f32 = 1.0 / 4096.0;
/// See [`GAIN_STEP`].
pub const BIAS_STEP: f32 = 1.0 / 128.0;
/// See [`GAIN_STEP`].
pub const CONTEXT_STEP: f32 = 1.0 / 32.0;
/// The step that weights are priced with before they are quantised.
const PRICED_STEP: f32 = 1.0 / 128.0;
/// Activation units per latent step at the start.
const FIRST_GAIN: f32 = 0.25;
/// Terms of one node of the loss.
const SUMMANDS: usize = 48;
/// Standard deviation of the last layers' weights at the start, relative to the usual: the network begins near zero.
const LAST_LAYER: f32 = 0.1;

/// Part of the structural distortion in that of the luma, where structure counts at all: the rest keeps the level of flat
/// areas, which structure does not see.
const STRUCTURAL_SHARE: f64 = 0.9;

/// What a relative change of the structural distortion counts, against the same of squared errors: measured so that lambda
/// means about the same rate.
const EXCHANGE: f64 = 0.7;

/// Log2 of the stride from which on a bit of a grid counts twice as much in each octave.
///
/// A latent that is not zero wakes the network as far as it reaches, and coarse ones reach far: without this price some speak everywhere, and a
/// decoder may skip nothing (docs/measurements.md).
const WAKING: u8 = 3;

/// What is minimised.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    /// Weight of bits per pixel.
    pub lambda: f64,
    /// Whether structure counts, or squared errors alone.
    pub structural: bool,
    /// Luma columns and rows of the pictures.
    pub size: [usize; 2],
}

/// One grid's variables.
#[derive(Debug)]
pub struct GridVars {
    /// `[slices, channels, rows, columns]`, trainable.
    pub latents: Var,
    /// Noise of the same shape.
    pub noise: Var,
    /// What the network sees.
    pub rounded: Var,
    /// `[1]`, trainable.
    pub gain: Var,
}

/// One layer's variables.
#[derive(Debug)]
pub struct LayerVars {
    /// `[outputs, inputs, k, k]` or `[channels, 1, 3, 3]`, trainable.
    pub weights: Var,
    /// `[outputs]`, trainable.
    pub biases: Option<Var>,
    /// (step, limit) of the weights; a step of 0 leaves them alone.
    pub quantiser: Var,
    /// The step that their rate is counted with.
    pub priced_step: Var,
}

/// The tape.
pub struct Network {
    /// All nodes.
    pub graph: Graph<f32>,
    /// The grids.
    pub grids: Vec<GridVars>,
    /// The layers.
    pub layers: Vec<LayerVars>,
    /// Tensors of the latents' context parameters, in the order of the format, then the motion field's. Trainable.
    pub context: Vec<Var>,
    /// (temperature, mode) of the latents' rounding.
    pub rounding: Var,
    /// Above 0, pictures and predictions are rounded as the decoder does.
    pub picture_rounding: Var,
    /// (step, limit) of gains, of biases, of context parameters.
    pub scalar_quantisers: [Var; 3],
    /// For each predicted picture the motion field.
    pub motion: Vec<Var>,
    /// All motion fields.
    motion_field: Option<Var>,
    /// Luma's and chroma's distortion of each picture.
    distortion: [Vec<Var>; 2],
    /// Structural distortion of the luma of each picture; empty if it never counts.
    dissimilarity: Vec<Var>,
    /// Bits of latents and motion.
    pub bits: Vec<Var>,
    /// What each of them counts.
    prices: Vec<f64>,
    /// Bits of the parameters.
    pub parameter_bits: Vec<Var>,
    /// Bits that no training changes: gains, shifts, scale classes.
    fixed_bits: f64,
    /// What is minimised.
    loss: Var,
    /// The weights of its terms, [`SUMMANDS`] a leaf: luma, structure, the rest.
    weights: Vec<Var>,
    /// Luma samples that a bit is counted against.
    pixels: f64,
}

fn scalar(value: f32) -> ArrayD<f32> {
    ArrayD::from_elem(IxDyn(&[1]), value)
}

fn pair(a: f32, b: f32) -> ArrayD<f32> {
    ArrayD::from_shape_vec(IxDyn(&[2]), vec![a, b]).expect("two items")
}

fn zeros(shape: &[usize]) -> ArrayD<f32> {
    ArrayD::zeros(IxDyn(shape))
}

/// Slices of a grid in a segment.
pub fn slices(temporal: Temporal, frames: usize) -> usize {
    match temporal {
        Temporal::Whole => 1,
        Temporal::Every(log2) => frames.div_ceil(1 << log2),
    }
}

impl Network {
    /// The tape for the pictures `targets`, each `[6, rows, columns]` in code values. `colour` is what a picture without
    /// prediction is predicted to be.
    pub fn new(
        architecture: &Architecture,
        geometry: Geometry,
        targets: &[Array3<f32>],
        predicted: bool,
        colour: [u8; 3],
        objective: &Objective,
        random: &mut Random,
    ) -> Self {
        let mut graph = Graph::new();
        let frames = targets.len();
        let rounding = graph.leaf(pair(0.3, 0.0), false);
        let picture_rounding = graph.leaf(scalar(0.0), false);
        let quantiser = |graph: &mut Graph<f32>, limit: f32| graph.leaf(pair(0.0, limit), false);
        let scalar_quantisers = [
            quantiser(&mut graph, f32::from(GAIN_LIMIT)),
            quantiser(&mut graph, BIAS_LIMIT as f32),
            quantiser(&mut graph, CONTEXT_LIMIT as f32),
        ];
        let grids: Vec<GridVars> = architecture
            .grids
            .iter()
            .map(|grid| {
                let (rows, columns) = geometry.grid(grid.stride_log2.into());
                let shape = [slices(grid.temporal, frames), grid.channels.into(), rows, columns];
                let latents = graph.leaf(zeros(&shape), true);
                let noise = graph.leaf(zeros(&shape), false);
                let rounded = graph.push(SoftRound::new(), &[latents, noise, rounding]);
                let gain = graph.leaf(scalar(FIRST_GAIN), true);
                GridVars { latents, noise, rounded, gain }
            })
            .collect();
        let layers = layer_leaves(&mut graph, architecture, random);
        let mut network = Self {
            graph,
            grids,
            layers,
            context: vec![],
            rounding,
            picture_rounding,
            scalar_quantisers,
            motion: vec![],
            motion_field: None,
            distortion: [vec![], vec![]],
            dissimilarity: vec![],
            bits: vec![],
            prices: vec![],
            parameter_bits: vec![],
            fixed_bits: fixed_bits(architecture),
            loss: rounding,
            weights: vec![],
            pixels: (4 * geometry.width * geometry.height * frames) as f64,
        };
        network.add_pictures(architecture, geometry, targets, predicted, colour, objective);
        network.add_rates(architecture, geometry, frames, predicted);
        network.add_loss(objective.lambda);
        network
    }

    /// Sets all vectors: `[frame][vertical, horizontal][row][column]`; frame 0 is left out.
    pub fn set_motion(&mut self, field: ArrayView4<'_, i8>) {
        for (frame, &var) in self.motion.iter().enumerate() {
            let vectors = field.index_axis(ndarray::Axis(0), frame + 1).mapv(f32::from);
            self.graph.value_mut(var).assign(&vectors);
        }
        if let Some(var) = self.motion_field {
            let vectors = field.slice(ndarray::s![1.., .., .., ..]).mapv(f32::from);
            self.graph.value_mut(var).assign(&vectors);
        }
    }

    /// A step's passes, forward and backward. `structure` says whether structure counts in it.
    pub fn run(&mut self, structure: bool) {
        for &var in &self.dissimilarity {
            self.graph.set_enabled(var, structure);
        }
        self.graph.forward();
        if !self.dissimilarity.is_empty() {
            self.weigh_structure(if structure { STRUCTURAL_SHARE } else { 0.0 });
        }
        self.graph.backward(self.loss);
    }

    /// Gives structure its share in the luma's distortion. Both are measured against their means over the segment: a
    /// change of structure by one per cent counts as one of squared errors by [`EXCHANGE`] per cent. What one is worth
    /// in the other follows the fit, and has no gradient.
    fn weigh_structure(&mut self, share: f64) {
        let luma = self.sum_of(&self.distortion[0]);
        let exchange = EXCHANGE * luma / self.sum_of(&self.dissimilarity).max(1e-6);
        let frames = self.dissimilarity.len();
        for term in 0..2 * frames {
            let weight = if term < frames { 1.0 - share } else { share * exchange };
            self.graph.value_mut(self.weights[term / SUMMANDS])[term % SUMMANDS] = (weight / frames as f64) as f32;
        }
    }

    fn sum_of(&self, vars: &[Var]) -> f64 {
        vars.iter().map(|&var| f64::from(self.graph.value(var)[0])).sum()
    }

    /// Mean distortion of the pictures, squared errors alone.
    pub fn mean_distortion(&self) -> f64 {
        let [luma, chroma] = &self.distortion;
        (self.sum_of(luma) + self.sum_of(chroma)) / luma.len() as f64
    }

    /// Bits of the payload as the loss counts them: latents, motion and parameters.
    pub fn counted_bits(&self) -> f64 {
        self.fixed_bits + self.sum_of(&self.bits) + self.sum_of(&self.parameter_bits)
    }

    /// `D + lambda bits / pixel`.
    pub fn cost(&self, lambda: f64) -> f64 {
        self.mean_distortion() + lambda * self.counted_bits() / self.pixels
    }

    fn add_pictures(
        &mut self,
        architecture: &Architecture,
        geometry: Geometry,
        targets: &[Array3<f32>],
        predicted: bool,
        colour: [u8; 3],
        objective: &Objective,
    ) {
        let [y, u, v] = colour.map(f32::from);
        let flat = Array3::from_shape_fn((SITE, geometry.height, geometry.width), |(c, ..)| [y, y, y, y, u, v][c]);
        let flat = self.graph.leaf(flat.into_dyn(), false);
        let (rows, columns) = geometry.motion();
        let gains: Vec<Var> = self
            .grids
            .iter()
            .map(|grid| grid.gain)
            .collect::<Vec<_>>()
            .into_iter()
            .map(|gain| self.quantised(gain, 0))
            .collect();
        let mut filters: Vec<(Var, Option<Var>)> = vec![];
        for (number, centred) in architecture.centred().enumerate() {
            let LayerVars { weights, biases, quantiser, .. } = self.layers[number];
            let weights = self.graph.push(FakeQuant, &[weights, quantiser]);
            let biases = match filters.last() {
                Some(&(_, Some(before))) if centred => Some(self.graph.push(Centre, &[weights, before])),
                _ => biases.map(|biases| self.quantised(biases, 1)),
            };
            filters.push((weights, biases));
        }
        let sees_prediction = architecture.motion.is_some_and(|motion| motion.sees_prediction);
        // What does not depend on the pictures before is computed for all pictures at the same time.
        let mut residuals = vec![];
        if !sees_prediction {
            for frame in 0..targets.len() {
                self.graph.begin_lane();
                residuals.push(self.add_synthesis(architecture, geometry, frame, None, &gains, &filters));
            }
            self.graph.end_lanes();
        }
        let mut previous: Option<Var> = None;
        for (frame, target) in targets.iter().enumerate() {
            let motion = architecture.motion.filter(|_| predicted);
            let prediction = match (previous, motion) {
                (Some(previous), Some(motion)) => {
                    let interpolation = match motion.interpolation {
                        Interpolation::Bilinear => ops::Interpolation::Bilinear,
                        Interpolation::Cubic => ops::Interpolation::Cubic,
                    };
                    let field = self.graph.leaf(zeros(&[2, rows, columns]), false);
                    self.motion.push(field);
                    self.graph.push(Warp::new(interpolation), &[previous, field, self.picture_rounding])
                }
                _ => flat,
            };
            let residual = residuals.get(frame).copied().unwrap_or_else(|| {
                self.add_synthesis(architecture, geometry, frame, Some(prediction), &gains, &filters)
            });
            let picture = self.graph.push(Reconstruct, &[prediction, residual, self.picture_rounding]);
            let target = self.graph.leaf(target.clone().into_dyn(), false);
            self.distortion[0].push(self.graph.push(Distortion::Luma, &[picture, target]));
            self.distortion[1].push(self.graph.push(Distortion::Chroma, &[picture, target]));
            if objective.structural {
                let [width, height] = objective.size;
                self.dissimilarity.push(self.graph.push(Dissimilarity::new(width, height), &[picture, target]));
            }
            previous = Some(picture);
        }
    }

    /// A scalar, bias or context leaf as the decoder will have it.
    fn quantised(&mut self, leaf: Var, kind: usize) -> Var {
        self.graph.push(FakeQuant, &[leaf, self.scalar_quantisers[kind]])
    }

    fn add_synthesis(
        &mut self,
        architecture: &Architecture,
        geometry: Geometry,
        frame: usize,
        prediction: Option<Var>,
        gains: &[Var],
        filters: &[(Var, Option<Var>)],
    ) -> Var {
        let graph = &mut self.graph;
        let relayed: Vec<(Var, Option<Var>)> = filters
            .iter()
            .map(|&(weights, biases)| {
                (graph.push(Relay, &[weights]), biases.map(|biases| graph.push(Relay, &[biases])))
            })
            .collect();
        let mut filters = relayed.iter();
        let mut features: Option<Var> = None;
        for (number, stage) in architecture.stages.iter().enumerate() {
            let stride_log2 = architecture.stage_stride_log2(number);
            let (rows, columns) = geometry.grid(stride_log2 as u32);
            let mut parts: Vec<Var> =
                features.into_iter().map(|coarse| graph.push(Upsample2::new(rows, columns), &[coarse])).collect();
            for ((grid, vars), &gain) in architecture.grids.iter().zip(&self.grids).zip(gains) {
                if usize::from(grid.stride_log2) == stride_log2 {
                    parts.push(graph.push(grid_frame(grid.temporal, frame), &[vars.rounded, gain]));
                }
            }
            if let Some(prediction) = prediction.filter(|_| stride_log2 == 0) {
                parts.push(graph.push(Affine { scale: 1.0 / 64.0, offset: -2.0 }, &[prediction]));
            }
            let mut activations = if parts.len() == 1 { parts[0] } else { graph.push(Concat, &parts) };
            let mut layers = stage.layers.iter().peekable();
            while let Some(layer) = layers.next() {
                let Some(&(weights, biases)) = filters.next() else { break };
                let kind = match layer.kind {
                    LayerKind::Point => ConvKind::Point,
                    LayerKind::Full => ConvKind::Full,
                    LayerKind::Depthwise => ConvKind::Depthwise,
                };
                let next = layers.next_if(|next| are_pair(layer, next)).and_then(|_| filters.next());
                activations = if let Some(&(more_weights, more_biases)) = next {
                    let inputs = [Some(activations), Some(weights), Some(more_weights), biases, more_biases];
                    graph.push(Hidden::new(), &inputs.into_iter().flatten().collect::<Vec<_>>())
                } else {
                    let inputs = [Some(activations), Some(weights), biases];
                    let inputs: Vec<Var> = inputs.into_iter().flatten().collect();
                    graph.push(Conv::new(kind, layer.relu, layer.residual), &inputs)
                };
            }
            features = Some(activations);
        }
        features.expect("an architecture has a stage")
    }

    fn add_rates(&mut self, architecture: &Architecture, geometry: Geometry, frames: usize, predicted: bool) {
        let shape = ContextShape::latents(architecture);
        let context = self.add_context(shape);
        let mut type_channel = 0;
        let mut before: Option<(usize, usize)> = None;
        let mut whole: Option<(usize, usize)> = None;
        for (number, grid) in architecture.grids.iter().enumerate() {
            let is_whole = grid.temporal == Temporal::Whole;
            let (log2, root_slices) = match grid.temporal {
                Temporal::Every(log2) => (log2, 1 << (architecture.root_depth - log2)),
                Temporal::Whole => (0, 1),
            };
            let own_shape = self.shape_of(number);
            for channel in 0..usize::from(grid.channels) {
                let parent = if is_whole { whole } else { before };
                let (parent, parent_var) = match parent {
                    None => (Parent::None, None),
                    Some((at, channel)) if at == number => (Parent::Same(channel), None),
                    Some((at, channel)) => {
                        let of = architecture.grids[at];
                        let slice_of = |slice: usize| match of.temporal {
                            Temporal::Whole => 0,
                            Temporal::Every(parent_log2) => (slice << log2) >> parent_log2,
                        };
                        let parent = Parent::Other {
                            shape: self.shape_of(at),
                            channel,
                            shift: u32::from(of.stride_log2 - grid.stride_log2),
                            slices: (0..own_shape[0]).map(slice_of).collect(),
                        };
                        (parent, Some(self.grids[at].rounded))
                    }
                };
                let op = OctreeRate::new(OctreeRateConfig {
                    shape: own_shape,
                    channel,
                    type_channel,
                    roots: grid_roots(own_shape[0], root_slices),
                    types: if predicted { SliceTypes::Predicted } else { SliceTypes::Intra },
                    parent,
                    hidden: shape.hidden,
                });
                let inputs: Vec<Var> = [Some(self.grids[number].rounded), parent_var]
                    .into_iter()
                    .flatten()
                    .chain(context.iter().copied())
                    .collect();
                let bits = self.graph.push(op, &inputs);
                self.bits.push(bits);
                let octaves = if architecture.keeps_zero() { grid.stride_log2.saturating_sub(WAKING) } else { 0 };
                self.prices.push(f64::from(1 << octaves));
                type_channel += 1;
                before = Some((number, channel));
                if is_whole {
                    whole = before;
                }
            }
        }
        if architecture.motion.is_some() {
            let context = self.add_context(ContextShape::MOTION);
            if predicted && frames > 1 {
                self.add_motion_rate(geometry, frames - 1, 1 << architecture.root_depth, &context);
            }
        }
        for number in 0..self.layers.len() {
            let LayerVars { weights, biases, priced_step, .. } = self.layers[number];
            let bits = self.graph.push(TensorRate, &[weights, priced_step]);
            self.parameter_bits.push(bits);
            if let Some(biases) = biases {
                let step = self.graph.leaf(scalar(BIAS_STEP), false);
                let bits = self.graph.push(TensorRate, &[biases, step]);
                self.parameter_bits.push(bits);
            }
        }
    }

    fn shape_of(&self, grid: usize) -> [usize; 4] {
        self.graph.value(self.grids[grid].latents).shape().try_into().expect("latents have four axes")
    }

    fn add_motion_rate(&mut self, geometry: Geometry, slices: usize, root_slices: usize, context: &[Var]) {
        let (rows, columns) = geometry.motion();
        let shape = [slices, 2, rows, columns];
        let field = self.graph.leaf(zeros(&shape), false);
        self.motion_field = Some(field);
        for channel in 0..2 {
            let op = OctreeRate::new(OctreeRateConfig {
                shape,
                channel,
                type_channel: channel,
                roots: motion_roots(slices, root_slices),
                types: SliceTypes::Motion,
                parent: if channel == 0 { Parent::None } else { Parent::Same(0) },
                hidden: 0,
            });
            let inputs: Vec<Var> = [field].into_iter().chain(context.iter().copied()).collect();
            let bits = self.graph.push(op, &inputs);
            self.bits.push(bits);
            self.prices.push(1.0);
        }
    }

    /// Leaves for a set of context parameters; returns them quantised, without the empty ones.
    fn add_context(&mut self, shape: ContextShape) -> Vec<Var> {
        let shapes: [&[usize]; 6] = [
            &[shape.hidden, INPUTS],
            &[shape.hidden],
            &[2, shape.hidden],
            &[2, INPUTS],
            &[2, shape.channels],
            &[PASSES],
        ];
        let step = self.graph.leaf(scalar(CONTEXT_STEP), false);
        let mut quantised = vec![];
        for (number, shape) in shapes.into_iter().enumerate() {
            let mut value = zeros(shape);
            first_context(number, &mut value);
            let leaf = self.graph.leaf(value, true);
            self.context.push(leaf);
            if !shape.contains(&0) {
                quantised.push(self.quantised(leaf, 2));
                let bits = self.graph.push(TensorRate, &[leaf, step]);
                self.parameter_bits.push(bits);
            }
        }
        quantised
    }

    fn add_loss(&mut self, lambda: f64) {
        let [luma, chroma] = &self.distortion;
        let (of_distortion, of_bit) = (1.0 / luma.len() as f64, lambda / self.pixels);
        let terms = [(luma, of_distortion), (&self.dissimilarity, 0.0), (chroma, of_distortion)];
        let terms = terms.into_iter().flat_map(|(vars, weight)| vars.iter().map(move |&var| (var, weight)));
        let bits = self.bits.iter().zip(&self.prices).map(|(&var, &price)| (var, price * of_bit));
        let parameters = self.parameter_bits.iter().map(|&var| (var, of_bit));
        let terms: Vec<(Var, f64)> = terms.chain(bits).chain(parameters).collect();
        let parts: Vec<(Var, Var)> = terms.chunks(SUMMANDS).map(|terms| self.sum(terms)).collect();
        self.weights = parts.iter().map(|&(weights, _)| weights).collect();
        let parts: Vec<(Var, f64)> = parts.into_iter().map(|(_, sum)| (sum, 1.0)).collect();
        (_, self.loss) = self.sum(&parts);
    }

    /// The leaf of the weights, and the sum.
    fn sum(&mut self, terms: &[(Var, f64)]) -> (Var, Var) {
        let weights = ArrayD::from_shape_fn(IxDyn(&[terms.len()]), |at| terms[at[0]].1 as f32);
        let weights = self.graph.leaf(weights, false);
        let inputs: Vec<Var> = [weights].into_iter().chain(terms.iter().map(|&(var, _)| var)).collect();
        (weights, self.graph.push(WeightedSum, &inputs))
    }
}

/// Bits of gains, shifts and scale classes (SPEC section 5).
fn fixed_bits(architecture: &Architecture) -> f64 {
    let gains = 14 * architecture.grids.len();
    let layers: usize = architecture.layers().map(|(_, _, layer)| if layer.bias { 4 + 6 + 6 } else { 4 + 6 }).sum();
    let motion = architecture.motion.map(|_| ContextShape::MOTION);
    let contexts = [Some(ContextShape::latents(architecture)), motion].into_iter().flatten();
    let tensors: usize = contexts.map(|shape| shape.tensors().iter().filter(|&&len| len > 0).count()).sum();
    (gains + layers + 6 * tensors) as f64
}

/// Whether two layers that follow one another are one [`Hidden`].
fn are_pair(first: &Layer, second: &Layer) -> bool {
    let plain = |layer: &Layer| layer.kind == LayerKind::Point && !layer.residual;
    // After a layer with biases one without is centred, which gives it some.
    plain(first) && plain(second) && first.relu && !second.relu && (first.bias || !second.bias)
}

/// What a grid is at a picture (SPEC section 8, item 2).
fn grid_frame(temporal: Temporal, frame: usize) -> GridFrame {
    match temporal {
        Temporal::Whole => GridFrame { first: 0, second: 0, weight: 1.0 },
        Temporal::Every(log2) => {
            let second = frame >> log2;
            let m = (frame & ((1 << log2) - 1)) + 1;
            GridFrame { first: second.saturating_sub(1), second, weight: m as f64 / f64::from(1 << log2) }
        }
    }
}

fn layer_leaves(graph: &mut Graph<f32>, architecture: &Architecture, random: &mut Random) -> Vec<LayerVars> {
    let last_plain =
        architecture.layers().enumerate().filter(|(_, (_, _, layer))| !layer.residual).map(|(at, _)| at).last();
    let mut leaves = vec![];
    for (number, (_, inputs, layer)) in architecture.layers().enumerate() {
        let outputs = usize::from(layer.outputs);
        let (fan_in, shape) = match layer.kind {
            LayerKind::Point => (inputs, [outputs, inputs, 1, 1]),
            LayerKind::Full => (9 * inputs, [outputs, inputs, 3, 3]),
            LayerKind::Depthwise => (9, [outputs, 1, 3, 3]),
        };
        // Residual layers begin as the identity, the one before them near zero.
        let deviation = match (layer.residual, Some(number) == last_plain) {
            (true, _) => 0.0,
            (_, true) => LAST_LAYER / (fan_in as f32).sqrt(),
            _ => (2.0 / fan_in as f32).sqrt(),
        };
        let weights = ArrayD::from_shape_simple_fn(IxDyn(&shape), || deviation * random.normal());
        leaves.push(LayerVars {
            weights: graph.leaf(weights, true),
            biases: layer.bias.then(|| graph.leaf(zeros(&[outputs]), true)),
            quantiser: graph.leaf(pair(0.0, WEIGHT_LIMIT as f32), false),
            priced_step: graph.leaf(scalar(PRICED_STEP), false),
        });
    }
    leaves
}

/// Context parameters at the start: the scale follows the mean of the neighbours' magnitudes, and a small random part in the
/// hidden layer breaks its symmetry.
fn first_context(tensor: usize, value: &mut ArrayD<f32>) {
    match tensor {
        0 => value.iter_mut().enumerate().for_each(|(at, item)| *item = 0.3 * ((at * 7919 + 13) as f32).sin()),
        2 => value.iter_mut().enumerate().for_each(|(at, item)| *item = 0.1 * ((at * 104_729 + 7) as f32).sin()),
        3 => {
            for (input, weight) in [(0, 0.3), (1, 0.3), (2, 0.2), (3, 0.1), (4, 0.1), (5, 0.1)] {
                value[[1, input]] = weight;
            }
        }
        4 => value.fill(-1.5),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use decoder_core::Level;

    use super::*;
    use crate::settings::EncodeSettings;
    use crate::train::presets::architecture;

    /// A network of three small pictures with latents that are not zero, after a step.
    fn network(level: Level, structural: bool) -> Network {
        let geometry = Geometry::new(46, 34);
        let architecture = architecture(&EncodeSettings { level, ..EncodeSettings::default() }, geometry);
        let shape = (SITE, geometry.height, geometry.width);
        let picture = |frame: usize| Array3::from_shape_fn(shape, |(c, y, x)| (60 + 20 * c + 3 * y + x + frame) as f32);
        let targets: Vec<_> = (0..3).map(picture).collect();
        // Bits count next to nothing, so that gradients tell of the pictures.
        let objective = Objective { lambda: 1e-6, structural, size: [46, 34] };
        let random = &mut Random::new(1);
        let mut network = Network::new(&architecture, geometry, &targets, true, [100; 3], &objective, random);
        for at in 0..network.grids.len() {
            let latents = network.graph.value_mut(network.grids[at].latents);
            latents.iter_mut().for_each(|latent| *latent = random.normal());
        }
        network.run(structural);
        network
    }

    #[test]
    fn everything_that_is_trained_counts() {
        for level in [Level::Nano, Level::Micro, Level::Edge, Level::Full] {
            let network = network(level, false);
            let layers = network.layers.iter().flat_map(|layer| [Some(layer.weights), layer.biases]).flatten();
            let grids = network.grids.iter().flat_map(|grid| [grid.latents, grid.gain]);
            for (number, var) in layers.chain(grids).enumerate() {
                let largest = network.graph.gradient(var).iter().fold(0.0, |most: f32, g| most.max(g.abs()));
                assert!(largest > 1e-3, "{level:?}, leaf {number}: {largest}");
            }
        }
    }

    #[test]
    fn structure_counts_as_much_as_squared_errors_do() {
        let network = network(Level::Micro, true);
        let [luma, structure] = [&network.distortion[0], &network.dissimilarity].map(|vars| network.sum_of(vars));
        let weight = |term: usize| f64::from(network.graph.value(network.weights[0])[term]);
        let expected = STRUCTURAL_SHARE * EXCHANGE * luma / 3.0;
        assert!((weight(3) * structure - expected).abs() < 1e-4 * expected);
        assert!((weight(0) - (1.0 - STRUCTURAL_SHARE) / 3.0).abs() < 1e-6);
    }
}
