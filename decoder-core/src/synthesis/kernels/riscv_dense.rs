//! RISC-V with multiplication (RV32IM): point and full layers, by blocks of sites and outputs whose sums stay in registers.
//!
//! Sites and outputs that do not fill a block are computed by one that overlaps the block before.

use core::arch::naked_asm;

use super::riscv_layers::{BYTES, Finish, processor, restore, save};
use super::riscv_sites::sites;
use crate::synthesis::LayerRow;
use crate::wire::{LayerKind, SITE};

/// Sites of a block.
const SITES: usize = 3;
/// Most outputs of a block.
const OUTPUTS: usize = 6;

/// Blocks side by side, all of the same outputs. The kernels know the offsets of the fields and move what moves.
#[repr(C)]
pub(super) struct Blocks {
    /// First tap of the first site, in each row.
    rows: [*const i16; 3],
    /// Bytes from there to the block.
    at: usize,
    /// Of the first output.
    weights: *const i16,
    /// Bytes from a site to the next, and from an output's weights to the next's.
    site_stride: usize,
    output_stride: usize,
    /// Bytes of the pairs of activations side by side in a row that go into a site, and whether there is one more.
    pairs: usize,
    odd: usize,
    /// Bytes of the rows' pointers that are in use.
    rows_end: usize,
    out: *mut i16,
    /// Bytes from a site to the next, and where `out` is when all is done.
    out_stride: usize,
    end: *mut i16,
    finish: Finish,
    /// What is added to the first output of the first site.
    residual: *const i16,
    /// What the sums begin with.
    start: [i32; OUTPUTS],
}

/// Computes `width` sites of a point or full layer if a block fits into them; whether it did.
///
/// # Safety
/// The weights of all inputs and outputs must be there, `width + 2` sites of each row and `width` of `out`, and as many outputs
/// as inputs if there is a residual.
pub(super) unsafe fn dense_row(layer: &LayerRow<'_, i16>, width: usize, out: &mut [i16]) -> bool {
    let &LayerRow { kind, inputs: n, outputs, residual, .. } = layer;
    if kind == LayerKind::Point && n == 6 && outputs.is_multiple_of(2) && !residual {
        block_rows(layer, width, out, [1, 2], from_six);
        return true;
    }
    if width < SITES || n < 2 || outputs < 3 {
        return false;
    }
    match (kind, n, outputs) {
        (LayerKind::Point, 16, SITE) => block_rows(layer, width, out, [SITES, SITE], sites::<16, 1>),
        (LayerKind::Point, 20, SITE) => block_rows(layer, width, out, [SITES, SITE], sites::<20, 1>),
        (LayerKind::Point, 32, SITE) => block_rows(layer, width, out, [SITES, SITE], sites::<32, 1>),
        (LayerKind::Full, SITE, SITE) => block_rows(layer, width, out, [SITES, SITE], sites::<SITE, 3>),
        _ if outputs.is_multiple_of(4) || outputs > 9 => block_rows(layer, width, out, [SITES, 4], blocks::<4>),
        _ => block_rows(layer, width, out, [SITES, 3], blocks::<3>),
    }
    true
}

