//! The latents of a chunk: where each channel's slices lie and in which order they are coded (SPEC section 4).

use core::ops::Range;

use heapless::Vec;

use crate::entropy::Coder;
use crate::error::{Corruption, Error, Result};
use crate::mask;
use crate::octree::{ContextParameters, ContextShape, FlagStates, Flags, Parent, ParentFlags, Root, flags_len};
use crate::order::Order;
use crate::splits::{PARTS, selected};
use crate::wire::{Architecture, Geometry, MAX_CHANNELS, MAX_GRIDS, ROOT_LOG2, Temporal};

/// Channels of the motion field: vertical, horizontal.
const MOTION_CHANNELS: usize = 2;
/// Channels of latents, of motion, of splits and of sides.
const ALL_CHANNELS: usize = MAX_CHANNELS + MOTION_CHANNELS + PARTS + 1;
/// Levels of flags that splits have: an empty node of the finest is a block that is not split.
const SPLIT_FLAGS: u32 = ROOT_LOG2;
/// Log2 of the frames of a slice that stands for a whole segment: more than any chunk has.
const WHOLE_LOG2: u32 = 31;

/// What is coded together and counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The motion field.
    Motion,
    /// What the vectors of the [quarters](crate::splits) of blocks are made of, in a picture that is predicted from one.
    Splits,
    /// From which sides the blocks of a picture between two references are predicted.
    Sides,
    /// A grid, by its number.
    Grid(usize),
}

/// Where one channel lies.
#[derive(Clone, Copy, Debug)]
struct Channel {
    group: Group,
    /// Number among the type biases of its context parameters.
    number: usize,
    height: usize,
    width: usize,
    stride_log2: u32,
    /// Log2 of the frames of a slice.
    temporal_log2: u32,
    /// Offset of its slices.
    latents: usize,
    /// Most slices of a chunk.
    slices: usize,
    /// Slices that stay before them: of grids the last of the chunk before, for pictures between the two; of motion those of the last picture of each level that others are
    /// between.
    kept: usize,
    /// Offset of the last slice of the chunk before while a chunk is coded; `Whole` grids and splits have none.
    past: usize,
    flags: usize,
    /// Levels that carry flags.
    flag_levels: u32,
    parent: Option<usize>,
}

impl Channel {
    fn plane(&self) -> usize {
        self.height * self.width
    }

    /// The place of the last slice of the chunk before while a chunk is coded.
    fn past(&self) -> Range<usize> {
        self.past..self.past + if self.is_whole() || self.group == Group::Splits { 0 } else { self.plane() }
    }

    fn is_whole(&self) -> bool {
        self.temporal_log2 == WHOLE_LOG2
    }
}

/// Where all channels lie, for a picture size and an architecture.
#[derive(Clone, Debug)]
pub struct LatentPlan {
    channels: Vec<Channel, ALL_CHANNELS>,
    groups: Vec<Group, { MAX_GRIDS + 3 }>,
    root_depth: u32,
    latents: usize,
    pasts: usize,
    masks: usize,
    flags: usize,
}

impl LatentPlan {
    /// Lays the channels out.
    #[must_use]
    pub fn new(architecture: &Architecture, geometry: Geometry) -> Self {
        let mut plan = Self {
            channels: Vec::new(),
            groups: Vec::new(),
            root_depth: architecture.root_depth.into(),
            latents: 0,
            pasts: 0,
            masks: 0,
            flags: 0,
        };
        let flag_levels = architecture.flag_levels.into();
        let mut last_whole = None;
        for (grid, of) in architecture.grids.iter().enumerate() {
            let stride_log2 = of.stride_log2.into();
            let (height, width) = geometry.grid(stride_log2);
            let temporal_log2 = match of.temporal {
                Temporal::Every(log2) => log2.into(),
                Temporal::Whole => WHOLE_LOG2,
            };
            let slices = ((1usize << plan.root_depth).checked_shr(temporal_log2).unwrap_or(0)).max(1);
            for _ in 0..of.channels {
                let number = plan.channels.len();
                let parent = if temporal_log2 == WHOLE_LOG2 { last_whole } else { number.checked_sub(1) };
                plan.push(Channel {
                    group: Group::Grid(grid),
                    number,
                    height,
                    width,
                    stride_log2,
                    temporal_log2,
                    latents: 0,
                    slices,
                    kept: usize::from((1..WHOLE_LOG2).contains(&temporal_log2)),
                    past: 0,
                    flags: 0,
                    flag_levels,
                    parent,
                });
                if temporal_log2 == WHOLE_LOG2 {
                    last_whole = Some(number);
                }
            }
        }
        if architecture.motion.is_some() {
            let numbered = |group, count: usize| (0..count).map(move |number| (group, number));
            let splits = architecture.has_splits().then(|| numbered(Group::Splits, PARTS));
            let sides = architecture.is_bidirectional().then_some((Group::Sides, 0));
            for (group, number) in
                numbered(Group::Motion, MOTION_CHANNELS).chain(splits.into_iter().flatten()).chain(sides)
            {
                let is_split = group == Group::Splits;
                let parent = (is_split || number > 0).then(|| plan.channels.len().saturating_sub(1));
                let (height, width) = if is_split { geometry.quarters() } else { geometry.motion() };
                plan.push(Channel {
                    group,
                    number,
                    height,
                    width,
                    stride_log2: ROOT_LOG2 - u32::from(is_split),
                    temporal_log2: 0,
                    latents: 0,
                    slices: 1 << plan.root_depth,
                    kept: if group == Group::Motion { architecture.pyramid().into() } else { 0 },
                    past: 0,
                    flags: 0,
                    flag_levels: if is_split { SPLIT_FLAGS } else { flag_levels },
                    parent,
                });
            }
            let _ = plan.groups.push(Group::Motion);
            if architecture.has_splits() {
                let _ = plan.groups.push(Group::Splits);
            }
            if sides.is_some() {
                let _ = plan.groups.push(Group::Sides);
            }
        }
        for grid in 0..architecture.grids.len() {
            let _ = plan.groups.push(Group::Grid(grid));
        }
        plan
    }

