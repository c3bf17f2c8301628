//! A segment is fitted block by block.
//!
//! Each block after the first begins with the last picture of the one before, as the decoder will have it, and with the weights that that one ended with; it has
//! latents of its own to find, and changes of weights that are worth their bits. Context parameters are the segment's. In one fit of a long chain of pictures the noise of all latents adds up from picture to
//! picture, and as many steps find less (docs/measurements.md).

use decoder_core::wire::{Architecture, Temporal};
use ndarray::{Array3, Axis};
use serde::{Deserialize, Serialize};

use crate::bitstream::{SegmentModel, Update};

use super::network::{Network, Past};
use super::parameters::Parameters;
use super::quantise::{self, quantise};
use super::run::Run;
use super::source::Source;

/// Pictures of a block, about: fewer invest too little in what is predicted from their last, more are too long a chain.
const BLOCK: usize = 16;

/// Pictures of each block of a segment of `frames` pictures, at least one.
pub fn lengths(architecture: &Architecture, frames: usize) -> Vec<usize> {
    // Where latents are of several pictures, or pictures do not come from those before them, there is nothing to go on from.
    let one_by_one = architecture.grids.iter().all(|grid| grid.temporal == Temporal::Every(0));
    let chain = architecture.motion.is_some() && one_by_one && architecture.root_depth == 0;
    let blocks = if chain { ((frames + BLOCK / 2) / BLOCK).max(1) } else { 1 };
    let end = |block: usize| match frames * block / blocks {
        // Of all that is before a block, its pictures are predicted from the last that is predicted from one alone: they begin with a pyramid.
        end if architecture.is_bidirectional() && 0 < end && end < frames => {
            let pictures = 1 << architecture.pyramid();
            (end - 1 + pictures / 2) / pictures * pictures + 1
        }
        end => end,
    };
    (0..blocks).map(|block| end(block + 1) - end(block)).collect()
}

/// What the blocks that are finished leave to those that follow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    frames: usize,
    parameters: Parameters,
    /// Of each grid, slice after slice.
    latents: Vec<Vec<i8>>,
    /// The last picture that others are predicted from, `[6][row][column]`.
    picture: Vec<u8>,
    /// What gains and layers are from each block on.
    updates: Vec<Update>,
    /// Sum over the pictures.
    distortion: f64,
    /// Of latents and motion.
    bits: f64,
    /// Of gains, layers and their changes.
    layer_bits: f64,
    /// Of context parameters.
    context_bits: f64,
}

impl Finished {
    /// Adds a block of `source` that is [finished](Run::finish).
    pub fn add(&mut self, run: &Run, source: &Source<'_>) {
        let network = &run.network;
        self.latents.resize_with(network.grids.len(), Vec::new);
        self.latents.iter_mut().zip(quantise::latents(network)).for_each(|(all, block)| all.extend(block));
        self.parameters = network.parameters();
        let last = (0..run.frames()).rev().find(|&number| !source.order.is_between(self.frames + number)).unwrap_or(0);
        self.picture = network.picture(last).iter().map(|&sample| sample as u8).collect();
        self.distortion += run.frames() as f64 * network.mean_distortion();
        let [parameters, context] = [network.counted_parameter_bits(), network.counted_context_bits()];
        self.bits += network.counted_bits() - parameters;
        self.layer_bits += parameters - context;
        self.context_bits += context;
        self.updates.push(quantise::layers(network, run.shifts(), self.frames));
        self.frames += run.frames();
    }

    /// Whether it can be what is before picture `start` of `source`.
    pub fn fits(&self, source: &Source<'_>, start: usize) -> bool {
        let sites = source.geometry.width * source.geometry.height;
        let grids = source.architecture.grids.iter().zip(&self.latents);
        let whole = grids.clone().all(|(grid, latents)| {
            let (rows, columns) = source.geometry.grid(grid.stride_log2.into());
            latents.len() == start * usize::from(grid.channels) * rows * columns
        });
        let all = grids.count() == source.architecture.grids.len() && self.picture.len() == 6 * sites;
        self.frames == start && (start == 0 || whole && all)
    }

    /// What the next block goes on from; nothing before the first.
    pub fn past(&self, source: &Source<'_>) -> Option<Past> {
        let motion = source.motion.as_ref().filter(|_| self.frames > 0)?;
        let Source { architecture, geometry, .. } = source;
        let last_slice = |(grid, latents): (&decoder_core::wire::Grid, &Vec<i8>)| {
            let (rows, columns) = geometry.grid(grid.stride_log2.into());
            let shape = (usize::from(grid.channels), rows, columns);
            let before = latents.len() - shape.0 * rows * columns;
            Array3::from_shape_fn(shape, |(c, y, x)| f32::from(latents[before + (c * rows + y) * columns + x]))
        };
        let last = |between: bool| (0..self.frames).rev().find(|&number| source.order.is_between(number) == between);
        let (rows, columns) = (geometry.height, geometry.width);
        let sample = |(c, y, x)| f32::from(self.picture[(c * rows + y) * columns + x]);
        Some(Past {
            picture: Array3::from_shape_fn((6, rows, columns), sample).into_dyn(),
            latents: architecture.grids.iter().zip(&self.latents).map(last_slice).collect(),
            motion: motion.index_axis(Axis(0), last(false)?).mapv(f32::from),
            sides: source.sides.as_ref().and_then(|sides| {
                let last = last(true)?;
                Some(sides.index_axis(Axis(0), last).mapv(f32::from))
            }),
            parameters: self.parameters.clone(),
        })
    }

