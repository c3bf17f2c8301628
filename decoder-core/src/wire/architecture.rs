//! What a stream is made of: grids, stages, motion (SPEC section 2).

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::error::{Corruption, Error, Result};
use crate::order::MAX_PYRAMID;

/// Most grids of a stream.
pub const MAX_GRIDS: usize = 8;
/// Most latent channels over all grids.
pub const MAX_CHANNELS: usize = 16;
/// Most stages: strides 32 to 1.
pub const MAX_STAGES: usize = 6;
/// Most layers over all stages.
pub const MAX_LAYERS: usize = 16;
/// Most layers of one stage.
const MAX_STAGE_LAYERS: usize = 6;
/// Most channels of an activation.
const MAX_WIDTH: usize = 64;
/// Samples of a site: 2x2 luma, two chroma.
pub const SITE: usize = 6;
/// Log2 of the size of an octree's root node, and of a motion block in sites.
pub const ROOT_LOG2: u32 = 3;

/// How often a grid has a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Temporal {
    /// One slice for `2^log2` frames, interpolated between them.
    Every(u8),
    /// One slice for the segment.
    Whole,
}

/// A grid of latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Log2 of the stride on the half-resolution lattice, 0..=5.
    pub stride_log2: u8,
    /// How often it has a slice.
    pub temporal: Temporal,
    /// Channels, 1..=4.
    pub channels: u8,
}

/// The shape of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerKind {
    /// 1x1.
    Point,
    /// 3x3.
    Full,
    /// 3x3, one filter a channel.
    Depthwise,
}

impl LayerKind {
    /// Rows above and below that it needs.
    #[must_use]
    pub const fn radius(self) -> usize {
        match self {
            Self::Point => 0,
            Self::Full | Self::Depthwise => 1,
        }
    }

    /// Weights, which are also the multiplications of one site.
    #[must_use]
    pub const fn weights(self, inputs: usize, outputs: usize) -> usize {
        match self {
            Self::Point => inputs * outputs,
            Self::Full => 9 * inputs * outputs,
            Self::Depthwise => 9 * inputs,
        }
    }
}

/// A convolution layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its shape.
    pub kind: LayerKind,
    /// Output channels, 1..=64.
    pub outputs: u8,
    /// Whether negative outputs become 0.
    pub relu: bool,
    /// Whether its input is added to its output.
    pub residual: bool,
    /// Whether it has biases; see [`Architecture::centred`].
    pub bias: bool,
}

/// What is computed at one stride.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its layers, first to last; none is allowed but at the last stage.
    pub layers: Vec<Layer, MAX_STAGE_LAYERS>,
}

/// How a sample between samples is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Interpolation {
    /// 2x2 taps.
    Bilinear,
    /// 4x4 taps, Catmull-Rom.
    Cubic,
}

/// Prediction from other pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Motion {
    /// How a sample between samples is made.
    pub interpolation: Interpolation,
    /// Largest vertical displacement in luma samples, 0..=31.
    pub reach: u8,
    /// Whether the last stage sees the prediction.
    pub sees_prediction: bool,
    /// Largest [pyramid](crate::order::Order::pyramid) of a segment. Each level takes memory for one more reference than the one that there is without.
    pub pyramid: u8,
    /// Whether the blocks of pictures that are predicted from one may have a vector for each quarter.
    pub splits: bool,
}

/// Everything that fixes the shape of the parameters and the work.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Architecture {
    /// Log2 of the frames of a chunk, 0..=3.
    pub root_depth: u8,
    /// Octree levels that carry emptiness flags, 0..=3.
    pub flag_levels: u8,
    /// Hidden units of the latents' context network, 0..=16.
    pub context_hidden: u8,
    /// The grids, coarse to fine.
    pub grids: Vec<Grid, MAX_GRIDS>,
    /// The stages, from the first grid's stride to 1.
    pub stages: Vec<Stage, MAX_STAGES>,
    /// Prediction, if any segment has it.
    pub motion: Option<Motion>,
}

impl Clone for Architecture {
    // Its lists are copied item by item, which takes as much code as a small kernel.
    #[inline(never)]
    fn clone(&self) -> Self {
        let Self { root_depth, flag_levels, context_hidden, ref grids, ref stages, motion } = *self;
        Self { root_depth, flag_levels, context_hidden, grids: grids.clone(), stages: stages.clone(), motion }
    }
}