/// A point or full layer by blocks of so many sites and outputs, of which there are as many at least.
fn block_rows(
    layer: &LayerRow<'_, i16>,
    width: usize,
    out: &mut [i16],
    [sites, together]: [usize; 2],
    kernel: unsafe extern "C" fn(*mut Blocks),
) {
    let &LayerRow { kind, inputs: n, outputs, .. } = layer;
    let point = kind == LayerKind::Point;
    let (taps, rows) = if point { (n, [layer.rows[1].get(n..).unwrap_or_default(); 3]) } else { (3 * n, layer.rows) };
    let rest = width % sites;
    let of_output = if point { n } else { 9 * n };
    let out = out.as_mut_ptr();
    for output in (0..outputs).step_by(together) {
        let output = output.min(outputs - together);
        let mut blocks = Blocks {
            rows: rows.map(<[i16]>::as_ptr),
            at: 0,
            weights: layer.weights.as_ptr().wrapping_add(output * of_output),
            site_stride: n * BYTES,
            output_stride: of_output * BYTES,
            pairs: (taps & !1) * BYTES,
            odd: taps & 1,
            rows_end: if point { 4 } else { 12 },
            out: out.wrapping_add(output),
            out_stride: outputs * BYTES,
            end: out.wrapping_add((width - rest) * outputs + output),
            finish: Finish::new(layer),
            residual: layer.rows[1].as_ptr().wrapping_add(n + output),
            start: [0; OUTPUTS],
        };
        for (number, start) in blocks.start.iter_mut().enumerate().take(together) {
            let of_layer = layer.starts.get(output + number).copied().unwrap_or(0);
            // With the half for rounding.
            *start = of_layer.wrapping_add(1 << (layer.shift - 1));
        }
        // SAFETY: `blocks` describes sites below `width` and outputs below `outputs`, with one tap more at both ends
        // unless it is a point layer; the caller has checked that rows, weights and `out` have all of them, and `out`,
        // which is borrowed mutably, is none of the others.
        unsafe { kernel(&raw mut blocks) };
        if rest > 0 {
            let overlap = sites - rest;
            blocks.at = (width - sites) * n * BYTES;
            blocks.out = blocks.end.wrapping_sub(overlap * outputs);
            blocks.end = blocks.end.wrapping_add(rest * outputs);
            // SAFETY: as above, for the last sites.
            unsafe { kernel(&raw mut blocks) };
        }
    }
}

/// Adds an activation's products with two weights, by way of two registers.
macro_rules! two {
    ($x:literal $a:literal $b:literal, $of_a:literal $of_b:literal, $s:literal $t:literal) => {
        concat!(
            "mul ", $s, ", ", $x, ", ", $of_a, "\n", "mul ", $t, ", ", $x, ", ", $of_b, "\n", "add ", $a, ", ", $a,
            ", ", $s, "\n", "add ", $b, ", ", $b, ", ", $t, "\n"
        )
    };
}

/// A tap, so many bytes on, of three sites and three or four outputs.
macro_rules! tap {
    ($at:literal) => {
        concat!(
            "lh x28, ", $at, "(x13)\n",
            "lh x29, ", $at, "(x14)\n",
            "lh x30, ", $at, "(x15)\n",
            ".if {outputs} == 4\n",
            "lh x31, ", $at, "(x9)\n",
            ".endif\n",
            "lh x5, ", $at, "(x10)\n",
            "lh x1, ", $at, "(x11)\n",
            two!("x5" "x16" "x17", "x28" "x29", "x6" "x8"),
            ".if {outputs} == 4\n",
            two!("x5" "x18" "x25", "x30" "x31", "x6" "x8"),
            ".else\n",
            "mul x6, x5, x30\n",
            "add x18, x18, x6\n",
            ".endif\n",
            "lh x5, ", $at, "(x12)\n",
            two!("x1" "x19" "x20", "x28" "x29", "x6" "x8"),
            ".if {outputs} == 4\n",
            two!("x1" "x21" "x26", "x30" "x31", "x6" "x8"),
            ".else\n",
            "mul x6, x1, x30\n",
            "add x21, x21, x6\n",
            ".endif\n",
            two!("x5" "x22" "x23", "x28" "x29", "x6" "x8"),
            ".if {outputs} == 4\n",
            two!("x5" "x24" "x27", "x30" "x31", "x6" "x8"),
            ".else\n",
            "mul x6, x5, x30\n",
            "add x24, x24, x6\n",
            ".endif\n",
        )
    };
}

/// Rounding shift and limits of a sum. The shift is in x5, the limits are in x6 and x7.
macro_rules! limit {
    ($sum:literal $number:literal) => {
        concat!(
            "sra ", $sum, ", ", $sum, ", x5\n", "blt ", $sum, ", x6, 1", $number, "f\n", "blt x7, ", $sum, ", 2",
            $number, "f\n", "3", $number, ":\n",
        )
    };
    (beyond $sum:literal $number:literal) => {
        concat!(
            "1", $number, ": mv ", $sum, ", x6\n", "j 3", $number, "b\n", "2", $number, ": mv ", $sum, ", x7\n", "j 3",
            $number, "b\n",
        )
    };
}

