//! What everything costs: bits of latents, motion and parameters.

use decoder_core::octree::{ContextShape, INPUTS, PASSES};
use decoder_core::splits::PARTS;
use decoder_core::wire::{Architecture, Geometry, Temporal};
use ndarray::{Array2, Array3, Axis};

use crate::autodiff::Var;
use crate::autodiff::ops::octree_rate::{
    Before, OctreeRate, OctreeRateConfig, Parent, SliceTypes, grid_roots, motion_roots,
};
use crate::autodiff::ops::{DifferenceRate, TensorRate};

use super::start::{self, scalar, zeros};
use super::{
    BIAS_STEP, CONTEXT_STEP, CONTEXT_TENSORS, GAIN_STEP, LayerVars, MotionField, Network, Past, between, from_one,
};

/// Log2 of the stride from which on a bit of a grid counts twice as much in each octave.
///
/// A latent that is not zero wakes the network as far as it reaches, and coarse ones reach far: without this price some speak everywhere, and a
/// decoder may skip nothing (docs/measurements.md).
const WAKING: u8 = 3;

/// Bits of a tensor's scale class.
const SCALE_BITS: usize = 6;
/// Bits of an interval of 16 to 47 chunks between updates; there are few of others.
const INTERVAL_BITS: usize = 7;

impl Network {
    pub(super) fn add_rates(
        &mut self,
        architecture: &Architecture,
        geometry: Geometry,
        frames: usize,
        predicted: bool,
        past: Option<&Past>,
    ) {
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
                    types: match (predicted, past) {
                        (false, _) => SliceTypes::Intra,
                        (true, None) => SliceTypes::Predicted,
                        (true, Some(_)) => SliceTypes::AllPredicted,
                    },
                    parent,
                    hidden: shape.hidden,
                    before: Before::Slices(past.map_or(vec![], |past| channel_of(&past.latents[number], channel))),
                    fits_parameters: self.trains_context,
                    flagged: self.flagged,
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
        self.latent_bits = self.bits.len();
        if architecture.motion.is_some() {
            let context = self.add_context(ContextShape::MOTION);
            let slices = frames - usize::from(past.is_none());
            if predicted && slices > 0 {
                let roots = motion_roots(slices, 1 << architecture.root_depth);
                self.add_motion_rate(geometry, roots, &context, past.map(|past| past.motion.clone()));
            }
        }
        if architecture.has_splits() {
            let context = self.add_context(ContextShape::SPLITS);
            self.add_splits_rate(geometry, &context, past.is_none());
        }
        if architecture.is_bidirectional() {
            let context = self.add_context(ContextShape::SIDES);
            self.add_sides_rate(geometry, &context, past.and_then(|past| past.sides.as_ref()));
        }
        match past {
            None => self.add_layer_rates(),
            Some(past) => self.add_change_rates(past),
        }
    }

    /// Bits of whole layers.
    fn add_layer_rates(&mut self) {
        for number in 0..self.layers.len() {
            let LayerVars { weights, biases, priced_step, .. } = self.layers[number];
            let bits = self.graph.push(TensorRate, &[weights, priced_step]);
            self.layer_bits.push(bits);
            if let Some(biases) = biases {
                let step = self.graph.leaf(scalar(BIAS_STEP), false);
                let bits = self.graph.push(TensorRate, &[biases, step]);
                self.layer_bits.push(bits);
            }
        }
    }

    /// Bits of what gains and layers change.
    fn add_change_rates(&mut self, past: &Past) {
        let before: Vec<Var> = past.parameters.arrays().map(|array| self.graph.leaf(array, false)).collect();
        let mut before = before.into_iter();
        let mut with_past =
            |vars: &[Var]| -> Vec<Var> { vars.iter().flat_map(|&now| [Some(now), before.next()]).flatten().collect() };
        let gains: Vec<Var> = self.grids.iter().map(|grid| grid.gain).collect();
        let mut tensors = vec![(None, GAIN_STEP, with_past(&gains))];
        for layer in &self.layers {
            tensors.push((Some(layer.priced_step), 0.0, with_past(&[layer.weights])));
            tensors.extend(layer.biases.map(|biases| (None, BIAS_STEP, with_past(&[biases]))));
        }
        for (control, step, pairs) in tensors {
            let control = control.unwrap_or_else(|| self.graph.leaf(scalar(step), false));
            let inputs: Vec<Var> = [control].into_iter().chain(pairs).collect();
            let bits = self.graph.push(DifferenceRate, &inputs);
            self.layer_bits.push(bits);
        }
    }

    /// `[slices, channels, rows, columns]` of a grid's latents.
    pub fn shape_of(&self, grid: usize) -> [usize; 4] {
        self.graph.value(self.grids[grid].latents).shape().try_into().expect("latents have four axes")
    }

    fn add_motion_rate(&mut self, geometry: Geometry, roots: Vec<usize>, context: &[Var], past: Option<Array3<f32>>) {
        let (rows, columns) = geometry.motion();
        let shape = [roots.iter().sum(), 2, rows, columns];
        let field = self.graph.leaf(zeros(&shape), false);
        let pasts = self.graph.leaf(zeros(&[roots.len(), 2, rows, columns]), false);
        self.motion_field = Some(MotionField { field, pasts, roots: roots.clone(), past });
        for channel in 0..2 {
            let op = OctreeRate::new(OctreeRateConfig {
                shape,
                channel,
                type_channel: channel,
                roots: roots.clone(),
                types: SliceTypes::AllPredicted,
                parent: if channel == 0 { Parent::None } else { Parent::Same(0) },
                hidden: ContextShape::MOTION.hidden,
                before: Before::Input,
                fits_parameters: self.trains_context,
                flagged: None,
            });
            let inputs: Vec<Var> = [field, pasts].into_iter().chain(context.iter().copied()).collect();
            let bits = self.graph.push(op, &inputs);
            self.bits.push(bits);
            self.prices.push(1.0);
        }
    }

