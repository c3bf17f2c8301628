//! Arm with DSP (Cortex-M4, M7, M33 and above): blocks of three sites and two outputs, all sums in registers, two products
//! an instruction.
//!
//! Sites and outputs that do not fill a block are computed by one that overlaps the block before. Sums are modulo `2^32` as
//! those of the portable rows are, so that their order does not matter.

use core::arch::naked_asm;
use core::ptr;

use crate::synthesis::LayerRow;
use crate::wire::LayerKind;

/// Sites of a block.
const SITES: usize = 3;
/// Outputs of a block.
const OUTPUTS: usize = 2;
/// Bytes of an activation and of a weight.
const BYTES: usize = size_of::<i16>();

/// Blocks side by side, all of the same two outputs. [`run`] knows the offsets of the fields and moves what moves.
#[repr(C)]
struct Blocks {
    /// First tap of the first site, in each row.
    rows: [*const i16; 3],
    /// Of the first output, unless depthwise.
    weights: *const i16,
    /// Bytes from a site to the next, and from an output's weights to the next's.
    site_stride: usize,
    output_stride: usize,
    /// Activations side by side in a row that go into a site; 0 for depthwise.
    taps: usize,
    /// Bytes of the rows' pointers that are in use.
    rows_end: usize,
    /// What the sums begin with: those of the layer and the half for rounding.
    start: [i32; OUTPUTS],
    out: *mut i16,
    /// Bytes from a site to the next.
    out_stride: usize,
    /// How many blocks, at least 1.
    count: usize,
    shift: u32,
    /// What is added to the first site; null for nothing.
    residual: *const i16,
    relu: u32,
    /// Depthwise: the weights of the two outputs, tap by tap, the first in the lower half.
    filters: [u32; 9],
}

/// Computes a row if it has the shape for it; whether it did.
pub(super) fn layer_row(layer: &LayerRow<'_, i16>, out: &mut [i16]) -> bool {
    let &LayerRow { kind, inputs: n, outputs, weights, rows, .. } = layer;
    if n == 0 || outputs < OUTPUTS {
        return false;
    }
    let width = out.len() / outputs;
    let square = layer.residual || kind == LayerKind::Depthwise;
    let fits = width >= SITES
        && (!square || n == outputs)
        && weights.len() == kind.weights(n, outputs)
        && (1..=15).contains(&layer.shift)
        && rows.iter().all(|row| row.len() >= (width + 2) * n);
    if !fits {
        return false;
    }
    let (full, rest) = (width / SITES, usize::from(!width.is_multiple_of(SITES)));
    for output in (0..outputs).step_by(OUTPUTS) {
        let output = output.min(outputs - OUTPUTS);
        for (site, count) in [(0, full), (width - SITES, rest)] {
            if count > 0 {
                let mut blocks = blocks(layer, output, site, count, out);
                // SAFETY: `blocks` describes sites below `width` and outputs below `outputs`, with one tap more at both ends
                // unless it is a point layer; the checks above say that rows, weights and `out` have all of them, and
                // `out`, which is borrowed mutably, is none of the others. Single words may be unaligned here.
                unsafe { run(&raw mut blocks) };
            }
        }
    }
    true
}

/// Describes `count` blocks from `site` on.
fn blocks(layer: &LayerRow<'_, i16>, output: usize, site: usize, count: usize, out: &mut [i16]) -> Blocks {
    let &LayerRow { kind, inputs: n, outputs, shift, .. } = layer;
    let point = kind == LayerKind::Point;
    let first = if point { (site + 1) * n } else { site * n };
    let channel = if kind == LayerKind::Depthwise { output } else { 0 };
    let rows = if point { [layer.rows[1]; 3] } else { layer.rows };
    let start = |output: usize| layer.starts.get(output).copied().unwrap_or(0).wrapping_add(1 << (shift - 1));
    let of_output = if point { n } else { 9 * n };
    let residual = layer.rows[1].as_ptr().wrapping_add((site + 1) * n + output);
    Blocks {
        rows: rows.map(|row| row.as_ptr().wrapping_add(first + channel)),
        weights: layer.weights.as_ptr().wrapping_add(output * of_output),
        site_stride: n * BYTES,
        output_stride: of_output * BYTES,
        taps: match kind {
            LayerKind::Point => n,
            LayerKind::Full => 3 * n,
            LayerKind::Depthwise => 0,
        },
        rows_end: if point { 4 } else { 12 },
        start: [start(output), start(output + 1)],
        out: out.as_mut_ptr().wrapping_add(site * outputs + output),
        out_stride: outputs * BYTES,
        count,
        shift,
        residual: if layer.residual { residual } else { ptr::null() },
        relu: layer.relu.into(),
        filters: if kind == LayerKind::Depthwise { filters(layer.weights, output) } else { [0; 9] },
    }
}