/// Adds a residual, so many bytes behind a register, to what became of a sum. The limits are in x6 and x7.
macro_rules! residual {
    ($sum:literal $number:literal, $at:literal) => {
        concat!(
            "lh x5, ", $at, "\n", "add ", $sum, ", ", $sum, ", x5\n", "blt ", $sum, ", x6, 4", $number, "f\n",
            "blt x7, ", $sum, ", 5", $number, "f\n", "6", $number, ":\n",
        )
    };
    (beyond $sum:literal $number:literal) => {
        concat!(
            "4", $number, ": mv ", $sum, ", x6\n", "j 6", $number, "b\n", "5", $number, ": mv ", $sum, ", x7\n", "j 6",
            $number, "b\n",
        )
    };
}

/// Does something to all sums of a block: `three` to those of three outputs, which are there in any case.
macro_rules! sums {
    ($what:ident $(, $how:ident)?) => {
        concat!(
            $what!($($how)? "x16" "16"), $what!($($how)? "x17" "17"), $what!($($how)? "x18" "18"),
            $what!($($how)? "x19" "19"), $what!($($how)? "x20" "20"), $what!($($how)? "x21" "21"),
            $what!($($how)? "x22" "22"), $what!($($how)? "x23" "23"), $what!($($how)? "x24" "24"),
            ".if {outputs} == 4\n",
            $what!($($how)? "x25" "25"), $what!($($how)? "x26" "26"), $what!($($how)? "x27" "27"),
            ".endif\n",
        )
    };
}

pub(super) use {limit, residual};

/// A point or full layer, three sites and `COUNT` outputs, 3 or 4, at a time.
///
/// x10 to x12 are the taps of the sites, x13 to x15 and x9 the weights of the outputs, x28 to x31 those of a tap, x16 to x18 and x25 the
/// sums of the first site, x19 to x21 and x26 of the second, x22 to x24 and x27 of the third.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn blocks<const COUNT: usize>(blocks: *mut Blocks) {
    naked_asm!(
        processor!(),
        save!(),
        "sw x10, 0(sp)",
        "mv x8, x10",
        "2:",
        "lw x16, 68(x8)",
        "lw x17, 72(x8)",
        "lw x18, 76(x8)",
        "lw x13, 16(x8)",
        "lw x5, 24(x8)",
        "mv x19, x16",
        "mv x22, x16",
        "mv x20, x17",
        "mv x23, x17",
        "mv x21, x18",
        "mv x24, x18",
        "add x14, x13, x5",
        "add x15, x14, x5",
        ".if {outputs} == 4",
        "lw x25, 80(x8)",
        "add x9, x15, x5",
        "mv x26, x25",
        "mv x27, x25",
        ".endif",
        "li x6, 0",
        "3:",
        "sw x6, 4(sp)",
        "add x6, x6, x8",
        "lw x10, 0(x6)",
        "lw x6, 12(x8)",
        "lw x5, 20(x8)",
        "lw x7, 28(x8)",
        "add x10, x10, x6",
        "add x11, x10, x5",
        "add x12, x11, x5",
        "add x7, x7, x10",
        "4:",
        tap!("0"),
        tap!("2"),
        "addi x10, x10, 4",
        "addi x11, x11, 4",
        "addi x12, x12, 4",
        "addi x13, x13, 4",
        "addi x14, x14, 4",
        "addi x15, x15, 4",
        ".if {outputs} == 4",
        "addi x9, x9, 4",
        ".endif",
        "bne x10, x7, 4b",
        "lw x8, 0(sp)",
        "lw x5, 32(x8)",
        "beqz x5, 5f",
        tap!("0"),
        "addi x13, x13, 2",
        "addi x14, x14, 2",
        "addi x15, x15, 2",
        ".if {outputs} == 4",
        "addi x9, x9, 2",
        ".endif",
        "lw x8, 0(sp)",
        "5:",
        "lw x6, 4(sp)",
        "lw x5, 36(x8)",
        "addi x6, x6, 4",
        "bne x6, x5, 3b",
        "lw x5, 52(x8)",
        "lw x6, 56(x8)",
        "li x7, 0x7fff",
        sums!(limit),
        "lw x6, 60(x8)",
        "lw x28, 12(x8)",
        "lw x29, 20(x8)",
        "bgtz x6, 7f",
        "lw x10, 64(x8)",
        "add x10, x10, x28",
        "add x11, x10, x29",
        "add x12, x11, x29",
        residual!("x16" "16", "0(x10)"),
        residual!("x17" "17", "2(x10)"),
        residual!("x18" "18", "4(x10)"),
        residual!("x19" "19", "0(x11)"),
        residual!("x20" "20", "2(x11)"),
        residual!("x21" "21", "4(x11)"),
        residual!("x22" "22", "0(x12)"),
        residual!("x23" "23", "2(x12)"),
        residual!("x24" "24", "4(x12)"),
        ".if {outputs} == 4",
        residual!("x25" "25", "6(x10)"),
        residual!("x26" "26", "6(x11)"),
        residual!("x27" "27", "6(x12)"),
        ".endif",
        "7:",
        "lw x10, 40(x8)",
        "lw x5, 44(x8)",
        "lw x6, 48(x8)",
        "add x28, x28, x29",
        "add x28, x28, x29",
        "add x28, x28, x29",
        "sw x28, 12(x8)",
        "add x11, x10, x5",
        "add x12, x11, x5",
        "sh x16, 0(x10)",
        "sh x17, 2(x10)",
        "sh x18, 4(x10)",
        "sh x19, 0(x11)",
        "sh x20, 2(x11)",
        "sh x21, 4(x11)",
        "sh x22, 0(x12)",
        "sh x23, 2(x12)",
        "sh x24, 4(x12)",
        ".if {outputs} == 4",
        "sh x25, 6(x10)",
        "sh x26, 6(x11)",
        "sh x27, 6(x12)",
        ".endif",
        "add x10, x12, x5",
        "sw x10, 40(x8)",
        "bne x10, x6, 2b",
        restore!(),
        sums!(limit, beyond),
        sums!(residual, beyond),
        ".option pop",
        outputs = const COUNT,
    )
}

