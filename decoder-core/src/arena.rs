//! How the lent memory is cut up.

use crate::latents::LatentPlan;
use crate::synthesis::{Arithmetic, Plan};
use crate::weights::ParameterCount;
use crate::wire::FileHeader;

/// Bytes of each region, each a multiple of 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    shared: usize,
    weights: usize,
    biases: usize,
    starts: usize,
    context: usize,
    latents: usize,
    flags: usize,
    masks: usize,
    changes: usize,
    pictures: usize,
}

/// The regions.
#[derive(Debug)]
pub(crate) struct Regions<'a> {
    /// For coding a chunk, and for the line buffers.
    pub(crate) shared: &'a mut [u32],
    pub(crate) weights: &'a mut [i16],
    pub(crate) biases: &'a mut [i16],
    pub(crate) starts: &'a mut [i32],
    pub(crate) context: &'a mut [i8],
    pub(crate) latents: &'a mut [i8],
    pub(crate) flags: &'a mut [u8],
    pub(crate) masks: &'a mut [u32],
    pub(crate) changes: &'a mut [u32],
    pub(crate) pictures: &'a mut [u8],
}

/// Bytes of `count` items, in whole words.
const fn bytes<T>(count: usize) -> usize {
    (count * size_of::<T>()).next_multiple_of(4)
}

impl Layout {
    /// What a stream needs with activations of type `A`.
    pub(crate) fn new<A: Arithmetic>(header: &FileHeader, plan: &Plan) -> Self {
        let count = ParameterCount::new(&header.architecture);
        let latents = LatentPlan::new(&header.architecture, header.geometry());
        Self {
            shared: bytes::<A::Activation>(plan.activations_len()).max(bytes::<u32>(latents.work_len())),
            weights: bytes::<i16>(count.weights),
            biases: bytes::<i16>(count.biases),
            starts: bytes::<i32>(count.starts),
            context: bytes::<i8>(count.context),
            latents: bytes::<i8>(latents.latents_len()),
            flags: bytes::<u8>(latents.flags_len()),
            masks: bytes::<u32>(plan.masks_len()),
            changes: bytes::<u32>(plan.changes_len()),
            pictures: bytes::<u8>(plan.pictures_len()),
        }
    }

    /// In all.
    pub(crate) fn bytes(&self) -> usize {
        let parameters = self.weights + self.biases + self.starts + self.context;
        let state = self.latents + self.flags + self.masks + self.changes;
        self.shared + parameters + state + self.pictures
    }

    /// Cuts `scratch`; `None` if it is too short.
    pub(crate) fn split<'a>(&self, scratch: &'a mut [u32]) -> Option<Regions<'a>> {
        let mut rest = scratch;
        let mut take = |bytes: usize| {
            let (region, after) = core::mem::take(&mut rest).split_at_mut_checked(bytes / 4)?;
            rest = after;
            Some(region)
        };
        Some(Regions {
            shared: take(self.shared)?,
            weights: bytemuck::must_cast_slice_mut(take(self.weights)?),
            biases: bytemuck::must_cast_slice_mut(take(self.biases)?),
            starts: bytemuck::must_cast_slice_mut(take(self.starts)?),
            context: bytemuck::must_cast_slice_mut(take(self.context)?),
            latents: bytemuck::must_cast_slice_mut(take(self.latents)?),
            flags: bytemuck::must_cast_slice_mut(take(self.flags)?),
            masks: take(self.masks)?,
            changes: take(self.changes)?,
            pictures: bytemuck::must_cast_slice_mut(take(self.pictures)?),
        })
    }
}
