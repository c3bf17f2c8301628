//! From latents to pictures: gains, layers, prediction, and the distortion of each.

use decoder_core::order::{Order, Prediction};
use decoder_core::wire::{Architecture, Geometry, Interpolation, Layer, LayerKind, SITE, Temporal};
use ndarray::Array3;

use crate::autodiff::Var;
use crate::autodiff::ops::loop_filter::{REACHES, STRENGTHS};
use crate::autodiff::ops::{
    self, Affine, Centre, Concat, Conv, ConvKind, Dissimilarity, Distortion, FakeQuant, GridFrame, Hidden, Mean,
    Reconstruct, Upsample2, Warp,
};

use super::start::{scalar, zeros};
use super::{LayerVars, Motion, Network, Objective, Pictures};

impl Network {
    pub(super) fn add_pictures(
        &mut self,
        architecture: &Architecture,
        geometry: Geometry,
        pictures: Pictures<'_>,
        objective: &Objective,
    ) {
        let Pictures { targets, order, numbers, loop_filter, colour, past } = pictures;
        let [y, u, v] = colour.map(f32::from);
        let flat = Array3::from_shape_fn((SITE, geometry.height, geometry.width), |(c, ..)| [y, y, y, y, u, v][c]);
        let flat = self.graph.leaf(flat.into_dyn(), false);
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
            for frame in 0..numbers.len() {
                self.graph.begin_lane();
                residuals.push(self.add_synthesis(architecture, geometry, frame, None, &gains, &filters));
            }
            self.graph.end_lanes();
        }
        if loop_filter.strength > 0 {
            let settings = [(loop_filter.strength, STRENGTHS), (loop_filter.reach, REACHES)];
            let leaf =
                |(value, steps): (u8, f64)| self.graph.leaf(scalar((f64::from(value) / steps) as f32), past.is_none());
            self.loop_filter = Some(settings.map(leaf));
        }
        let before = past.map(|past| self.graph.leaf(past.picture.clone(), false));
        let mut made: Vec<Option<Made>> = numbers.iter().map(|_| None).collect();
        for group in independent(order, numbers) {
            let in_lanes = group.len() > 1;
            for frame in group {
                if in_lanes {
                    self.graph.begin_lane();
                }
                // Of all that is before a block, only the last reference is predicted from.
                let reference = |network: &mut Self, number: usize| match numbers.binary_search(&number) {
                    Ok(at) => network.outside(made[at].as_ref().expect("it comes before").picture, in_lanes),
                    Err(_) => before.expect("what a block goes on from"),
                };
                let (prediction, motion) = match order.prediction(numbers[frame]) {
                    Prediction::None => (flat, None),
                    Prediction::Before(before) => {
                        let before = reference(self, before);
                        self.add_prediction(architecture, geometry, before, None)
                    }
                    Prediction::Between(both) => {
                        let [before, after] = both.map(|number| reference(self, number));
                        self.add_prediction(architecture, geometry, before, Some(after))
                    }
                };
                let residual = match residuals.get(frame) {
                    Some(&residual) => self.outside(residual, in_lanes),
                    None => self.add_synthesis(architecture, geometry, frame, Some(prediction), &gains, &filters),
                };
                let picture = self.add_picture(prediction, residual, in_lanes);
                let distortion = self.add_distortion(picture, &targets[numbers[frame]], objective);
                made[frame] = Some(Made { picture, motion, distortion });
            }
            self.graph.end_lanes();
        }
        for Made { picture, motion, distortion: ([luma, chroma], structure) } in made.into_iter().flatten() {
            self.pictures.push(picture);
            self.motion.extend(motion);
            self.distortion[0].push(luma);
            self.distortion[1].push(chroma);
            self.dissimilarity.extend(structure);
        }
    }

    /// What has a gradient, for operations in a lane if there is one: they can give it nothing but through a relay of their own.
    fn outside(&mut self, var: Var, in_lane: bool) -> Var {
        if in_lane { self.graph.relay(var) } else { var }
    }

    /// A prediction and a residual, and the loop filter.
    fn add_picture(&mut self, prediction: Var, residual: Var, in_lane: bool) -> Var {
        let control = self.picture_rounding;
        let picture = self.graph.push(Reconstruct, &[prediction, residual, control]);
        let Some(settings) = self.loop_filter else { return picture };
        let [strength, reach] = settings.map(|var| self.outside(var, in_lane));
        self.graph.push(ops::LoopFilter::default(), &[picture, residual, strength, reach, control])
    }

    /// Luma's and chroma's distortion, and structure's if that ever counts.
    fn add_distortion(&mut self, picture: Var, target: &Array3<f32>, objective: &Objective) -> ([Var; 2], Option<Var>) {
        let target = self.graph.leaf(target.clone().into_dyn(), false);
        let both = [Distortion::Luma, Distortion::Chroma].map(|part| self.graph.push(part, &[picture, target]));
        let [width, height] = objective.size;
        let structural = objective.structural.then(|| Dissimilarity::new(width, height));
        (both, structural.map(|structural| self.graph.push(structural, &[picture, target])))
    }

    /// The prediction from the picture before and, if there is one, the picture after; and the motion of both.
    fn add_prediction(
        &mut self,
        architecture: &Architecture,
        geometry: Geometry,
        before: Var,
        after: Option<Var>,
    ) -> (Var, Option<Motion>) {
        let interpolation = match architecture.motion.map(|motion| motion.interpolation) {
            Some(Interpolation::Cubic) => ops::Interpolation::Cubic,
            _ => ops::Interpolation::Bilinear,
        };
        let splits = architecture.has_splits() && after.is_none();
        let vectors = if splits { geometry.quarters() } else { geometry.motion() };
        let (rows, columns) = geometry.motion();
        let control = self.picture_rounding;
        let graph = &mut self.graph;
        let mut warp = |from: Var| {
            let field = graph.leaf(zeros(&[2, vectors.0, vectors.1]), false);
            (field, graph.push(Warp::new(interpolation, splits), &[from, field, control]))
        };
        let (field, prediction) = warp(before);
        let after = after.map(warp);
        let mut between = None;
        let mut both = prediction;
        if let Some((reversed, from_after)) = after {
            let sides = self.graph.leaf(zeros(&[rows, columns]), false);
            both = self.graph.push(Mean, &[prediction, from_after, sides, control]);
            between = Some([reversed, sides]);
        }
        (both, Some((field, between)))
    }

    /// A scalar, bias or context leaf as the decoder will have it.
    pub(super) fn quantised(&mut self, leaf: Var, kind: usize) -> Var {
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
        let control = self.picture_rounding;
        let graph = &mut self.graph;
        let relayed: Vec<(Var, Option<Var>)> = filters
            .iter()
            .map(|&(weights, biases)| (graph.relay(weights), biases.map(|biases| graph.relay(biases))))
            .collect();
        let mut filters = relayed.iter();
        let mut features: Option<Var> = None;
        for (number, stage) in architecture.stages.iter().enumerate() {
            let stride_log2 = architecture.stage_stride_log2(number);
            let (rows, columns) = geometry.grid(stride_log2 as u32);
            let mut parts: Vec<Var> = features
                .into_iter()
                .map(|coarse| graph.push(Upsample2::new(rows, columns), &[coarse, control]))
                .collect();
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
                    let inputs =
                        [Some(activations), Some(weights), Some(more_weights), Some(control), biases, more_biases];
                    graph.push(Hidden::new(), &inputs.into_iter().flatten().collect::<Vec<_>>())
                } else {
                    let inputs = [Some(activations), Some(weights), Some(control), biases];
                    let inputs: Vec<Var> = inputs.into_iter().flatten().collect();
                    graph.push(Conv::new(kind, layer.relu, layer.residual), &inputs)
                };
            }
            features = Some(activations);
        }
        features.expect("an architecture has a stage")
    }
}