/// The filters of two channels, tap by tap.
fn filters(weights: &[i16], output: usize) -> [u32; 9] {
    let mut taps = weights.iter().skip(9 * output).map(|&weight| u32::from(weight as u16));
    let mut filters = [0; 9];
    filters.iter_mut().zip(&mut taps).for_each(|(filter, tap)| *filter = tap);
    filters.iter_mut().zip(taps).for_each(|(filter, tap)| *filter |= tap << 16);
    filters
}

/// Computes all blocks.
///
/// In it, r0 is the description or the activations, r1 the weights, r2 and r3 the strides, r4 to r9 the sums (site 0 output
/// 0, site 0 output 1, site 1 output 0, ...), r10 and r11 two weights, r12 an activation, lr a count. On the stack are the
/// description and the offset of a row's pointer.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn run(blocks: *mut Blocks) {
    naked_asm!(
        #[cfg(arm_v8m)]
        ".cpu cortex-m33",
        "push {{r0, r1, r2, r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        // A block.
        "2:",
        "ldr r0, [sp]",
        "ldrd r4, r5, [r0, #32]",
        "mov r6, r4",
        "mov r7, r5",
        "mov r8, r4",
        "mov r9, r5",
        "ldr lr, [r0, #24]",
        "cmp lr, #0",
        "beq 6f",
        // Point and full: a row, four pairs of taps at a time, then the rest.
        "ldrd r2, r3, [r0, #16]",
        "ldr r1, [r0, #12]",
        "mov r12, #0",
        "3:",
        "str r12, [sp, #4]",
        "ldr lr, [r0, #24]",
        "ldr r0, [r0, r12]",
        "subs lr, lr, #8",
        "blo 5f",
        "4:",
        ".rept 4",
        "ldr r11, [r1, r3]",
        "ldr r10, [r1], #4",
        "ldr r12, [r0, r2]",
        "smlad r6, r12, r10, r6",
        "smlad r7, r12, r11, r7",
        "ldr r12, [r0, r2, lsl #1]",
        "smlad r8, r12, r10, r8",
        "smlad r9, r12, r11, r9",
        "ldr r12, [r0], #4",
        "smlad r4, r12, r10, r4",
        "smlad r5, r12, r11, r5",
        ".endr",
        "subs lr, lr, #8",
        "bhs 4b",
        "5:",
        // The low bits of lr are those of the number of taps.
        "tst lr, #4",
        "beq 5f",
        ".rept 2",
        "ldr r11, [r1, r3]",
        "ldr r10, [r1], #4",
        "ldr r12, [r0, r2]",
        "smlad r6, r12, r10, r6",
        "smlad r7, r12, r11, r7",
        "ldr r12, [r0, r2, lsl #1]",
        "smlad r8, r12, r10, r8",
        "smlad r9, r12, r11, r9",
        "ldr r12, [r0], #4",
        "smlad r4, r12, r10, r4",
        "smlad r5, r12, r11, r5",
        ".endr",
        "5:",
        "tst lr, #2",
        "beq 5f",
        "ldr r11, [r1, r3]",
        "ldr r10, [r1], #4",
        "ldr r12, [r0, r2]",
        "smlad r6, r12, r10, r6",
        "smlad r7, r12, r11, r7",
        "ldr r12, [r0, r2, lsl #1]",
        "smlad r8, r12, r10, r8",
        "smlad r9, r12, r11, r9",
        "ldr r12, [r0], #4",
        "smlad r4, r12, r10, r4",
        "smlad r5, r12, r11, r5",
        "5:",
        "tst lr, #1",
        "beq 5f",
        "ldrh r11, [r1, r3]",
        "ldrh r10, [r1], #2",
        "ldrh r12, [r0, r2]",
        "smlabb r6, r12, r10, r6",
        "smlabb r7, r12, r11, r7",
        "ldrh r12, [r0, r2, lsl #1]",
        "smlabb r8, r12, r10, r8",
        "smlabb r9, r12, r11, r9",
        "ldrh r12, [r0]",
        "smlabb r4, r12, r10, r4",
        "smlabb r5, r12, r11, r5",
        "5:",
        "ldrd r0, r12, [sp]",
        "add r12, r12, #4",
        "ldr lr, [r0, #28]",
        "cmp r12, lr",
        "bne 3b",
        "b 8f",
        // Depthwise: a row, five columns for three sites; r2, r3, r10 are the weights of its taps.
        "6:",
        "ldr r1, [r0, #16]",
        ".irp row, 0, 4, 8",
        "ldr lr, [r0, #\\row]",
        "ldrd r2, r3, [r0, #(64 + 3 * \\row)]",
        "ldr r10, [r0, #(72 + 3 * \\row)]",
        "ldr r11, [lr]",
        "smlabb r4, r11, r2, r4",
        "smlatt r5, r11, r2, r5",
        "ldr r11, [lr, r1]",
        "smlabb r4, r11, r3, r4",
        "smlatt r5, r11, r3, r5",
        "smlabb r6, r11, r2, r6",
        "smlatt r7, r11, r2, r7",
        "ldr r11, [lr, r1, lsl #1]",
        "smlabb r4, r11, r10, r4",
        "smlatt r5, r11, r10, r5",
        "smlabb r6, r11, r3, r6",
        "smlatt r7, r11, r3, r7",
        "smlabb r8, r11, r2, r8",
        "smlatt r9, r11, r2, r9",
        "add lr, lr, r1, lsl #1",
        "ldr r11, [lr, r1]",
        "smlabb r6, r11, r10, r6",
        "smlatt r7, r11, r10, r7",
        "smlabb r8, r11, r3, r8",
        "smlatt r9, r11, r3, r9",
        "ldr r11, [lr, r1, lsl #1]",
        "smlabb r8, r11, r10, r8",
        "smlatt r9, r11, r10, r9",
        ".endr",
        "mov r2, r1",
        // Sums are complete: the next block's activations, then shift, residual, limits.
        "8:",
        "ldm r0, {{r10, r11, r12}}",
        "add lr, r2, r2, lsl #1",
        "add r10, r10, lr",
        "add r11, r11, lr",
        "add r12, r12, lr",
        "stm r0, {{r10, r11, r12}}",
        "ldr r1, [r0, #52]",
        "asr r4, r4, r1",
        "asr r5, r5, r1",
        "asr r6, r6, r1",
        "asr r7, r7, r1",
        "asr r8, r8, r1",
        "asr r9, r9, r1",
        "ldr r12, [r0, #56]",
        "cmp r12, #0",
        "beq 9f",
        "ssat r4, #16, r4",
        "ssat r5, #16, r5",
        "ssat r6, #16, r6",
        "ssat r7, #16, r7",
        "ssat r8, #16, r8",
        "ssat r9, #16, r9",
        "ldrsh r10, [r12]",
        "ldrsh r11, [r12, #2]",
        "add r4, r4, r10",
        "add r5, r5, r11",
        "add r12, r12, r2",
        "ldrsh r10, [r12]",
        "ldrsh r11, [r12, #2]",
        "add r6, r6, r10",
        "add r7, r7, r11",
        "add r12, r12, r2",
        "ldrsh r10, [r12]",
        "ldrsh r11, [r12, #2]",
        "add r8, r8, r10",
        "add r9, r9, r11",
        "add r12, r12, r2",
        "str r12, [r0, #56]",
        "9:",
        "ldr r12, [r0, #60]",
        "cmp r12, #0",
        "beq 9f",
        "usat r4, #15, r4",
        "usat r5, #15, r5",
        "usat r6, #15, r6",
        "usat r7, #15, r7",
        "usat r8, #15, r8",
        "usat r9, #15, r9",
        "b 5f",
        "9:",
        "ssat r4, #16, r4",
        "ssat r5, #16, r5",
        "ssat r6, #16, r6",
        "ssat r7, #16, r7",
        "ssat r8, #16, r8",
        "ssat r9, #16, r9",
        "5:",
        "ldrd r10, r11, [r0, #40]",
        "strh r4, [r10]",
        "strh r5, [r10, #2]",
        "add r10, r10, r11",
        "strh r6, [r10]",
        "strh r7, [r10, #2]",
        "add r10, r10, r11",
        "strh r8, [r10]",
        "strh r9, [r10, #2]",
        "add r10, r10, r11",
        "str r10, [r0, #40]",
        "ldr r12, [r0, #48]",
        "subs r12, r12, #1",
        "str r12, [r0, #48]",
        "bne 2b",
        "add sp, sp, #12",
        "pop {{r4, r5, r6, r7, r8, r9, r10, r11, pc}}",
    )
}
