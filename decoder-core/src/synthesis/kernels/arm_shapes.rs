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
    /// `2^(32 - shift)`.
    scale: i32,
    /// What is added to the first site; null for nothing.
    residual: *const i16,
    relu: u32,
    /// Of the first output.
    weights: *const i16,
    /// First tap of the first site in the first row.
    row: *const i16,
    out: *mut i16,
    /// Bytes from a site to the next.
    out_stride: usize,
    /// Where `out` is when all is done.
    end: *mut i16,
    /// First tap in the other rows, if there are any.
    rows: [*const i16; 2],
    /// What the sums of the two outputs begin with.
    start: [i32; OUTPUTS],
}

impl Blocks {
    /// Moves by so many activations in the input, all rows of it or one, the residual and the output.
    #[inline(always)]
    fn advance(&mut self, input: isize, one_row: bool, residual: isize, output: isize) {
        self.row = self.row.wrapping_offset(input);
        if !one_row {
            self.rows = self.rows.map(|row| row.wrapping_offset(input));
        }
        if !self.residual.is_null() {
            self.residual = self.residual.wrapping_offset(residual);
        }
        self.out = self.out.wrapping_offset(output);
    }
}

/// A kernel.
type Kernel = unsafe extern "C" fn(*mut Blocks);

/// The kernel of a shape, if there is one.
fn kernel(layer: &LayerRow<'_, i16>) -> Option<Kernel> {
    let begins = layer.relu && !layer.starts.is_empty() && !layer.residual;
    Some(match (layer.kind, layer.inputs) {
        (LayerKind::Point, 6) => match layer.outputs {
            16 if begins => from_six::<16>,
            20 if begins => from_six::<20>,
            32 if begins => from_six::<32>,
            _ => blocks::<6, 1>,
        },
        (LayerKind::Point, 8) => blocks::<8, 1>,
        (LayerKind::Point, 16) => blocks::<16, 1>,
        (LayerKind::Point, 20) => blocks::<20, 1>,
        (LayerKind::Point, 32) => blocks::<32, 1>,
        (LayerKind::Point, 40) => blocks::<40, 1>,
        (LayerKind::Full, 6) => blocks::<6, 3>,
        (LayerKind::Full, 8) => full::<8>,
        (LayerKind::Full, 16) => full::<16>,
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
    let centre = layer.rows[1].as_ptr().wrapping_add(n);
    let [row, above, below] = if point { [centre; 3] } else { rows.map(<[i16]>::as_ptr) };
    // Sites behind the last full block; one that ends with them overlaps it.
    let rest = width % SITES;
    let overlap = (SITES - rest) as isize;
    let ([n, outputs_stride], width) = ([n, outputs].map(|stride| stride as isize), width as isize);
    let of_pair = OUTPUTS * weights.len().checked_div(outputs).unwrap_or(0);
    let channel = if kind == LayerKind::Depthwise { OUTPUTS as isize } else { 0 };
    let mut blocks = Blocks {
        scale: 1 << (32 - layer.shift),
        residual: if residual { centre } else { ptr::null() },
        relu: relu.into(),
        weights: weights.as_ptr(),
        row,
        out: out.as_mut_ptr(),
        out_stride: outputs * BYTES,
        end: out.as_mut_ptr().wrapping_offset((width - rest as isize) * outputs_stride),
        rows: [above, below],
        start: [0; OUTPUTS],
    };
    let mut starts = layer.starts.as_chunks::<OUTPUTS>().0.iter();
    for _ in (0..outputs).step_by(OUTPUTS) {
        blocks.start = starts.next().copied().unwrap_or_default();
        // SAFETY: `blocks` describes sites below `width` and outputs below `outputs`, with one tap more at both ends
        // unless it is a point layer; the checks above say that rows, weights and `out` have all of them, that what is
        // loaded by two words is aligned to one, and `out`, which is borrowed mutably, is none of the others.
        unsafe { kernel(&raw mut blocks) };
        if rest > 0 {
            let behind = rest as isize * outputs_stride;
            blocks.advance(-overlap * n, point, -overlap * n, -overlap * outputs_stride);
            blocks.end = blocks.end.wrapping_offset(behind);
            // SAFETY: as above, for the last three sites.
            unsafe { kernel(&raw mut blocks) };
            blocks.end = blocks.end.wrapping_offset(-behind);
        }
        // Back to the first site, two outputs on.
        let pair = OUTPUTS as isize;
        blocks.advance(channel - width * n, point, pair - width * n, pair - width * outputs_stride);
        blocks.end = blocks.end.wrapping_offset(pair);
        blocks.weights = blocks.weights.wrapping_add(of_pair);
    }
    true
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

/// The end of a block: rounding shift, limits, residual, ReLU, outputs; then the next one, at label 2 with the description in lr, or the
/// return.
macro_rules! finish {
    () => {
        "ldr lr, [sp]
        ldm lr, {{r1, r2, r3}}
        smmulr r4, r4, r1
        smmulr r5, r5, r1
        smmulr r6, r6, r1
        smmulr r7, r7, r1
        smmulr r8, r8, r1
        smmulr r9, r9, r1
        ssat r4, #16, r4
        ssat r5, #16, r5
        ssat r6, #16, r6
        ssat r7, #16, r7
        ssat r8, #16, r8
        ssat r9, #16, r9
        pkhbt r4, r4, r5, lsl #16
        pkhbt r6, r6, r7, lsl #16
        pkhbt r8, r8, r9, lsl #16
        cbz r2, 7f
        ldr r5, [r2]
        ldr r7, [r2, #{stride}]
        ldr r9, [r2, #(2 * {stride})]
        qadd16 r4, r4, r5
        qadd16 r6, r6, r7
        qadd16 r8, r8, r9
        add r2, r2, #(3 * {stride})
        str r2, [lr, #4]
        7:
        cbz r3, 8f
        usat16 r4, #15, r4
        usat16 r6, #15, r6
        usat16 r8, #15, r8
        8:
        ldrd r2, r0, [lr, #16]
        ldrd r1, r3, [lr, #24]
        str r4, [r0]
        str r6, [r0, r1]
        str r8, [r0, r1, lsl #1]
        add r0, r0, r1
        add r0, r0, r1, lsl #1
        add r2, r2, #(3 * {stride})
        strd r2, r0, [lr, #16]
        .if {rows} == 3
        ldrd r4, r5, [lr, #32]
        add r4, r4, #(3 * {stride})
        add r5, r5, #(3 * {stride})
        strd r4, r5, [lr, #32]
        .endif
        cmp r0, r3
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
        "ldrd r1, r0, [lr, #12]",
        "mov r6, r4",
        "mov r7, r5",
        "mov r8, r4",
        "mov r9, r5",
        ".rept {steps}",
        step!(),
        ".endr",
        ".set nvl_row, 32",
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
        ".if (nvl_row - 32) < (4 * ({rows} - 1))",
        "ldr lr, [sp]",
        "ldr r0, [lr, #nvl_row]",
        ".set nvl_row, nvl_row + 4",
        ".rept {steps}",
        step!(),
        ".endr",
        ".endif",
        ".endr",
        finish!(),
        stride = const N * BYTES,
        output = const N * BYTES * ROWS * ROWS,
        steps = const N * ROWS / 4,
        odd = const N * ROWS / 2 % 2,
        rows = const ROWS,
    )
}

/// A full layer of `N` channels, a multiple of 4: as [`blocks`], with a loop over the rows. It is a third of the size, and of few channels
/// too slow.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn full<const N: usize>(blocks: *mut Blocks) {
    naked_asm!(
        #[cfg(arm_v8m)]
        ".cpu cortex-m33",
        "push {{r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "mov lr, r0",
        "2:",
        "ldrd r4, r5, [lr, #40]",
        "ldrd r1, r0, [lr, #12]",
        "mov r6, r4",
        "mov r7, r5",
        "mov r8, r4",
        "mov r9, r5",
        "3:",
        ".rept {steps}",
        step!(),
        ".endr",
        // How many weights are behind says which row is next.
        "ldr lr, [sp]",
        "ldr r2, [lr, #12]",
        "ldrd r0, r3, [lr, #32]",
        "sub r2, r1, r2",
        "cmp r2, #{two_rows}",
        "blo 3b",
        "mov r0, r3",
        "beq 3b",
        finish!(),
        stride = const N * BYTES,
        output = const N * BYTES * 9,
        steps = const N * 3 / 4,
        two_rows = const N * BYTES * 6,
        rows = const 3,
    )
}

/// A point layer of six channels to `OUTPUTS`, with ReLU: its weights for two outputs stay in registers.
///
/// r0 are activations, r1 to r3 those of a site, r4 to r9 the weights, r10 the scale, r11 where the outputs go, r12 and lr the sums. On the
/// stack are what the sums begin with, and where `out` is when all is done.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn from_six<const OUTPUTS: usize>(blocks: *mut Blocks) {
    naked_asm!(
        #[cfg(arm_v8m)]
        ".cpu cortex-m33",
        "push {{r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "ldrd r2, r3, [r0, #40]",
        "ldr r4, [r0, #28]",
        "push {{r2, r3, r4}}",
        "ldr r10, [r0]",
        "ldr r11, [r0, #20]",
        "ldrd r1, r0, [r0, #12]",
        "ldm r1, {{r4, r5, r6, r7, r8, r9}}",
        "2:",
        ".irp site, 0, 1, 2",
        "ldm r0!, {{r1, r2, r3}}",
        "ldrd r12, lr, [sp]",
        "smlad r12, r1, r4, r12",
        "smlad lr, r1, r7, lr",
        "smlad r12, r2, r5, r12",
        "smlad lr, r2, r8, lr",
        "smlad r12, r3, r6, r12",
        "smlad lr, r3, r9, lr",
        "smmulr r12, r12, r10",
        "smmulr lr, lr, r10",
        "usat r12, #15, r12",
        "usat lr, #15, lr",
        "pkhbt r12, r12, lr, lsl #16",
        "str r12, [r11, #(\\site * {stride})]",
        ".endr",
        "ldr lr, [sp, #8]",
        "add r11, r11, #(3 * {stride})",
        "cmp r11, lr",
        "bne 2b",
        "ldr r1, [sp, #12]",
        "strd r0, r11, [r1, #16]",
        "add sp, sp, #12",
        "pop {{r0, r4, r5, r6, r7, r8, r9, r10, r11, pc}}",
        stride = const OUTPUTS * BYTES,
    )
}

/// A site's two channels times a tap each: the sums, which halves of a site's and of which weights.
macro_rules! tap {
    (first $site:literal $a:literal $b:literal, $of_a:literal $weights_a:literal, $of_b:literal $weights_b:literal) => {
        concat!(
            "smul", $of_a, " ", $a, ", ", $site, ", ", $weights_a, "\n", "smul", $of_b, " ", $b, ", ", $site, ", ",
            $weights_b, "\n"
        )
    };
    (more $site:literal $a:literal $b:literal, $of_a:literal $weights_a:literal, $of_b:literal $weights_b:literal) => {
        concat!(
            "smla", $of_a, " ", $a, ", ", $site, ", ", $weights_a, ", ", $a, "\n", "smla", $of_b, " ", $b, ", ", $site,
            ", ", $weights_b, ", ", $b, "\n"
        )
    };
}

/// A depthwise layer of `N` channels.
///
/// r0 are activations, r1 the weights, nine of a channel and then nine of the next; r2, r3, r10 and lr are pairs of them that a row needs,
/// r4 to r9 the sums, r11 and r12 the two channels of a site.
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
        "ldrd r1, r0, [lr, #12]",
        "ldrd r2, r3, [r1]",
        "ldrd r10, lr, [r1, #16]",
        "ldr r11, [r0]",
        "ldr r12, [r0, #{stride}]",
        tap!(first "r11" "r4" "r5", "bb" "r2", "tt" "r10"),
        tap!(more "r12" "r4" "r5", "bt" "r2", "tb" "lr"),
        tap!(first "r12" "r6" "r7", "bb" "r2", "tt" "r10"),
        "ldr r11, [r0, #(2 * {stride})]",
        "ldr r12, [r0, #(3 * {stride})]",
        tap!(more "r11" "r4" "r5", "bb" "r3", "tt" "lr"),
        tap!(more "r11" "r6" "r7", "bt" "r2", "tb" "lr"),
        tap!(first "r11" "r8" "r9", "bb" "r2", "tt" "r10"),
        tap!(more "r12" "r6" "r7", "bb" "r3", "tt" "lr"),
        tap!(more "r12" "r8" "r9", "bt" "r2", "tb" "lr"),
        "ldr r11, [r0, #(4 * {stride})]",
        tap!(more "r11" "r8" "r9", "bb" "r3", "tt" "lr"),
        "ldr lr, [sp]",
        "ldr r0, [lr, #32]",
        "ldrd r2, r3, [r1, #4]",
        "ldrd r10, lr, [r1, #24]",
        "ldr r11, [r0]",
        "ldr r12, [r0, #{stride}]",
        tap!(more "r11" "r4" "r5", "bt" "r2", "tb" "r10"),
        tap!(more "r12" "r4" "r5", "bb" "r3", "tt" "r10"),
        tap!(more "r12" "r6" "r7", "bt" "r2", "tb" "r10"),
        "ldr r11, [r0, #(2 * {stride})]",
        "ldr r12, [r0, #(3 * {stride})]",
        tap!(more "r11" "r4" "r5", "bt" "r3", "tb" "lr"),
        tap!(more "r11" "r6" "r7", "bb" "r3", "tt" "r10"),
        tap!(more "r11" "r8" "r9", "bt" "r2", "tb" "r10"),
        tap!(more "r12" "r6" "r7", "bt" "r3", "tb" "lr"),
        tap!(more "r12" "r8" "r9", "bb" "r3", "tt" "r10"),
        "ldr r11, [r0, #(4 * {stride})]",
        tap!(more "r11" "r8" "r9", "bt" "r3", "tb" "lr"),
        "ldr lr, [sp]",
        "ldr r0, [lr, #36]",
        "ldrd r2, r3, [r1, #12]",
        "ldrd r10, lr, [r1, #28]",
        "ldr r11, [r0]",
        "ldr r12, [r0, #{stride}]",
        tap!(more "r11" "r4" "r5", "bb" "r2", "tt" "r10"),
        tap!(more "r12" "r4" "r5", "bt" "r2", "tb" "lr"),
        tap!(more "r12" "r6" "r7", "bb" "r2", "tt" "r10"),
        "ldr r11, [r0, #(2 * {stride})]",
        "ldr r12, [r0, #(3 * {stride})]",
        tap!(more "r11" "r4" "r5", "bb" "r3", "tt" "lr"),
        tap!(more "r11" "r6" "r7", "bt" "r2", "tb" "lr"),
        tap!(more "r11" "r8" "r9", "bb" "r2", "tt" "r10"),
        tap!(more "r12" "r6" "r7", "bb" "r3", "tt" "lr"),
        tap!(more "r12" "r8" "r9", "bt" "r2", "tb" "lr"),
        "ldr r11, [r0, #(4 * {stride})]",
        tap!(more "r11" "r8" "r9", "bb" "r3", "tt" "lr"),
        finish!(),
        stride = const N * BYTES,
        rows = const 3,
    )
}
