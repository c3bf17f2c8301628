//! The line buffers that an architecture needs, and what a stream costs.

use core::ops::Range;

use heapless::Vec;

use super::loop_filter::{self, lines_len, marks_len};
use crate::arena::Layout;
use crate::buffer::references;
use crate::error::{Corruption, Error, Result};
use crate::latents::LatentPlan;
use crate::limits::Limits;
use crate::mask::words;
use crate::synthesis::Integer;
use crate::wire::{Architecture, FileHeader, Geometry, Layer, LayerKind, MAX_LAYERS, MAX_STAGES, SITE};

/// Most nodes: an input for each stage, and the layers.
pub(super) const MAX_NODES: usize = MAX_STAGES + MAX_LAYERS;

/// Sites that two point layers work on at a time, so that the many channels between them are never there for a whole row.
pub(super) const RELAY: usize = 30;

/// Sites of a tile: what is shown or not as a whole, in each row.
pub(super) const TILE: usize = 8;

/// What a node computes.
#[derive(Clone, Copy, Debug)]
pub(super) enum NodeKind {
    /// A stage's input: the stage before upsampled, grids, prediction.
    Input {
        /// Channels from the stage before.
        upsampled: usize,
        /// Whether the prediction comes last.
        sees_prediction: bool,
        /// The grids of its stride: the number of the first, how many, and the number of the first channel.
        grids: [usize; 3],
    },
    /// A layer.
    Layer {
        layer: Layer,
        /// Its number among all layers.
        number: usize,
        inputs: usize,
        /// Offset of its weights.
        weights: usize,
        /// Offset of what its sums begin with; `None` for zeros.
        starts: Option<usize>,
    },
}

impl NodeKind {
    fn is_point(&self) -> bool {
        matches!(self, Self::Layer { layer: Layer { kind: LayerKind::Point, .. }, .. })
    }
}

/// A ring of rows: what is computed from the node before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    /// Rows of the ring, and its offset in the activations.
    pub(super) rows: usize,
    pub(super) offset: usize,
    /// Offset of the ring's masks.
    pub(super) masks: usize,
    /// Whether it is a point layer of which only [`RELAY`] sites exist at a time, on their way into the point layer after it.
    pub(super) relay: bool,
}

impl Node {
    /// Activations of a row, with a site of padding at both ends.
    pub(super) fn row_len(&self) -> usize {
        let sites = if self.relay { self.width.min(RELAY) } else { self.width };
        (sites + 2) * self.channels
    }

    /// The place of a row's mask.
    pub(super) fn mask(&self, row: usize) -> Range<usize> {
        let from = self.masks + self.slot(row) * words(self.width);
        from..from + words(self.width)
    }

    /// The place of a row in the ring.
    pub(super) fn slot(&self, row: usize) -> usize {
        row % self.rows.max(1)
    }
}

/// All line buffers of a stream.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) nodes: Vec<Node, MAX_NODES>,
    pub(super) geometry: Geometry,
    /// Rows of the ring of rows that are predicted, are finished, and wait to enter the reference.
    pub(super) waiting: usize,
    /// Pictures that are kept, 0 to 3.
    pub(super) references: usize,
    /// Whether zero latents give exactly zero.
    pub(super) keeps_zero: bool,
    activations: usize,
    masks: usize,
}