    fn push(&mut self, mut channel: Channel) {
        channel.latents = self.latents;
        channel.past = self.pasts;
        channel.flags = self.flags;
        self.latents += (channel.kept + channel.slices) * channel.plane();
        self.pasts = channel.past().end;
        let rows = (1 + channel.slices) * channel.height;
        self.masks = self.masks.max(rows * mask::words(channel.width));
        self.flags += flags_len(channel.flag_levels, channel.height, channel.width);
        // The header's check bounds the channels, so there is room.
        let _ = self.channels.push(channel);
    }

    /// Latents of all channels.
    #[must_use]
    pub fn latents_len(&self) -> usize {
        self.latents
    }

    /// Words of memory that coding a chunk works in, and that nothing is kept in between chunks.
    #[must_use]
    pub fn work_len(&self) -> usize {
        self.pasts.div_ceil(size_of::<u32>()) + self.masks
    }

    /// Flags of all channels.
    #[must_use]
    pub fn flags_len(&self) -> usize {
        self.flags
    }

    /// The groups in the order in which a chunk has them.
    pub fn groups(&self) -> impl Iterator<Item = Group> + '_ {
        self.groups.iter().copied()
    }

    /// The number of the first channel of a group.
    #[must_use]
    pub fn first_channel(&self, group: Group) -> usize {
        self.channels.iter().position(|channel| channel.group == group).unwrap_or(0)
    }

    /// The place of a slice of a channel in the latents. `slice` counts in the chunk from 1; 0 is what is kept of the chunk before,
    /// which only grids have that are interpolated in time.
    #[must_use]
    #[inline(never)]
    pub fn slice(&self, channel: usize, slice: usize) -> Range<usize> {
        let Some(of) = self.channels.get(channel) else { return 0..0 };
        let Some(plane) = (of.kept + slice).checked_sub(1) else { return 0..0 };
        let from = of.latents + plane * of.plane();
        from..from + of.plane()
    }

    /// The place of the motion that is kept of the last picture of a level.
    fn kept_motion(&self, channel: usize, level: u8) -> Range<usize> {
        let of = self.channels.get(channel).filter(|of| usize::from(level) < of.kept);
        of.map_or(0..0, |of| {
            let from = of.latents + usize::from(level) * of.plane();
            from..from + of.plane()
        })
    }

    /// Cuts [`Self::work_len`] words: the last slices of the chunk before, and masks.
    fn cut<'a>(&self, work: &'a mut [u32]) -> (&'a mut [i8], &'a mut [u32]) {
        let (pasts, masks) = work.split_at_mut_checked(self.pasts.div_ceil(size_of::<u32>())).unwrap_or_default();
        (bytemuck::must_cast_slice_mut(pasts), masks)
    }

    /// Multiplications of the context networks for one frame in which nothing is empty.
    #[must_use]
    pub fn context_macs(&self, architecture: &Architecture) -> u64 {
        let of_latents = ContextShape::latents(architecture).macs();
        self.channels
            .iter()
            .map(|channel| {
                let macs = match channel.group {
                    Group::Grid(_) => of_latents,
                    Group::Motion => ContextShape::MOTION.macs(),
                    Group::Splits => ContextShape::SPLITS.macs(),
                    Group::Sides => ContextShape::SIDES.macs(),
                };
                ((channel.plane() * macs) as u64).checked_shr(channel.temporal_log2).unwrap_or(0)
            })
            .sum()
    }
}

