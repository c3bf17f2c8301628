//! The latents of a segment, one by one with what is known before each: in the octree's order, or in raster order.

use decoder_core::octree::{INPUTS, log2_q5};
use decoder_core::wire::{Architecture, Temporal};
use host_encoder::autodiff::ops::octree_rate::{Layout, grid_roots};
use host_encoder::bitstream::SegmentModel;

/// In which order latents come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// That of the format (SPEC section 6).
    Octree,
    /// Slice by slice and row by row. *Corners* are the diagonal neighbours above, *sides* the ones above and to the left; a
    /// neighbour outside counts as 0. All else is as in SPEC section 7.
    Raster,
}

/// What a latent's law is computed from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Known {
    /// The network's inputs in Q5 (SPEC section 7).
    pub inputs: [i32; INPUTS],
    /// Number of the channel.
    pub channel: usize,
    /// Whether the slice is predicted.
    pub predicted: bool,
    /// Pass of the octree; 0 in raster order.
    pub pass: usize,
}

/// Where the latents of a segment are, channel by channel.
#[derive(Debug)]
pub struct Walk {
    channels: Vec<Channel>,
    predicted: bool,
}

#[derive(Debug)]
struct Channel {
    slices: usize,
    height: usize,
    width: usize,
    parent: Option<Parent>,
    blocks: Vec<Block>,
    /// For each depth that a root has.
    layouts: Vec<Option<Layout>>,
}

/// Slices that are coded together.
#[derive(Clone, Copy, Debug)]
struct Block {
    first: usize,
    slices: usize,
}

#[derive(Debug)]
struct Parent {
    channel: usize,
    shift: usize,
    /// Its slice for each slice.
    slices: Vec<usize>,
}

/// What channels that may be parents are.
struct Before {
    channel: usize,
    stride_log2: u8,
    temporal: Temporal,
}

impl Walk {
    /// Of a segment like `model`.
    pub fn new(order: Order, architecture: &Architecture, model: &SegmentModel) -> Self {
        let mut walk = Self { channels: Vec::new(), predicted: model.motion.is_some() };
        let (mut before, mut whole): (Option<Before>, Option<Before>) = (None, None);
        for (grid, latents) in architecture.grids.iter().zip(&model.grids) {
            let (slices, _, height, width) = latents.dim();
            let is_whole = grid.temporal == Temporal::Whole;
            let (log2, root_slices) = match grid.temporal {
                Temporal::Every(log2) => (log2, 1 << (architecture.root_depth - log2)),
                Temporal::Whole => (0, 1),
            };
            let roots = match order {
                Order::Octree => grid_roots(slices, root_slices),
                Order::Raster => vec![1; slices],
            };
            let mut first = 0;
            let blocks = roots.into_iter().map(|slices| {
                first += slices;
                Block { first: first - slices, slices }
            });
            let blocks: Vec<Block> = blocks.collect();
            for _ in 0..grid.channels {
                let parent = if is_whole { &whole } else { &before };
                let parent = parent.as_ref().map(|parent| {
                    let slice_of = |slice: usize| match parent.temporal {
                        Temporal::Whole => 0,
                        Temporal::Every(parent_log2) => (slice << log2) >> parent_log2,
                    };
                    Parent {
                        channel: parent.channel,
                        shift: usize::from(parent.stride_log2 - grid.stride_log2),
                        slices: (0..slices).map(slice_of).collect(),
                    }
                });
                let mut layouts = Vec::new();
                for block in blocks.iter().filter(|_| order == Order::Octree) {
                    let depth = block.slices.ilog2();
                    layouts.resize_with(layouts.len().max(depth as usize + 1), || None);
                    layouts[depth as usize].get_or_insert_with(|| in_order(Layout::new(depth, height, width)));
                }
                let own =
                    || Before { channel: walk.channels.len(), stride_log2: grid.stride_log2, temporal: grid.temporal };
                before = Some(own());
                if is_whole {
                    whole = Some(own());
                }
                walk.channels.push(Channel { slices, height, width, parent, blocks: blocks.clone(), layouts });
            }
        }
        walk
    }

    /// The latents of each channel, `[slice][row][column]`.
    pub fn values(model: &SegmentModel) -> Vec<Vec<i8>> {
        let channels = model.grids.iter().flat_map(|grid| grid.axis_iter(ndarray::Axis(1)));
        channels.map(|channel| channel.iter().copied().collect()).collect()
    }

    /// As many zeros.
    pub fn zeros(&self) -> Vec<Vec<i8>> {
        self.channels.iter().map(|channel| vec![0; channel.slices * channel.height * channel.width]).collect()
    }