impl Plan {
    /// For an architecture that has been checked.
    #[must_use]
    pub fn new(architecture: &Architecture, geometry: Geometry) -> Self {
        let motion = architecture.motion;
        let last = architecture.stages.len().saturating_sub(1);
        let radius: usize =
            architecture.stages.last().map_or(0, |stage| stage.layers.iter().map(|layer| layer.kind.radius()).sum());
        let sees_prediction = motion.is_some_and(|motion| motion.sees_prediction);
        // Rows that the last stage's input is ahead of its output.
        let lead = if sees_prediction { radius } else { 0 };
        // Where a picture takes the place of the one it is predicted from, a row's prediction comes from rows up to half the reach, rounded up, and a tap before it.
        let in_place = motion.filter(|motion| motion.pyramid == 0);
        let reach = in_place.map_or(0, |motion| usize::from(motion.reach).div_ceil(2) + 2);
        let mut plan = Self {
            nodes: Vec::new(),
            geometry,
            waiting: reach.max(lead + loop_filter::ROWS),
            references: motion.map_or(0, |motion| references(motion.pyramid)),
            keeps_zero: architecture.keeps_zero(),
            activations: 0,
            masks: 0,
        };
        let mut layers = architecture.layers();
        let (mut number, mut weights, mut starts) = (0, 0, 0);
        let mut centred = architecture.centred();
        let (mut upsampled, mut grid, mut channel) = (0, 0, 0);
        for (at, stage) in architecture.stages.iter().enumerate() {
            let stride_log2 = architecture.stage_stride_log2(at) as u32;
            let channels = upsampled + architecture.injected(at);
            let sees_prediction = at == last && motion.is_some_and(|motion| motion.sees_prediction);
            // Grids go from coarse to fine, as stages do.
            let here = architecture.grids.iter().skip(grid);
            let here = here.take_while(|grid| u32::from(grid.stride_log2) == stride_log2);
            let (count, channels_here) =
                here.fold((0, 0), |(count, channels), grid| (count + 1, channels + usize::from(grid.channels)));
            let grids = [grid, count, channel];
            plan.push(NodeKind::Input { upsampled, sees_prediction, grids }, stride_log2, channels);
            (grid, channel) = (grid + count, channel + channels_here);
            upsampled = channels;
            for _ in 0..stage.layers.len() {
                let Some((_, inputs, layer)) = layers.next() else { break };
                let outputs = usize::from(layer.outputs);
                let begins = centred.next() == Some(true) || layer.bias;
                let kind = NodeKind::Layer { layer, number, inputs, weights, starts: begins.then_some(starts) };
                plan.push(kind, stride_log2, outputs);
                number += 1;
                weights += layer.kind.weights(inputs, outputs);
                starts += if begins { outputs } else { 0 };
                upsampled = outputs;
            }
        }
        plan.size_rings();
        plan
    }

    fn push(&mut self, kind: NodeKind, stride_log2: u32, channels: usize) {
        let (height, width) = self.geometry.grid(stride_log2);
        // The header's check bounds stages and layers, so there is room.
        let _ = self.nodes.push(Node { kind, height, width, channels, rows: 1, offset: 0, masks: 0, relay: false });
    }

    /// A ring keeps the rows that the node after it looks at.
    fn size_rings(&mut self) {
        let mut relayed = false;
        for at in 0..self.nodes.len() {
            let after = self.nodes.get(at + 1).map(|node| node.kind);
            let rows = if after.is_none_or(|after| after.is_point()) { 1 } else { 3 };
            let pair = self.nodes.get(at).is_some_and(|node| node.kind.is_point())
                && after.is_some_and(|after| after.is_point());
            relayed = pair && !relayed;
            let (offset, masks) = (self.activations, self.masks);
            if let Some(node) = self.nodes.get_mut(at) {
                (node.rows, node.offset, node.masks, node.relay) = (rows, offset, masks, relayed);
                // Even, so that kernels may load two at once.
                self.activations += (rows * node.row_len()).next_multiple_of(2);
                self.masks += rows * words(node.width);
            }
        }
    }

    /// Activations of all line buffers.
    #[must_use]
    pub fn activations_len(&self) -> usize {
        self.activations
    }

    /// Words for the masks of all line buffers.
    #[must_use]
    pub fn masks_len(&self) -> usize {
        self.masks
    }

    /// Tiles of a row.
    pub(super) fn tiles(&self) -> usize {
        self.geometry.width.div_ceil(TILE)
    }

    /// Pictures that are kept.
    pub(crate) fn references(&self) -> usize {
        self.references
    }

