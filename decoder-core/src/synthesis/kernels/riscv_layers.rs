//! RISC-V with multiplication (RV32IM): which kernel computes a row of a layer, and what the kernels share.
//!
//! Sums are modulo `2^32` as those of the portable rows are, so that their order does not matter. What is beyond a limit is rare and
//! stands behind the return.

use super::riscv_dense::dense_row;
use super::riscv_depthwise::depthwise_row;
use crate::synthesis::LayerRow;
use crate::wire::LayerKind;

/// Bytes of an activation and of a weight.
pub(super) const BYTES: usize = size_of::<i16>();

/// Limits of a layer, as the kernels know them.
#[repr(C)]
pub(super) struct Finish {
    pub(super) shift: u32,
    /// The least that is left of a sum.
    pub(super) low: i32,
    /// The least that is left with the residual; 1 if there is none.
    pub(super) whole: i32,
}

impl Finish {
    pub(super) fn new(layer: &LayerRow<'_, i16>) -> Self {
        let least = if layer.relu { 0 } else { i16::MIN.into() };
        let [low, whole] = if layer.residual { [i16::MIN.into(), least] } else { [least, 1] };
        Self { shift: layer.shift, low, whole }
    }
}

/// Computes a row if it has the shape for it; whether it did.
pub(super) fn layer_row(layer: &LayerRow<'_, i16>, out: &mut [i16]) -> bool {
    let &LayerRow { kind, inputs: n, outputs, weights, rows, residual, .. } = layer;
    if n == 0 || outputs == 0 {
        return false;
    }
    let width = out.len() / outputs;
    let depthwise = kind == LayerKind::Depthwise;
    let square = residual || depthwise;
    let fits = width > 0
        && (!square || n == outputs)
        && weights.len() == kind.weights(n, outputs)
        && (layer.starts.is_empty() || layer.starts.len() >= outputs)
        && (1..=15).contains(&layer.shift)
        && rows.iter().all(|row| row.len() >= (width + 2) * n);
    if !fits {
        return false;
    }
    if depthwise {
        // SAFETY: the checks above are what it asks for.
        unsafe { depthwise_row(layer, width, out) };
        return true;
    }
    // SAFETY: the checks above are what it asks for.
    unsafe { dense_row(layer, width, out) }
}

/// What the processor has, which the assembly of naked functions does not know.
#[cfg(target_feature = "c")]
macro_rules! processor {
    () => {
        ".option push
        .option arch, +m, +c"
    };
}
#[cfg(not(target_feature = "c"))]
macro_rules! processor {
    () => {
        ".option push
        .option arch, +m"
    };
}

/// Saves what the caller's registers hold, 48 bytes, below which there are 16 for the kernel.
macro_rules! save {
    () => {
        "addi sp, sp, -80
        sw x1, 28(sp)
        sw x8, 32(sp)
        sw x9, 36(sp)
        sw x18, 40(sp)
        sw x19, 44(sp)
        sw x20, 48(sp)
        sw x21, 52(sp)
        sw x22, 56(sp)
        sw x23, 60(sp)
        sw x24, 64(sp)
        sw x25, 68(sp)
        sw x26, 72(sp)
        sw x27, 76(sp)
        "
    };
}

/// Gives back what [`save`] saved, and returns.
macro_rules! restore {
    () => {
        "lw x1, 28(sp)
        lw x8, 32(sp)
        lw x9, 36(sp)
        lw x18, 40(sp)
        lw x19, 44(sp)
        lw x20, 48(sp)
        lw x21, 52(sp)
        lw x22, 56(sp)
        lw x23, 60(sp)
        lw x24, 64(sp)
        lw x25, 68(sp)
        lw x26, 72(sp)
        lw x27, 76(sp)
        addi sp, sp, 80
        ret
        "
    };
}

pub(super) use {processor, restore, save};