/// What a picture is made of.
struct Made {
    picture: Var,
    motion: Option<Motion>,
    /// Luma's and chroma's, and that of structure.
    distortion: ([Var; 2], Option<Var>),
}

/// The places of pictures none of which is predicted from another of its group, group by group: in a pyramid a picture that is predicted from one stands with the
/// middle of the pyramid before its own, and with what is between two in the one before that.
fn independent(order: Order, numbers: &[usize]) -> Vec<Vec<usize>> {
    let mut depths: Vec<usize> = vec![];
    let mut groups: Vec<Vec<usize>> = vec![];
    for (at, &number) in numbers.iter().enumerate() {
        let after = |number: usize| numbers.binary_search(&number).map_or(0, |at| depths[at] + 1);
        let depth = match order.prediction(number) {
            Prediction::None => 0,
            Prediction::Before(before) => after(before),
            Prediction::Between(both) => both.map(after).into_iter().fold(0, usize::max),
        };
        depths.push(depth);
        groups.resize_with(groups.len().max(depth + 1), Vec::new);
        groups[depth].push(at);
    }
    groups
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_with_those_that_need_as_many_before_them() {
        let groups = |predicted, pyramid, numbers: Vec<usize>| {
            let order = Order { frames: 17, predicted, pyramid };
            let groups = independent(order, &numbers);
            groups.into_iter().map(|group| group.into_iter().map(|at| numbers[at]).collect()).collect::<Vec<Vec<_>>>()
        };
        assert_eq!(groups(true, 1, (0..8).collect()), [vec![0], vec![1], vec![2, 3], vec![4, 5], vec![6, 7]]);
        assert_eq!(groups(true, 1, (3..6).collect()), [vec![3], vec![4, 5]]);
        assert_eq!(
            groups(true, 2, (0..13).collect()),
            [vec![0], vec![1], vec![2, 5], vec![3, 4, 6, 9], vec![7, 8, 10], vec![11, 12]]
        );
        assert_eq!(groups(true, 2, vec![0, 1, 2, 5, 6]), [vec![0], vec![1], vec![2, 5], vec![6]]);
        assert_eq!(groups(true, 0, (5..8).collect()), [[5], [6], [7]]);
        assert_eq!(groups(false, 0, (0..8).collect()), [[0, 1, 2, 3, 4, 5, 6, 7]]);
    }
}
