//! The values that everything has before the first step.

use decoder_core::weights::WEIGHT_LIMIT;
use decoder_core::wire::{Architecture, LayerKind};
use ndarray::{ArrayD, IxDyn};

use crate::autodiff::Graph;
use crate::train::random::Random;

use super::LayerVars;

/// Activation units per latent step at the start.
pub(super) const GAIN: f32 = 0.25;
/// The step that weights are priced with before they are quantised.
const PRICED_STEP: f32 = 1.0 / 128.0;
/// Standard deviation of the last layers' weights at the start, relative to the usual: the network begins near zero.
const LAST_LAYER: f32 = 0.1;

pub(super) fn scalar(value: f32) -> ArrayD<f32> {
    ArrayD::from_elem(IxDyn(&[1]), value)
}

pub(super) fn pair(a: f32, b: f32) -> ArrayD<f32> {
    ArrayD::from_shape_vec(IxDyn(&[2]), vec![a, b]).expect("two items")
}

pub(super) fn zeros(shape: &[usize]) -> ArrayD<f32> {
    ArrayD::zeros(IxDyn(shape))
}

/// The layers' leaves: random weights, biases of zero.
pub(super) fn layers(graph: &mut Graph<f32>, architecture: &Architecture, random: &mut Random) -> Vec<LayerVars> {
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
pub(super) fn context(tensor: usize, value: &mut ArrayD<f32>) {
    value.fill(0.0);
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