    /// Bits of what the vectors of quarters are made of.
    fn add_splits_rate(&mut self, geometry: Geometry, context: &[Var], begins: bool) {
        let Some(motion) = &self.motion_field else { return };
        let (motion, pictures) = (motion.field, from_one(&self.levels, begins));
        if pictures.is_empty() {
            return;
        }
        let (rows, columns) = geometry.quarters();
        let shape = [pictures.len(), PARTS, rows, columns];
        let field = self.graph.leaf(zeros(&shape), false);
        let none = self.graph.leaf(zeros(&shape), false);
        let of_motion: [usize; 4] = self.graph.value(motion).shape().try_into().expect("a field has four axes");
        let first = self.levels.len() - of_motion[0];
        for channel in 0..PARTS {
            let parent = match channel.checked_sub(1) {
                None => Parent::Other {
                    shape: of_motion,
                    channel: 1,
                    shift: 1,
                    slices: pictures.iter().map(|picture| picture - first).collect(),
                },
                Some(before) => Parent::Same(before),
            };
            let of_parent = matches!(parent, Parent::Other { .. }).then_some(motion);
            let op = OctreeRate::new(OctreeRateConfig {
                shape,
                channel,
                type_channel: channel,
                roots: motion_roots(pictures.len(), 1),
                types: SliceTypes::AllPredicted,
                parent,
                hidden: ContextShape::SPLITS.hidden,
                before: Before::Input,
                fits_parameters: self.trains_context,
                // A block that is not split says nothing of its quarters.
                flagged: Some(1),
            });
            let inputs = [Some(field), of_parent, Some(none)].into_iter().flatten().chain(context.iter().copied());
            let bits = self.graph.push(op, &inputs.collect::<Vec<_>>());
            self.bits.push(bits);
            self.prices.push(1.0);
        }
        self.splits_field = Some((field, pictures));
    }

    /// Bits of the sides of the pictures between two references.
    fn add_sides_rate(&mut self, geometry: Geometry, context: &[Var], past: Option<&Array2<f32>>) {
        let slices = between(&self.levels).count();
        if slices == 0 {
            return;
        }
        let (rows, columns) = geometry.motion();
        let shape = [slices, 1, rows, columns];
        let field = self.graph.leaf(zeros(&shape), false);
        self.sides_field = Some(field);
        let op = OctreeRate::new(OctreeRateConfig {
            shape,
            channel: 0,
            type_channel: 0,
            roots: motion_roots(slices, 1),
            types: SliceTypes::AllPredicted,
            parent: Parent::None,
            hidden: ContextShape::SIDES.hidden,
            before: Before::Slices(past.map_or(vec![], |past| past.iter().copied().collect())),
            fits_parameters: self.trains_context,
            flagged: None,
        });
        let inputs: Vec<Var> = [field].into_iter().chain(context.iter().copied()).collect();
        let bits = self.graph.push(op, &inputs);
        self.bits.push(bits);
        self.prices.push(1.0);
    }

    /// Leaves for a set of context parameters; returns them quantised, without the empty ones.
    fn add_context(&mut self, shape: ContextShape) -> Vec<Var> {
        let shapes: [&[usize]; CONTEXT_TENSORS] = [
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
            start::context(number, &mut value);
            let leaf = self.graph.leaf(value, self.trains_context);
            self.context.push(leaf);
            if !shape.contains(&0) {
                quantised.push(self.quantised(leaf, 2));
                if self.trains_context {
                    let bits = self.graph.push(TensorRate, &[leaf, step]);
                    self.context_bits.push(bits);
                }
            }
        }
        quantised
    }
}

/// A channel of a slice.
fn channel_of(slice: &Array3<f32>, channel: usize) -> Vec<f32> {
    slice.index_axis(Axis(0), channel).iter().copied().collect()
}

/// Bits of an update that no training changes: scale classes, and how long it lasts (SPEC section 5).
pub(super) fn update_bits(architecture: &Architecture) -> f64 {
    let layers: usize = architecture.layers().map(|(_, _, layer)| if layer.bias { 2 } else { 1 }).sum();
    (SCALE_BITS * (1 + layers) + INTERVAL_BITS) as f64
}

/// Bits of gains, shifts, scale classes, and how long all that lasts (SPEC section 5).
pub(super) fn fixed_bits(architecture: &Architecture) -> f64 {
    let gains = 14 * architecture.grids.len();
    let layers: usize =
        architecture.layers().map(|(_, _, layer)| if layer.bias { 4 + 2 * SCALE_BITS } else { 4 + SCALE_BITS }).sum();
    let contexts = [ContextShape::latents(architecture)].into_iter().chain(ContextShape::of_motion(architecture));
    let tensors: usize = contexts.map(|shape| shape.tensors().iter().filter(|&&len| len > 0).count()).sum();
    (gains + layers + SCALE_BITS * tensors + INTERVAL_BITS) as f64
}
