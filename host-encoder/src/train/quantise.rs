//! From the tape's floats to the integers of the format.

use decoder_core::octree::LATENT_LIMIT;
use decoder_core::weights::{BIAS_LIMIT, CONTEXT_LIMIT, GAIN_LIMIT, WEIGHT_LIMIT};
use decoder_core::wire::{Architecture, Geometry};
use ndarray::{Array4, ArrayD};

use crate::autodiff::ops::loop_filter::{REACHES, STRENGTHS};
use crate::bitstream::{SegmentModel, Update};

use super::network::{BIAS_STEP, CONTEXT_STEP, GAIN_STEP, GridVars, Network};

fn steps(value: f32, step: f32, limit: i32) -> i32 {
    ((value / step + 0.5).floor() as i32).clamp(-limit, limit)
}

/// Makes gains, weights, biases, the loop filter and context parameters what the format can say. `shifts` are the fraction bits of each layer's weights.
pub fn round_parameters(network: &mut Network, shifts: &[u8]) {
    let round = |value: &mut f32, step: f32, limit: i32| *value = steps(*value, step, limit) as f32 * step;
    let graph = &mut network.graph;
    for grid in &network.grids {
        let gain = graph.value_mut(grid.gain);
        gain.iter_mut().for_each(|gain| round(gain, GAIN_STEP, GAIN_LIMIT.into()));
        gain.mapv_inplace(|gain| gain.max(GAIN_STEP));
    }
    for (layer, &shift) in network.layers.iter().zip(shifts) {
        let step = weight_step(shift);
        graph.value_mut(layer.weights).iter_mut().for_each(|weight| round(weight, step, WEIGHT_LIMIT));
        if let Some(biases) = layer.biases {
            graph.value_mut(biases).iter_mut().for_each(|bias| round(bias, BIAS_STEP, BIAS_LIMIT));
        }
    }
    for (var, steps) in network.loop_filter.into_iter().flatten().zip([STRENGTHS, REACHES]) {
        graph.value_mut(var).mapv_inplace(|value| (value * steps as f32 + 0.5).floor() / steps as f32);
    }
    for &var in &network.context {
        graph.value_mut(var).iter_mut().for_each(|item| round(item, CONTEXT_STEP, CONTEXT_LIMIT));
    }
}

/// The latents of each grid as integers, in the order of the format.
pub fn latents(network: &Network) -> impl Iterator<Item = Vec<i8>> {
    let integers =
        |var| network.graph.value(var).iter().map(|&latent| steps(latent, 1.0, LATENT_LIMIT) as i8).collect();
    network.grids.iter().map(move |grid| integers(grid.latents))
}

/// Gains and layers as they are from picture `first` on. `shifts` are the fraction bits of each layer's weights.
pub fn layers(network: &Network, shifts: &[u8], first: usize) -> Update {
    let graph = &network.graph;
    let gain = |grid: &GridVars| steps(graph.value(grid.gain)[0], GAIN_STEP, GAIN_LIMIT.into()).max(1) as u16;
    let mut update = Update { first, gains: network.grids.iter().map(gain).collect(), weights: vec![], biases: vec![] };
    for (vars, &shift) in network.layers.iter().zip(shifts) {
        let weights = in_order_of_format(graph.value(vars.weights)).into_iter();
        update.weights.extend(weights.map(|weight| steps(weight, weight_step(shift), WEIGHT_LIMIT) as i16));
        if let Some(biases) = vars.biases {
            update.biases.extend(graph.value(biases).iter().map(|&bias| steps(bias, BIAS_STEP, BIAS_LIMIT) as i16));
        }
    }
    update
}

/// A segment with the context parameters of a network, and with latents of all its pictures and gains and layers of all its blocks. `shifts` are the fraction
/// bits of each layer's weights.
pub fn quantise(
    network: &Network,
    architecture: &Architecture,
    geometry: Geometry,
    (latents, updates): (&[Vec<i8>], &[Update]),
    motion: Option<&Array4<i8>>,
    shifts: &[u8],
    (frames, colour): (usize, [u8; 3]),
) -> SegmentModel {
    let mut model = SegmentModel::zeros(architecture, geometry, frames, motion.is_some());
    let graph = &network.graph;
    for (slot, &shift) in model.scalars.shifts.iter_mut().zip(shifts) {
        *slot = shift;
    }
    if let Some((first, later)) = updates.split_first() {
        model.scalars.gains = first.gains.iter().copied().collect();
        model.weights.clone_from(&first.weights);
        model.biases.clone_from(&first.biases);
        model.updates = later.to_vec();
    }
    let context = network.context.iter().flat_map(|&var| graph.value(var).iter());
    model.context = context.map(|&item| steps(item, CONTEXT_STEP, CONTEXT_LIMIT) as i8).collect();
    for (grid, latents) in model.grids.iter_mut().zip(latents) {
        grid.iter_mut().zip(latents).for_each(|(slot, &latent)| *slot = latent);
    }
    model.motion = motion.cloned();
    model.colour = colour;
    model
}

fn weight_step(shift: u8) -> f32 {
    (-f32::from(shift)).exp2()
}

/// `[output][input][ky][kx]` as `[output][ky][kx][input]`; a depthwise layer has one input.
fn in_order_of_format(weights: &ArrayD<f32>) -> Vec<f32> {
    weights.view().permuted_axes(ndarray::IxDyn(&[0, 2, 3, 1])).iter().copied().collect()
}
