//! From the tape's floats to the integers of the format.

use decoder_core::weights::{BIAS_LIMIT, CONTEXT_LIMIT, GAIN_LIMIT, WEIGHT_LIMIT};
use decoder_core::wire::{Architecture, Geometry};
use ndarray::{Array4, ArrayD};

use crate::bitstream::SegmentModel;

use super::network::{BIAS_STEP, CONTEXT_STEP, GAIN_STEP, Network};

fn steps(value: f32, step: f32, limit: i32) -> i32 {
    ((value / step + 0.5).floor() as i32).clamp(-limit, limit)
}

/// The segment as it would be written now. `shifts` are the fraction bits of each layer's weights.
pub fn quantise(
    network: &Network,
    architecture: &Architecture,
    geometry: Geometry,
    frames: usize,
    motion: Option<&Array4<i8>>,
    shifts: &[u8],
    colour: [u8; 3],
) -> SegmentModel {
    let mut model = SegmentModel::zeros(architecture, geometry, frames, motion.is_some());
    let graph = &network.graph;
    for (slot, vars) in model.scalars.gains.iter_mut().zip(&network.grids) {
        *slot = steps(graph.value(vars.gain)[0], GAIN_STEP, GAIN_LIMIT.into()).max(1) as u16;
    }
    for (slot, &shift) in model.scalars.shifts.iter_mut().zip(shifts) {
        *slot = shift;
    }
    model.weights.clear();
    model.biases.clear();
    for (vars, &shift) in network.layers.iter().zip(shifts) {
        let step = (-f32::from(shift)).exp2();
        let weights = in_order_of_format(graph.value(vars.weights)).into_iter();
        model.weights.extend(weights.map(|weight| steps(weight, step, WEIGHT_LIMIT) as i16));
        if let Some(biases) = vars.biases {
            model.biases.extend(graph.value(biases).iter().map(|&bias| steps(bias, BIAS_STEP, BIAS_LIMIT) as i16));
        }
    }
    let context = network.context.iter().flat_map(|&var| graph.value(var).iter());
    model.context = context.map(|&item| steps(item, CONTEXT_STEP, CONTEXT_LIMIT) as i8).collect();
    for (grid, vars) in model.grids.iter_mut().zip(&network.grids) {
        for (slot, &latent) in grid.iter_mut().zip(graph.value(vars.latents)) {
            *slot = steps(latent, 1.0, decoder_core::octree::LATENT_LIMIT) as i8;
        }
    }
    model.motion = motion.cloned();
    model.colour = colour;
    model
}

/// `[output][input][ky][kx]` as `[output][ky][kx][input]`; a depthwise layer has one input.
fn in_order_of_format(weights: &ArrayD<f32>) -> Vec<f32> {
    weights.view().permuted_axes(ndarray::IxDyn(&[0, 2, 3, 1])).iter().copied().collect()
}