/// Sets what the flags of a segment begin with.
#[inline(never)]
fn begin_flags(states: &mut [FlagStates]) {
    states.iter_mut().for_each(FlagStates::begin);
}

/// Which frames of a segment a chunk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Number of its first frame in the segment.
    pub first: usize,
    /// Frames in it.
    pub frames: usize,
    /// Whether the segment's frames after the first are predicted.
    pub predicted: bool,
}

/// The latents of a chunk in memory of the caller, and the state that goes from chunk to chunk.
#[derive(Debug)]
pub struct Latents<'a> {
    /// All planes of all channels.
    pub latents: &'a mut [i8],
    flags: &'a mut [u8],
    states: [FlagStates; ALL_CHANNELS],
}

impl<'a> Latents<'a> {
    /// Over [`LatentPlan::latents_len`] and [`LatentPlan::flags_len`] items.
    pub fn new(latents: &'a mut [i8], flags: &'a mut [u8]) -> Self {
        let mut states = [FlagStates::ZERO; ALL_CHANNELS];
        begin_flags(&mut states);
        Self { latents, flags, states }
    }

    /// Forgets everything: a segment begins.
    pub fn reset(&mut self) {
        self.latents.fill(0);
        self.flags.fill(0);
        begin_flags(&mut self.states);
    }

    /// Moves what is before a chunk into the past. The chunk begins with picture `first` of a segment of pictures in `order`, and is not the segment's
    /// first. `work` is of [`LatentPlan::work_len`] words and stays with the chunk until all its groups are coded.
    pub fn advance(&mut self, plan: &LatentPlan, order: Order, first: usize, work: &mut [u32]) {
        let (pasts, _) = plan.cut(work);
        let [was, is] = [first.saturating_sub(1), first].map(|coded| order.level(coded));
        for (number, channel) in plan.channels.iter().enumerate() {
            let by_level = channel.group == Group::Motion && channel.kept > 0;
            let last = plan.slice(number, channel.slices);
            let kept = if by_level { plan.kept_motion(number, was) } else { plan.slice(number, 0) };
            if channel.kept > 0 {
                let (before, after) = self.latents.split_at_mut_checked(last.start).unwrap_or_default();
                let kept = before.get_mut(kept).unwrap_or_default();
                kept.iter_mut().zip(after).for_each(|(kept, last)| *kept = *last);
            }
            let before = if by_level { plan.kept_motion(number, is.saturating_sub(1)) } else { last };
            if let (Some(past), Some(before)) = (pasts.get_mut(channel.past()), self.latents.get(before))
                && past.len() == before.len()
            {
                past.copy_from_slice(before);
                if by_level && is > 0 {
                    // To a picture half as far from what it is predicted from.
                    past.iter_mut().for_each(|vector| *vector = (*vector >> 1) + (*vector & 1));
                }
            }
        }
    }

    /// Makes vectors of the splits of a picture, in their second and third channel; `false` if one is larger than its component may be, or of no block.
    pub fn resolve_quarters(&mut self, plan: &LatentPlan, limits: [u8; MOTION_CHANNELS]) -> bool {
        let [motion, splits] = [Group::Motion, Group::Splits].map(|group| plan.first_channel(group));
        let channel = |number: usize| plan.channels.get(number);
        let (Some(blocks), Some(quarters)) = (channel(motion), channel(splits)) else { return false };
        // Splits come behind motion.
        let from = plan.slice(splits, 1).start;
        let (before, own) = self.latents.split_at_mut_checked(from).unwrap_or_default();
        let (selectors, components) = own.split_at_mut_checked(quarters.plane()).unwrap_or_default();
        let mut components = components.chunks_exact_mut(quarters.plane().max(1));
        for (number, limit) in limits.into_iter().enumerate() {
            let (Some(own), Some(vectors)) = (components.next(), before.get(plan.slice(motion + number, 1))) else {
                return false;
            };
            let rows = own.chunks_exact_mut(quarters.width.max(1)).zip(selectors.chunks_exact(quarters.width.max(1)));
            for (row, (own, selectors)) in rows.enumerate() {
                for (column, (component, &selector)) in own.iter_mut().zip(selectors).enumerate() {
                    let block = selected(selector, [row, column], [blocks.height, blocks.width]);
                    let vector = block.and_then(|[row, column]| vectors.get(row * blocks.width + column));
                    let Some(sum) = vector.map(|&vector| i16::from(vector) + i16::from(*component)) else {
                        return false;
                    };
                    if sum.unsigned_abs() > limit.into() {
                        return false;
                    }
                    *component = sum as i8;
                }
            }
        }
        true
    }