/// An activation's products with a weight of each of two outputs; another instruction is between them and their use.
macro_rules! of_six {
    ($x:literal, $of_a:literal $of_b:literal, $between:literal) => {
        concat!(
            "mul x1, ",
            $x,
            ", ",
            $of_a,
            "\n",
            "mul x9, ",
            $x,
            ", ",
            $of_b,
            "\n",
            $between,
            "\n",
            "add x16, x16, x1\n",
            "add x17, x17, x9\n"
        )
    };
}

/// A point layer of six channels without residual, two outputs at a time, whose weights stay in registers.
///
/// x10 and x11 are the places in the row and in `out`, x12 where that ends, x13 its stride, x18 to x29 the weights, x30 and x31 what the
/// sums begin with, x16 and x17 the sums, x8 and x14 two activations.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn from_six(blocks: *mut Blocks) {
    naked_asm!(
        processor!(),
        save!(),
        "lw x1, 16(x10)",
        "lw x11, 40(x10)",
        "lw x13, 44(x10)",
        "lw x12, 48(x10)",
        "lw x5, 52(x10)",
        "lw x6, 56(x10)",
        "li x7, 0x7fff",
        "lw x30, 68(x10)",
        "lw x31, 72(x10)",
        "lw x10, 0(x10)",
        "lh x18, 0(x1)",
        "lh x19, 2(x1)",
        "lh x20, 4(x1)",
        "lh x21, 6(x1)",
        "lh x22, 8(x1)",
        "lh x23, 10(x1)",
        "lh x24, 12(x1)",
        "lh x25, 14(x1)",
        "lh x26, 16(x1)",
        "lh x27, 18(x1)",
        "lh x28, 20(x1)",
        "lh x29, 22(x1)",
        "2:",
        "lh x8, 0(x10)",
        "lh x14, 2(x10)",
        "mul x16, x8, x18",
        "mul x17, x8, x24",
        "lh x8, 4(x10)",
        "add x16, x16, x30",
        "add x17, x17, x31",
        of_six!("x14", "x19" "x25", "lh x14, 6(x10)"),
        of_six!("x8", "x20" "x26", "lh x8, 8(x10)"),
        of_six!("x14", "x21" "x27", "lh x14, 10(x10)"),
        of_six!("x8", "x22" "x28", "addi x10, x10, 12"),
        of_six!("x14", "x23" "x29", ""),
        limit!("x16" "16"),
        limit!("x17" "17"),
        "sh x16, 0(x11)",
        "sh x17, 2(x11)",
        "add x11, x11, x13",
        "bne x11, x12, 2b",
        restore!(),
        limit!(beyond "x16" "16"),
        limit!(beyond "x17" "17"),
        ".option pop",
    )
}