    /// The tape of the bits of all latents and their motion, with those of empty nodes or without.
    pub fn rates(&self, source: &Source<'_>, without_empty: bool) -> Network {
        let Source { architecture, geometry, .. } = *source;
        let mut rates = Network::of_latents(architecture, geometry, source.order, self.frames, without_empty);
        for (grid, latents) in rates.grids.iter().zip(&self.latents) {
            let value = rates.graph.value_mut(grid.latents);
            value.iter_mut().zip(latents).for_each(|(value, &latent)| *value = latent.into());
        }
        if let Some(motion) = &source.motion {
            let finished = ndarray::s![..self.frames, .., .., ..];
            rates.set_motion(motion.slice(finished), source.splits.as_ref().map(|splits| splits.slice(finished)));
        }
        if let Some(sides) = &source.sides {
            rates.set_sides(sides.slice(ndarray::s![..self.frames, .., ..]));
        }
        rates
    }

    /// Takes bits from [their tape](Self::rates), and the parameters that go with them from a network.
    pub fn recount(&mut self, rates: &Network, network: &Network) {
        self.bits = rates.counted_bits() - rates.counted_parameter_bits();
        self.context_bits = rates.counted_context_bits();
        self.parameters = network.parameters();
    }

    /// Bits of latents and motion, and of all parameters.
    #[cfg(test)]
    pub fn counted_bits(&self) -> [f64; 2] {
        [self.bits, self.layer_bits + self.context_bits]
    }

    /// Mean distortion and bits of a segment, if the pictures to come are as those of a run are now. Those of levels that it has none of take few bits: none are counted.
    pub fn with(&self, run: &Run, source: &Source<'_>) -> (f64, f64) {
        let (network, frames) = (&run.network, source.targets.len());
        let level = |number: usize| source.order.level(number);
        let highest = run.numbers().iter().map(|&number| level(number)).max().unwrap_or(0);
        let alike = (self.frames..frames).filter(|&number| level(number) <= highest).count();
        let parameters = network.counted_parameter_bits();
        let to_come = match alike {
            0 => 0.0,
            alike => (network.counted_bits() - parameters) * alike as f64 / run.frames() as f64 + parameters,
        };
        let bits = self.bits + self.layer_bits + self.context_bits + to_come;
        let rest = (frames - self.frames) as f64;
        ((self.distortion + network.mean_distortion() * rest) / frames as f64, bits)
    }

    /// The segment, when the last block is finished; `run` is that block's, and has the parameters of all.
    pub fn model(&self, run: &Run, source: &Source<'_>) -> SegmentModel {
        let Source { architecture, geometry, motion, colour, .. } = source;
        let model = quantise(
            &run.network,
            architecture,
            *geometry,
            (&self.latents, &self.updates),
            motion.as_ref(),
            run.shifts(),
            (self.frames, *colour),
        );
        SegmentModel {
            pyramid: source.order.pyramid,
            splits: source.splits.clone(),
            sides: source.sides.clone(),
            loop_filter: run.network.loop_filter_settings(),
            ..model
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::EncodeSettings;
    use crate::train::presets::architecture;
    use decoder_core::order::{Order, Prediction};
    use decoder_core::wire::Geometry;

    #[test]
    fn blocks_are_even_and_only_of_chains() {
        let lengths_of = |motion: bool, pyramid: u8, frames: usize| {
            let settings = EncodeSettings { motion, pyramid, ..EncodeSettings::default() };
            lengths(&architecture(&settings, Geometry::new(32, 32)), frames)
        };
        for (frames, pyramid) in (1..200).flat_map(|frames| [0, 1, 2].map(|pyramid| (frames, pyramid))) {
            let blocks = lengths_of(true, pyramid, frames);
            assert_eq!(blocks.iter().sum::<usize>(), frames);
            let mean = frames / blocks.len();
            assert!(pyramid > 1 || blocks.iter().all(|&block| block.abs_diff(blocks[0]) <= 2), "{blocks:?}");
            assert!(blocks.iter().all(|&block| block.abs_diff(mean) <= 1 << pyramid), "{blocks:?}");
            let about = |block: usize| 4 * block + 4 >= 3 * BLOCK.min(frames) && 2 * block < 3 * BLOCK;
            assert!(blocks.iter().all(|&block| about(block)), "{blocks:?}");
            assert_eq!(lengths_of(false, pyramid, frames), [frames]);
            // No picture is predicted from one of a block before, but from the last reference there.
            let order = Order { frames, predicted: true, pyramid };
            let mut start = 0;
            for block in blocks {
                let last = (0..start).rev().find(|&number| !order.is_between(number));
                for number in start..start + block {
                    let references = match order.prediction(number) {
                        Prediction::None => vec![],
                        Prediction::Before(before) => vec![before],
                        Prediction::Between(both) => both.to_vec(),
                    };
                    assert!(references.iter().all(|&at| at >= start || Some(at) == last), "{number} of {frames}");
                }
                start += block;
            }
        }
    }
}
