//! How much stack a piece of code takes: the memory below is painted before, and looked at after.

use core::hint::black_box;
use core::ptr::{read_volatile, with_exposed_provenance, with_exposed_provenance_mut, write_volatile};

/// What unused stack looks like.
const PAINT: u32 = 0xcccc_cccc;
/// Bytes that are painted: what is deeper is not seen.
const DEPTH: usize = 64 << 10;
/// Bytes just below the caller that stay unpainted, for the frame of the painter itself.
const MARGIN: usize = 128;

/// Painted stack.
pub(crate) struct Painted {
    top: usize,
}

impl Painted {
    /// Paints below the caller's frame.
    #[inline(never)]
    pub(crate) fn below() -> Self {
        let local = 0u32;
        let top = (black_box(&raw const local).expose_provenance() - MARGIN) & !3;
        for at in (top - DEPTH..top).step_by(4) {
            // SAFETY: the boards' stacks have megabytes, no interrupt is on, and this frame is within the margin.
            unsafe { write_volatile(with_exposed_provenance_mut::<u32>(at), PAINT) };
        }
        Self { top: top + MARGIN }
    }

    /// Bytes that were used below the painter's caller since then.
    #[inline(never)]
    pub(crate) fn used(&self) -> usize {
        let bottom = self.top - MARGIN - DEPTH;
        let untouched = (bottom..self.top - MARGIN).step_by(4).take_while(|&at| {
            // SAFETY: as above; reads of painted memory.
            (unsafe { read_volatile(with_exposed_provenance::<u32>(at)) }) == PAINT
        });
        self.top - bottom - 4 * untouched.count()
    }
}
