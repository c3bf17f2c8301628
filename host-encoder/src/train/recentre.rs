//! Moving constants from the latents into the biases of the first layer.
//!
//! Latents learn faster than biases, and a channel that is one number nearly everywhere costs few bits. But only zeros are free: a latent that
//! is not zero has the network run around it, and with a constant no place of the picture is ever at rest. The first layer's biases say the same.

use ndarray::Axis;

use super::network::Network;

/// Takes from each channel of latents that the first layer sees the integer nearest to their median, and gives it to that layer's biases;
/// whether there was anything to take.
///
/// Edges are replicated and upsampling keeps constants, so that the layer's output stays what it was. In a centred network (the format's
/// SPEC section 8) the picture changes by what the constant said where nothing else did.
pub fn recentre(network: &mut Network) -> bool {
    let Some(layer) = network.layers.first() else { return false };
    let (weights, Some(biases)) = (layer.weights, layer.biases) else { return false };
    let graph = &mut network.graph;
    let seen = graph.value(weights).shape()[1];
    let channels = network.grids.iter().flat_map(|grid| {
        let count = graph.value(grid.latents).shape()[1];
        (0..count).map(|channel| (grid.latents, grid.gain, channel))
    });
    let channels: Vec<_> = channels.take(seen).collect();
    let mut moved = false;
    for (input, (latents, gain, channel)) in channels.into_iter().enumerate() {
        let mut sorted: Vec<f32> = graph.value(latents).index_axis(Axis(1), channel).iter().copied().collect();
        let middle = sorted.len() / 2;
        let constant = (*sorted.select_nth_unstable_by(middle, f32::total_cmp).1 + 0.5).floor();
        if constant == 0.0 || !constant.is_finite() {
            continue;
        }
        moved = true;
        graph.value_mut(latents).index_axis_mut(Axis(1), channel).mapv_inplace(|latent| latent - constant);
        let said = constant * graph.value(gain)[0];
        let sums: Vec<f32> =
            graph.value(weights).index_axis(Axis(1), input).outer_iter().map(|filter| said * filter.sum()).collect();
        graph.value_mut(biases).iter_mut().zip(sums).for_each(|(bias, sum)| *bias += sum);
    }
    moved
}

#[cfg(test)]
mod tests {
    use decoder_core::Level;
    use decoder_core::wire::{Geometry, LoopFilter, SITE};
    use ndarray::Array3;

    use decoder_core::order::Order;

    use super::*;
    use crate::settings::EncodeSettings;
    use crate::train::network::{Objective, Pictures};
    use crate::train::presets::architecture;
    use crate::train::random::Random;

    #[test]
    fn constants_move_and_the_pictures_stay() {
        for level in [Level::Nano, Level::Edge] {
            let geometry = Geometry::new(46, 34);
            // Without prediction nothing is centred.
            let settings = EncodeSettings { level, motion: false, ..EncodeSettings::default() };
            let architecture = architecture(&settings, geometry);
            let targets = vec![Array3::from_elem((SITE, geometry.height, geometry.width), 90.0); 2];
            let objective = Objective { lambda: 0.0, structural: false, parameter_price: 1.0, size: [46, 34] };
            let random = &mut Random::new(1);
            let order = Order { frames: targets.len(), predicted: false, pyramid: 0 };
            let loop_filter = LoopFilter::default();
            let colour = [100; 3];
            let pictures = Pictures { targets: &targets, order, numbers: &[0, 1], loop_filter, colour, past: None };
            let mut network = Network::new(&architecture, geometry, pictures, &objective, random);
            for (number, grid) in network.grids.iter().enumerate() {
                let constant = [0.0, 3.0, -2.0][number % 3];
                let latents = network.graph.value_mut(grid.latents);
                latents.iter_mut().for_each(|latent| *latent = constant + 0.1 * random.normal());
            }
            // Hard rounding, so that what is moved is what is seen.
            network.graph.value_mut(network.rounding)[1] = 1.0;
            network.run(false);
            let before = network.mean_distortion();
            assert!(recentre(&mut network));
            network.run(false);
            let after = network.mean_distortion();
            assert!((after - before).abs() < 1e-3 * before, "{level:?}: {before}, then {after}");
            for grid in &network.grids {
                let mean = network.graph.value(grid.latents).mean().expect("there are latents");
                assert!(mean.abs() < 0.2, "{level:?}: {mean}");
            }
        }
    }
}