    /// Whether pictures are predicted from both sides.
    pub(super) fn is_bidirectional(&self) -> bool {
        self.references > 1
    }

    /// Words for the tiles that changed, of all rows that wait and, if pictures are predicted from both sides, of a whole picture for each level of the pyramid; and for the
    /// loop filter's marks.
    #[must_use]
    pub fn changes_len(&self) -> usize {
        let rows = self.references.saturating_sub(1) * self.geometry.height;
        (self.waiting + rows) * words(self.tiles()) + marks_len(self.geometry.width)
    }

    /// Bytes for the rows that wait, the row of a second prediction, the reference pictures, and the loop filter's lines.
    #[must_use]
    pub fn pictures_len(&self) -> usize {
        let rows = self.references * self.geometry.height + usize::from(self.is_bidirectional());
        SITE * self.geometry.width * (self.waiting + rows) + lines_len(self.geometry.width)
    }

    /// Multiplications of all layers for one picture.
    fn macs(&self) -> u64 {
        let of_node = |node: &Node| match node.kind {
            NodeKind::Layer { layer, inputs, .. } => {
                (node.height * node.width) as u64 * layer.kind.weights(inputs, layer.outputs.into()) as u64
            }
            NodeKind::Input { .. } => 0,
        };
        self.nodes.iter().map(of_node).sum()
    }
}

/// The quotient, rounded down, bit by bit: what processors of 32 bits bring for it is ten times as large. `None` for a division by zero.
#[inline(never)]
fn divide(mut dividend: u64, divisor: u32) -> Option<u64> {
    let (mut rest, mut quotient) = (0u64, 0);
    for _ in 0..u64::BITS {
        rest = (rest << 1) | (dividend >> (u64::BITS - 1));
        dividend <<= 1;
        quotient <<= 1;
        if rest >= divisor.into() {
            rest -= u64::from(divisor);
            quotient |= 1;
        }
    }
    (divisor != 0).then_some(quotient)
}

/// What a stream asks for.
#[derive(Clone, Debug)]
pub struct Demand {
    /// Its size, work and memory.
    pub limits: Limits,
    pub(crate) plan: Plan,
    pub(crate) latents: LatentPlan,
}

impl Demand {
    /// Of a header whose values have been checked.
    ///
    /// # Errors
    /// [`Corruption::Header`] for a work that no number holds.
    pub(crate) fn new(header: &FileHeader) -> Result<Self> {
        let plan = Plan::new(&header.architecture, header.geometry());
        let latents = LatentPlan::new(&header.architecture, header.geometry());
        let macs = plan.macs() + latents.context_macs(&header.architecture);
        let pixels = u32::from(header.width) * u32::from(header.height);
        let impossible = Error::Corrupt(Corruption::Header);
        let mac_per_pixel =
            u32::try_from(divide(macs.saturating_add(pixels.saturating_sub(1).into()), pixels).ok_or(impossible)?);
        let mac_per_second = divide(macs.saturating_mul(header.rate_num.into()), header.rate_den);
        let limits = Limits {
            width: header.width,
            height: header.height,
            mac_per_pixel: mac_per_pixel.map_err(|_| impossible)?,
            mac_per_second: mac_per_second.ok_or(impossible)?,
            scratch: Layout::new::<Integer>(header, &plan).bytes(),
        };
        Ok(Self { limits, plan, latents })
    }
}

#[cfg(test)]
mod tests {
    use super::divide;

    #[test]
    fn quotients_are_those_of_the_operator() {
        let numbers = [0, 1, 2, 7, 1000, 2_073_600, 1 << 31, u64::from(u32::MAX), 1 << 40, u64::MAX - 1, u64::MAX];
        for dividend in numbers {
            for divisor in numbers.map(|number| number as u32) {
                assert_eq!(divide(dividend, divisor), dividend.checked_div(divisor.into()), "{dividend} / {divisor}");
            }
        }
    }
}
