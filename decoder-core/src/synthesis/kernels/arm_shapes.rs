//! Arm with DSP, for the shapes that streams mostly have: the number of channels is part of the code.
//!
//! Blocks of three sites and two outputs as in [`super::arm_dsp`], with two pairs of taps a step, so that a load is of two words, and
//! the distances between sites and outputs are in the instructions. `smmulr` by `2^(32 - shift)` is the rounding shift; pairs of outputs are
//! packed, and a residual is added to two at once.

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

/// Blocks side by side, all of the same two outputs. The kernels know the offsets of the fields and move what moves.
#[repr(C)]
struct Blocks {
    /// First tap of the first site in the first row.
    row: *const i16,
    /// Of the first output, or packed.
    weights: *const i16,
    /// First tap in the other rows, if there are any.
    rows: [*const i16; 2],
    out: *mut i16,
    /// Bytes from a site to the next.
    out_stride: usize,
    /// Where `out` is when all is done.
    end: *mut i16,
    /// `2^(32 - shift)`.
    scale: i32,
    /// What is added to the first site; null for nothing.
    residual: *const i16,
    relu: u32,
    /// What the sums of the two outputs begin with.
    start: [i32; OUTPUTS],
}

/// A kernel.
type Kernel = unsafe extern "C" fn(*mut Blocks);

/// The kernel of a shape, if there is one.
fn kernel(layer: &LayerRow<'_, i16>) -> Option<Kernel> {
    Some(match (layer.kind, layer.inputs) {
        (LayerKind::Point, 6) if !layer.residual => match (layer.relu, layer.starts.is_empty()) {
            (true, true) => from_six::<true, false>,
            (true, false) => from_six::<true, true>,
            (false, true) => from_six::<false, false>,
            (false, false) => from_six::<false, true>,
        },
        (LayerKind::Point, 8) => blocks::<8, 1>,
        (LayerKind::Point, 16) => blocks::<16, 1>,
        (LayerKind::Point, 20) => blocks::<20, 1>,
        (LayerKind::Point, 40) => blocks::<40, 1>,
        (LayerKind::Point, 48) => blocks::<48, 1>,
        (LayerKind::Full, 6) => blocks::<6, 3>,
        (LayerKind::Full, 8) => blocks::<8, 3>,
        (LayerKind::Full, 16) => blocks::<16, 3>,
        (LayerKind::Depthwise, 6) if layer.starts.is_empty() => depthwise::<6>,
        _ => return None,
    })
}

/// Computes a row if it has a shape for it; whether it did.
pub(super) fn layer_row(layer: &LayerRow<'_, i16>, out: &mut [i16]) -> bool {
    let &LayerRow { kind, inputs: n, outputs, weights, rows, relu, residual, .. } = layer;
    let Some(kernel) = kernel(layer) else { return false };
    let width = out.len() / outputs.max(1);
    let square = residual || kind == LayerKind::Depthwise;
    let aligned = |pointer: *const i16| pointer.addr().is_multiple_of(2 * BYTES);
    let fits = width >= SITES
        && outputs >= OUTPUTS
        && outputs.is_multiple_of(OUTPUTS)
        && (!square || n == outputs)
        && weights.len() == kind.weights(n, outputs)
        && (2..=15).contains(&layer.shift)
        && aligned(weights.as_ptr())
        && rows.iter().all(|row| row.len() >= (width + 2) * n && aligned(row.as_ptr()));
    if !fits {
        return false;
    }
    let point = kind == LayerKind::Point;
    let rows = if point { [layer.rows[1]; 3] } else { rows };
    let (full, rest) = (width / SITES, usize::from(!width.is_multiple_of(SITES)));
    let of_output = weights.len() / outputs.max(1);
    let out = out.as_mut_ptr();
    for output in (0..outputs).step_by(OUTPUTS) {
        let filters = if kind == LayerKind::Depthwise { filters(weights, output) } else { [0; 9] };
        let (channel, weights) = match kind {
            LayerKind::Depthwise => (output, filters.as_ptr().cast()),
            _ => (0, weights.as_ptr().wrapping_add(output * of_output)),
        };
        let start = [output, output + 1].map(|output| layer.starts.get(output).copied().unwrap_or(0));
        for (site, count) in [(0, full), (width - SITES, rest)] {
            if count == 0 {
                continue;
            }
            let first = if point { site + 1 } else { site } * n + channel;
            let [row, above, below] = rows.map(|row| row.as_ptr().wrapping_add(first));
            let place = out.wrapping_add(site * outputs + output);
            let residual = layer.rows[1].as_ptr().wrapping_add((site + 1) * n + output);
            let mut blocks = Blocks {
                row,
                weights,
                rows: [above, below],
                out: place,
                out_stride: outputs * BYTES,
                end: place.wrapping_add(count * SITES * outputs),
                scale: 1 << (32 - layer.shift),
                residual: if layer.residual { residual } else { ptr::null() },
                relu: relu.into(),
                start,
            };
            // SAFETY: `blocks` describes sites below `width` and outputs below `outputs`, with one tap more at both ends
            // unless it is a point layer; the checks above say that rows, weights and `out` have all of them, that what is
            // loaded by two words is aligned to one, and `out`, which is borrowed mutably, is none of the others.
            unsafe { kernel(&raw mut blocks) };
        }
    }
    true
}