    /// Codes a group's slices of a chunk, in `work` of [`LatentPlan::work_len`] words.
    ///
    /// # Errors
    /// What the symbols are corrupt by.
    #[allow(clippy::too_many_arguments)]
    pub fn code_group<C: Coder>(
        &mut self,
        coder: &mut C,
        plan: &LatentPlan,
        architecture: &Architecture,
        context: &[i8],
        group: Group,
        chunk: Chunk,
        work: &mut [u32],
    ) -> Result<()> {
        let of_latents = ContextShape::latents(architecture);
        let behind_motion = of_latents.len() + ContextShape::MOTION.len();
        let behind_splits = behind_motion + if architecture.has_splits() { ContextShape::SPLITS.len() } else { 0 };
        let (shape, from) = match group {
            Group::Grid(_) => (of_latents, 0),
            Group::Motion => (ContextShape::MOTION, of_latents.len()),
            Group::Splits => (ContextShape::SPLITS, behind_motion),
            Group::Sides => (ContextShape::SIDES, behind_splits),
        };
        let parameters = ContextParameters::new(shape, context.get(from..).unwrap_or_default());
        for number in 0..plan.channels.len() {
            if plan.channels.get(number).is_some_and(|channel| channel.group == group) {
                self.code_channel(coder, plan, &parameters, number, chunk, work)?;
            }
        }
        Ok(())
    }

    #[inline(never)]
    #[allow(clippy::too_many_arguments)]
    fn code_channel<C: Coder>(
        &mut self,
        coder: &mut C,
        plan: &LatentPlan,
        parameters: &ContextParameters<'_>,
        number: usize,
        chunk: Chunk,
        work: &mut [u32],
    ) -> Result<()> {
        let missing = Error::Corrupt(Corruption::Latent);
        let channel = plan.channels.get(number).ok_or(missing)?;
        let first_of_segment = chunk.first == 0;
        // Frame 0 has no motion: in the first chunk its slice is left out, and the others keep their places.
        let skipped = usize::from(channel.group == Group::Motion && first_of_segment);
        let slices = if channel.is_whole() { 1 } else { ((chunk.frames - 1) >> channel.temporal_log2) + 1 };
        let predicted_from = match (channel.group, chunk.predicted, first_of_segment) {
            (Group::Motion | Group::Splits | Group::Sides, ..) | (_, true, false) => 0,
            (_, true, true) => 1,
            (_, false, _) => usize::MAX,
        };
        let plane = channel.plane();
        let (pasts, masks) = plan.cut(work);
        let (before, own) = self.latents.split_at_mut_checked(channel.latents).ok_or(missing)?;
        let own = own.get_mut(channel.kept * plane..).and_then(|own| own.get_mut(..channel.slices * plane));
        let own = own.ok_or(missing)?;
        let channel_before = channel.parent.and_then(|parent| plan.channels.get(parent));
        let parent = channel_before.map(|parent| Parent {
            latents: before.get(parent.latents + parent.kept * parent.plane()..).unwrap_or_default(),
            plane: parent.plane(),
            width: parent.width,
            shift: parent.stride_log2 - channel.stride_log2,
            child_log2: if channel.is_whole() { 0 } else { channel.temporal_log2 },
            parent_log2: parent.temporal_log2,
        });
        let flag_bytes = flags_len(channel.flag_levels, channel.height, channel.width);
        let (flags_before, bytes) = self.flags.split_at_mut_checked(channel.flags).ok_or(missing)?;
        let bytes = bytes.get_mut(..flag_bytes).ok_or(missing)?;
        let flags_of_parent = channel_before.filter(|parent| parent.flag_levels == channel.flag_levels);
        let flags_of_parent = flags_of_parent.map(|parent| ParentFlags {
            bytes: flags_before.get(parent.flags..).unwrap_or_default(),
            height: parent.height,
            width: parent.width,
            shift: parent.stride_log2 - channel.stride_log2,
        });
        let states = self.states.get_mut(number).ok_or(missing)?;
        let mut flags = Flags { bytes, levels: channel.flag_levels, states, parent: flags_of_parent };
        let mut first = skipped;
        while first < slices {
            let depth = (slices - first).ilog2().min(plan.root_depth);
            let (earlier, slices) = own.split_at_mut_checked(first * plane).ok_or(missing)?;
            let past = match earlier.rchunks_exact(plane.max(1)).next() {
                Some(past) => past,
                None if first_of_segment || channel.group == Group::Splits => &[],
                None => pasts.get(channel.past()).unwrap_or_default(),
            };
            let mut root = Root {
                slices: slices.get_mut(..plane << depth).ok_or(missing)?,
                past,
                masks: &mut *masks,
                height: channel.height,
                width: channel.width,
                depth,
                first_slice: first,
                channel: channel.number,
                predicted_from,
                parent,
            };
            root.code(coder, &mut flags, parameters)?;
            first += 1 << depth;
        }
        Ok(())
    }
}