    /// Hands each latent to `visit` with what is known before it, and puts what that returns in its place.
    pub fn visit(&self, values: &mut [Vec<i8>], mut visit: impl FnMut(&Known, i8) -> i8) {
        for (number, channel) in self.channels.iter().enumerate() {
            let (before, own) = values.split_at_mut(number);
            let own = &mut own[0][..];
            let area = channel.height * channel.width;
            for block in &channel.blocks {
                let known = |slice: usize, place: usize, pass: usize, own: &[i8]| {
                    let past = block.first.checked_sub(1).map(|past| &own[past * area..][..area]);
                    let mut known =
                        Known { channel: number, predicted: self.predicted && slice > 0, pass, ..Known::default() };
                    channel.see_past(&mut known.inputs, past, place);
                    channel.see_parent(&mut known.inputs, before, slice, place);
                    known
                };
                let layout = channel.layouts.get(block.slices.ilog2() as usize).and_then(Option::as_ref);
                let Some(layout) = layout else {
                    for place in 0..area {
                        let mut known = known(block.first, place, 0, own);
                        channel.see_behind(&mut known.inputs, &own[block.first * area..][..area], place);
                        let at = block.first * area + place;
                        own[at] = visit(&known, own[at]);
                    }
                    continue;
                };
                for group in &layout.groups {
                    let around = group.corners + group.sides;
                    for (index, &position) in group.positions.iter().enumerate() {
                        let position = position as usize;
                        let mut known = known(block.first + position / area, position % area, group.pass, own);
                        // Neighbours count from the slice before the root.
                        let neighbour = |&at: &u32| {
                            let at = (block.first * area + at as usize).checked_sub(area);
                            at.map_or(0, |at| i32::from(own[at]))
                        };
                        let neighbours = &group.neighbours[index * around..][..around];
                        let (corners, sides) = neighbours.split_at(group.corners);
                        let eight = |weight: f64| (8.0 * weight) as i32;
                        see(&mut known.inputs, 0, corners.iter().map(neighbour), eight(group.corner_weight));
                        see(&mut known.inputs, 1, sides.iter().map(neighbour), eight(group.side_weight));
                        let at = block.first * area + position;
                        own[at] = visit(&known, own[at]);
                    }
                }
            }
        }
    }

    /// Groups of latents of a picture that wait for one another, when all latents of a group are coded at the same time: passes of
    /// the octree, or in raster order diagonals of knight's moves, as the neighbour at the upper right comes before.
    pub fn steps(&self) -> usize {
        let of_channel = |channel: &Channel| -> usize {
            let of_block = |block: &Block| match channel.layouts.get(block.slices.ilog2() as usize) {
                Some(Some(layout)) => {
                    let mut passes: Vec<usize> = layout.groups.iter().map(|group| group.pass).collect();
                    passes.dedup();
                    passes.len()
                }
                _ => channel.width + 2 * (channel.height - 1),
            };
            channel.blocks.iter().map(of_block).sum()
        };
        self.channels.iter().map(of_channel).sum()
    }
}

impl Channel {
    /// Inputs 2 to 4 and 8.
    fn see_past(&self, inputs: &mut [i32; INPUTS], past: Option<&[i8]>, place: usize) {
        let Some(past) = past else { return };
        let own = i32::from(past[place]);
        let magnitude = |dy, dx| self.beside(past, place, [dy, dx]).unsigned_abs();
        let cross = magnitude(-1, 0) + magnitude(1, 0) + magnitude(0, -1) + magnitude(0, 1);
        let diagonal = magnitude(-1, -1) + magnitude(-1, 1) + magnitude(1, -1) + magnitude(1, 1);
        inputs[2] = log2_q5(8 * own.unsigned_abs());
        inputs[3] = log2_q5(2 * cross);
        inputs[4] = log2_q5(2 * diagonal);
        inputs[8] = 32 * own;
    }

    /// Input 5.
    fn see_parent(&self, inputs: &mut [i32; INPUTS], before: &[Vec<i8>], slice: usize, place: usize) {
        let Some(parent) = &self.parent else { return };
        let shrink = |n: usize| n.div_ceil(1 << parent.shift);
        // A parent of the next octave has half as many, rounded up, and so on from octave to octave: the same.
        let (height, width) = (shrink(self.height), shrink(self.width));
        let (y, x) = ((place / self.width) >> parent.shift, (place % self.width) >> parent.shift);
        let latent = before[parent.channel][(parent.slices[slice] * height + y) * width + x];
        inputs[5] = log2_q5(8 * u32::from(latent.unsigned_abs()));
    }

    /// Inputs 0, 1, 6 and 7 in raster order.
    fn see_behind(&self, inputs: &mut [i32; INPUTS], own: &[i8], place: usize) {
        let two = |places: [[isize; 2]; 2]| places.into_iter().map(|by| self.beside(own, place, by));
        see(inputs, 0, two([[-1, -1], [-1, 1]]), 4);
        see(inputs, 1, two([[-1, 0], [0, -1]]), 4);
    }

    /// A neighbour in a slice; 0 outside.
    fn beside(&self, slice: &[i8], place: usize, [dy, dx]: [isize; 2]) -> i32 {
        let y = (place / self.width).checked_add_signed(dy).filter(|&y| y < self.height);
        let x = (place % self.width).checked_add_signed(dx).filter(|&x| x < self.width);
        y.zip(x).map_or(0, |(y, x)| slice[y * self.width + x].into())
    }
}

/// The mean of neighbours as inputs `at` and `at + 6`; `weight` makes means of eight of sums.
fn see(inputs: &mut [i32; INPUTS], at: usize, neighbours: impl Iterator<Item = i32>, weight: i32) {
    let sum = |[magnitude, signed]: [i32; 2], latent: i32| [magnitude + latent.abs(), signed + latent];
    let [magnitude, signed] = neighbours.fold([0; 2], sum);
    inputs[at] = log2_q5((magnitude * weight) as u32);
    inputs[at + 6] = 4 * signed * weight;
}

/// The groups in the order in which they are coded: pass 0, then those of each level from three odd coordinates to one.
fn in_order(mut layout: Layout) -> Layout {
    layout.groups.sort_by_key(|group| match group.pass.checked_sub(1) {
        None => 0,
        Some(pass) => 1 + pass / 3 * 3 + 2 - pass % 3,
    });
    layout
}