/// The filters of two channels, tap by tap, the first in the lower half.
fn filters(weights: &[i16], output: usize) -> [u32; 9] {
    let mut filters = [0; 9];
    let [first, second] = [output, output + 1].map(|output| weights.get(9 * output..).unwrap_or_default());
    for (filter, (&first, &second)) in filters.iter_mut().zip(first.iter().zip(second)) {
        *filter = u32::from(first as u16) | u32::from(second as u16) << 16;
    }
    filters
}

/// Two words of taps of three sites and two outputs.
macro_rules! step {
    () => {
        concat!(step!(loads), step!(add r6 r7), step!(site2), step!(add r8 r9), step!(site0), step!(add r4 r5))
    };
    (loads) => {
        "ldrd r10, r11, [r1], #8
        ldrd r12, lr, [r1, #({output} - 8)]
        ldrd r2, r3, [r0, #{stride}]
        "
    };
    (site2) => {
        "ldrd r2, r3, [r0, #(2 * {stride})]
        "
    };
    (site0) => {
        "ldrd r2, r3, [r0], #8
        "
    };
    (add $a:ident $b:ident) => {
        concat!(
            "smlad ", stringify!($a), ", r2, r10, ", stringify!($a), "\n",
            "smlad ", stringify!($b), ", r2, r12, ", stringify!($b), "\n",
            "smlad ", stringify!($a), ", r3, r11, ", stringify!($a), "\n",
            "smlad ", stringify!($b), ", r3, lr, ", stringify!($b), "\n"
        )
    };
}

/// The end of a block: rounding shift, limits, residual, ReLU, and the next block's place in `out`, which is left in r0.
macro_rules! finish {
    () => {
        "ldr lr, [sp]
        ldrd r2, r3, [lr, #28]
        smmulr r4, r4, r2
        smmulr r5, r5, r2
        smmulr r6, r6, r2
        smmulr r7, r7, r2
        smmulr r8, r8, r2
        smmulr r9, r9, r2
        ssat r4, #16, r4
        ssat r5, #16, r5
        ssat r6, #16, r6
        ssat r7, #16, r7
        ssat r8, #16, r8
        ssat r9, #16, r9
        pkhbt r4, r4, r5, lsl #16
        pkhbt r6, r6, r7, lsl #16
        pkhbt r8, r8, r9, lsl #16
        cbz r3, 7f
        ldr r5, [r3]
        ldr r7, [r3, #{stride}]
        ldr r9, [r3, #(2 * {stride})]
        qadd16 r4, r4, r5
        qadd16 r6, r6, r7
        qadd16 r8, r8, r9
        add r3, r3, #(3 * {stride})
        str r3, [lr, #32]
        7:
        ldr r5, [lr, #36]
        cbz r5, 8f
        usat16 r4, #15, r4
        usat16 r6, #15, r6
        usat16 r8, #15, r8
        8:
        ldrd r0, r1, [lr, #16]
        str r4, [r0]
        str r6, [r0, r1]
        str r8, [r0, r1, lsl #1]
        add r0, r0, r1
        add r0, r0, r1, lsl #1
        str r0, [lr, #16]
        "
    };
}

/// Goes on with the next block, at label 2 with the description in lr, or returns.
macro_rules! next_or_return {
    () => {
        "ldr r1, [lr, #24]
        cmp r0, r1
        bne 2b
        pop {{r0, r4, r5, r6, r7, r8, r9, r10, r11, pc}}
        "
    };
}

/// A point (`ROWS` 1) or full (3) layer of `N` channels.
///
/// r0 are activations, r1 weights, r2 and r3 two words of a site, r4 to r9 the sums, r10 to lr two words of each output's weights.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn blocks<const N: usize, const ROWS: usize>(blocks: *mut Blocks) {
    naked_asm!(
        #[cfg(arm_v8m)]
        ".cpu cortex-m33",
        "push {{r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "mov lr, r0",
        "2:",
        "ldrd r4, r5, [lr, #40]",
        "ldrd r0, r1, [lr]",
        "mov r6, r4",
        "mov r7, r5",
        "mov r8, r4",
        "mov r9, r5",
        ".rept {steps}",
        step!(),
        ".endr",
        ".set nvl_row, 8",
        ".rept {rows}",
        ".if {odd}",
        "ldr r10, [r1], #4",
        "ldr r12, [r1, #({output} - 4)]",
        "ldr r2, [r0, #{stride}]",
        "ldr r3, [r0, #(2 * {stride})]",
        "ldr r0, [r0]",
        "smlad r6, r2, r10, r6",
        "smlad r7, r2, r12, r7",
        "smlad r8, r3, r10, r8",
        "smlad r9, r3, r12, r9",
        "smlad r4, r0, r10, r4",
        "smlad r5, r0, r12, r5",
        ".endif",
        ".if (nvl_row - 8) < (4 * ({rows} - 1))",
        "ldr lr, [sp]",
        "ldr r0, [lr, #nvl_row]",
        ".set nvl_row, nvl_row + 4",
        ".rept {steps}",
        step!(),
        ".endr",
        ".endif",
        ".endr",
        finish!(),
        "ldr r2, [lr]",
        "add r2, r2, #(3 * {stride})",
        "str r2, [lr]",
        ".if {rows} == 3",
        "ldrd r2, r3, [lr, #8]",
        "add r2, r2, #(3 * {stride})",
        "add r3, r3, #(3 * {stride})",
        "strd r2, r3, [lr, #8]",
        ".endif",
        next_or_return!(),
        stride = const N * BYTES,
        output = const N * BYTES * ROWS * ROWS,
        steps = const N * ROWS / 4,
        odd = const N * ROWS / 2 % 2,
        rows = const ROWS,
    )
}

/// A point layer of six channels: its weights for two outputs stay in registers.
///
/// r0 are activations, r1 to r3 those of a site, r4 to r9 the weights, r10 the scale, r11 and r12 where the outputs go and the distance
/// of sites there. On the stack are what the sums begin with, if `STARTS`, and where `out` is when all is done.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn from_six<const RELU: bool, const STARTS: bool>(blocks: *mut Blocks) {
    naked_asm!(
        #[cfg(arm_v8m)]
        ".cpu cortex-m33",
        "push {{r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "ldr r10, [r0, #28]",
        "ldrd r11, r12, [r0, #16]",
        "ldr lr, [r0, #24]",
        "str lr, [sp]",
        ".if {starts}",
        "ldrd r2, r3, [r0, #40]",
        "push {{r2, r3}}",
        ".endif",
        "ldrd r0, r1, [r0]",
        "ldm r1, {{r4, r5, r6, r7, r8, r9}}",
        "2:",
        ".irp place, \"[r11]\", \"[r11, r12]\", \"[r11, r12, lsl #1]\"",
        "ldm r0!, {{r1, r2, r3}}",
        ".if {starts}",
        "ldr lr, [sp]",
        "smlad lr, r1, r4, lr",
        ".else",
        "smuad lr, r1, r4",
        ".endif",
        "smuad r1, r1, r7",
        "smlad lr, r2, r5, lr",
        "smlad r1, r2, r8, r1",
        ".if {starts}",
        "ldr r2, [sp, #4]",
        ".endif",
        "smlad lr, r3, r6, lr",
        "smlad r1, r3, r9, r1",
        ".if {starts}",
        "add r1, r1, r2",
        ".endif",
        "smmulr lr, lr, r10",
        "smmulr r1, r1, r10",
        ".if {relu}",
        "usat lr, #15, lr",
        "usat r1, #15, r1",
        ".else",
        "ssat lr, #16, lr",
        "ssat r1, #16, r1",
        ".endif",
        "pkhbt r1, lr, r1, lsl #16",
        "str r1, \\place",
        ".endr",
        "add r11, r11, r12",
        "add r11, r11, r12, lsl #1",
        "ldr lr, [sp, #(8 * {starts})]",
        "cmp r11, lr",
        "bne 2b",
        ".if {starts}",
        "add sp, sp, #8",
        ".endif",
        "pop {{r0, r4, r5, r6, r7, r8, r9, r10, r11, pc}}",
        relu = const RELU as usize,
        starts = const STARTS as usize,
    )
}

/// A depthwise layer of `N` channels.
///
/// r0 are activations, r1 the filters, r2, r3 and r10 those of a row, r4 to r9 the sums, r11 the two channels of a site.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn depthwise<const N: usize>(blocks: *mut Blocks) {
    naked_asm!(
        #[cfg(arm_v8m)]
        ".cpu cortex-m33",
        "push {{r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "mov lr, r0",
        "2:",
        "ldrd r0, r1, [lr]",
        "ldm r1!, {{r2, r3, r10}}",
        "ldr r11, [r0]",
        "ldr r12, [r0, #{stride}]",
        "smulbb r4, r11, r2",
        "smultt r5, r11, r2",
        "smlabb r4, r12, r3, r4",
        "smlatt r5, r12, r3, r5",
        "smulbb r6, r12, r2",
        "smultt r7, r12, r2",
        "ldr r11, [r0, #(2 * {stride})]",
        "ldr r12, [r0, #(3 * {stride})]",
        "smlabb r4, r11, r10, r4",
        "smlatt r5, r11, r10, r5",
        "smlabb r6, r11, r3, r6",
        "smlatt r7, r11, r3, r7",
        "smulbb r8, r11, r2",
        "smultt r9, r11, r2",
        "smlabb r6, r12, r10, r6",
        "smlatt r7, r12, r10, r7",
        "smlabb r8, r12, r3, r8",
        "smlatt r9, r12, r3, r9",
        "ldr r11, [r0, #(4 * {stride})]",
        "smlabb r8, r11, r10, r8",
        "smlatt r9, r11, r10, r9",
        ".irp row, 8, 12",
        "ldr r0, [lr, #\\row]",
        "ldm r1!, {{r2, r3, r10}}",
        "ldr r11, [r0]",
        "ldr r12, [r0, #{stride}]",
        "smlabb r4, r11, r2, r4",
        "smlatt r5, r11, r2, r5",
        "smlabb r4, r12, r3, r4",
        "smlatt r5, r12, r3, r5",
        "smlabb r6, r12, r2, r6",
        "smlatt r7, r12, r2, r7",
        "ldr r11, [r0, #(2 * {stride})]",
        "ldr r12, [r0, #(3 * {stride})]",
        "smlabb r4, r11, r10, r4",
        "smlatt r5, r11, r10, r5",
        "smlabb r6, r11, r3, r6",
        "smlatt r7, r11, r3, r7",
        "smlabb r8, r11, r2, r8",
        "smlatt r9, r11, r2, r9",
        "smlabb r6, r12, r10, r6",
        "smlatt r7, r12, r10, r7",
        "smlabb r8, r12, r3, r8",
        "smlatt r9, r12, r3, r9",
        "ldr r11, [r0, #(4 * {stride})]",
        "smlabb r8, r11, r10, r8",
        "smlatt r9, r11, r10, r9",
        ".endr",
        finish!(),
        "ldr r2, [lr]",
        "add r2, r2, #(3 * {stride})",
        "str r2, [lr]",
        "ldrd r2, r3, [lr, #8]",
        "add r2, r2, #(3 * {stride})",
        "add r3, r3, #(3 * {stride})",
        "strd r2, r3, [lr, #8]",
        next_or_return!(),
        stride = const N * BYTES,
    )
}