impl Architecture {
    /// Latent channels over all grids.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.grids.iter().map(|grid| usize::from(grid.channels)).sum()
    }

    /// Log2 of the stride of stage `number`.
    #[must_use]
    pub fn stage_stride_log2(&self, number: usize) -> usize {
        self.stages.len().saturating_sub(1 + number)
    }

    /// Channels that stage `number` gets besides those from the stage before.
    #[must_use]
    #[inline(never)]
    pub fn injected(&self, number: usize) -> usize {
        let stride = self.stage_stride_log2(number);
        let grids = self.grids.iter().filter(|grid| usize::from(grid.stride_log2) == stride);
        let seen = self.motion.is_some_and(|motion| motion.sees_prediction) && stride == 0;
        grids.map(|grid| usize::from(grid.channels)).sum::<usize>() + if seen { SITE } else { 0 }
    }

    /// Each layer with its stage and its number of inputs, in order.
    pub fn layers(&self) -> impl Iterator<Item = (usize, usize, Layer)> + '_ {
        let mut width = 0;
        self.stages.iter().enumerate().flat_map(move |(number, stage)| {
            width += self.injected(number);
            let mut inputs = width;
            width = stage.layers.last().map_or(width, |layer| usize::from(layer.outputs));
            stage.layers.iter().map(move |&layer| {
                let before = inputs;
                inputs = usize::from(layer.outputs);
                (number, before, layer)
            })
        })
    }

    /// Whether each layer is centred: the one before it in its stage has biases and a ReLU, it is a point layer with neither biases nor
    /// residual, and its sums begin so that zero into the layer before it gives zero (SPEC section 8).
    pub fn centred(&self) -> impl Iterator<Item = bool> + '_ {
        self.stages.iter().flat_map(|stage| {
            let mut biased = false;
            stage.layers.iter().map(move |layer| {
                let centred = biased && layer.kind == LayerKind::Point && !layer.bias && !layer.residual;
                biased = layer.bias && layer.relu;
                centred
            })
        })
    }

    /// Whether zero latents give exactly zero: the last stage does not see the prediction, and all biases are centred.
    #[must_use]
    pub fn keeps_zero(&self) -> bool {
        let biased = self.layers().filter(|(.., layer)| layer.bias).count();
        let centred = self.centred().filter(|&centred| centred).count();
        biased == centred && !self.motion.is_some_and(|motion| motion.sees_prediction)
    }

    /// Whether pictures may be predicted from both sides.
    #[must_use]
    pub fn is_bidirectional(&self) -> bool {
        self.pyramid() > 0
    }

    /// Whether blocks may have a vector for each quarter.
    #[must_use]
    pub fn has_splits(&self) -> bool {
        self.motion.is_some_and(|motion| motion.splits)
    }

    /// Largest pyramid of a segment.
    #[must_use]
    pub fn pyramid(&self) -> u8 {
        self.motion.map_or(0, |motion| motion.pyramid)
    }

    /// Refuses values and combinations that the format does not have.
    ///
    /// # Errors
    /// [`Corruption::Header`].
    pub fn check(&self) -> Result<()> {
        let ok = self.root_depth <= 3
            && self.flag_levels <= 3
            && self.context_hidden <= 16
            && self.check_grids()
            && self.check_stages()
            && self.motion.is_none_or(|motion| motion.reach <= 31 && motion.pyramid <= MAX_PYRAMID)
            && !((self.is_bidirectional() || self.has_splits()) && self.root_depth > 0);
        if ok { Ok(()) } else { Err(Error::Corrupt(Corruption::Header)) }
    }

    fn check_grids(&self) -> bool {
        let each = self.grids.iter().all(|grid| {
            let temporal = match grid.temporal {
                Temporal::Every(log2) => log2 <= self.root_depth,
                Temporal::Whole => true,
            };
            grid.stride_log2 <= 5 && temporal && (1..=4).contains(&grid.channels)
        });
        let sorted = self.grids.iter().zip(self.grids.iter().skip(1)).all(|(a, b)| a.stride_log2 >= b.stride_log2);
        !self.grids.is_empty() && each && sorted && self.channels() <= MAX_CHANNELS
    }

    fn check_stages(&self) -> bool {
        let coarsest = self.grids.first().map_or(0, |grid| usize::from(grid.stride_log2));
        if self.stages.len() != coarsest + 1 || self.layers().count() > MAX_LAYERS {
            return false;
        }
        let mut width = 0;
        for (number, stage) in self.stages.iter().enumerate() {
            width += self.injected(number);
            if width == 0 || width > MAX_WIDTH {
                return false;
            }
            for layer in &stage.layers {
                let outputs = usize::from(layer.outputs);
                let square = layer.residual || layer.kind == LayerKind::Depthwise;
                if outputs == 0 || outputs > MAX_WIDTH || (square && outputs != width) {
                    return false;
                }
                width = outputs;
            }
        }
        let last = self.stages.last().and_then(|stage| stage.layers.last());
        last.is_some_and(|layer| usize::from(layer.outputs) == SITE && !layer.relu)
    }
}

/// Sizes that follow from the picture's (SPEC section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Sites a row.
    pub width: usize,
    /// Rows of sites.
    pub height: usize,
}

impl Geometry {
    /// Of a picture in luma samples.
    #[must_use]
    pub fn new(width: u16, height: u16) -> Self {
        Self { width: usize::from(width).div_ceil(2), height: usize::from(height).div_ceil(2) }
    }

    /// Rows and columns of a grid of this stride.
    #[must_use]
    pub fn grid(self, stride_log2: u32) -> (usize, usize) {
        let shrink = |n: usize| (n + (1 << stride_log2) - 1) >> stride_log2;
        (shrink(self.height), shrink(self.width))
    }

    /// Rows and columns of the motion field.
    #[must_use]
    pub fn motion(self) -> (usize, usize) {
        self.grid(ROOT_LOG2)
    }

    /// Rows and columns of the quarters of its blocks.
    #[must_use]
    pub fn quarters(self) -> (usize, usize) {
        self.grid(ROOT_LOG2 - 1)
    }
}
