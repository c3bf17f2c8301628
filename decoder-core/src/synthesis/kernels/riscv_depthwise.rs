//! RISC-V with multiplication (RV32IM): depthwise layers, channel after channel.

use core::arch::naked_asm;
use core::ptr;

use super::riscv_layers::{BYTES, Finish, processor, restore, save};
use crate::synthesis::LayerRow;

/// What [`depthwise`] works on.
#[repr(C)]
struct Channels {
    /// The rows, from the site before the first.
    rows: [*const i16; 3],
    out: *mut i16,
    weights: *const i16,
    /// What the sums begin with; null for zeros.
    starts: *const i32,
    /// Bytes from a site to the next.
    stride: usize,
    finish: Finish,
    /// Where `out` is when a channel is done.
    end: *mut i16,
    /// How many, at least 1.
    count: usize,
}

/// Computes `width` sites of a depthwise layer.
///
/// # Safety
/// Nine weights and, unless there are none at all, a start of each channel must be there, `width + 2` sites of each row and `width`
/// of `out`.
pub(super) unsafe fn depthwise_row(layer: &LayerRow<'_, i16>, width: usize, out: &mut [i16]) {
    let n = layer.outputs;
    let mut channels = Channels {
        rows: layer.rows.map(<[i16]>::as_ptr),
        out: out.as_mut_ptr(),
        weights: layer.weights.as_ptr(),
        starts: if layer.starts.is_empty() { ptr::null() } else { layer.starts.as_ptr() },
        stride: n * BYTES,
        finish: Finish::new(layer),
        end: out.as_mut_ptr().wrapping_add(width * n),
        count: n,
    };
    // SAFETY: `width + 2` sites are read from each row and `width` written, nine weights and a start a channel read; the caller has checked
    // that they are there.
    unsafe { depthwise(&raw mut channels) };
}

/// Adds the products of an activation, in x5 or `$mid`, with the weights of three columns to three sums.
macro_rules! three {
    ($x:literal $a:literal $b:literal $c:literal, $of_a:literal $of_b:literal $of_c:literal) => {
        concat!(
            "mul x1, ", $x, ", ", $of_a, "\n", "add ", $a, ", ", $a, ", x1\n", "mul x1, ", $x, ", ", $of_b, "\n",
            "add ", $b, ", ", $b, ", x1\n", "mul x1, ", $x, ", ", $of_c, "\n", "add ", $c, ", ", $c, ", x1\n"
        )
    };
}

/// The next activations of a channel in three rows. They complete the sum `$a`, continue `$b` and begin `$c`.
macro_rules! column {
    ($a:literal $b:literal $c:literal, $mid:literal) => {
        concat!(
            "lh x5, 0(x10)\n",
            "lh ", $mid, ", 0(x11)\n",
            "mul ", $c, ", x5, x18\n",
            "mul x1, x5, x20\n",
            "add ", $a, ", ", $a, ", x1\n",
            "mul x1, x5, x19\n",
            "add ", $b, ", ", $b, ", x1\n",
            "add ", $c, ", ", $c, ", x13\n",
            "lh x5, 0(x12)\n",
            three!($mid $a $b $c, "x23" "x22" "x21"),
            three!("x5" $a $b $c, "x26" "x25" "x24"),
            "add x10, x10, x14\n",
            "add x11, x11, x14\n",
            "add x12, x12, x14\n",
        )
    };
}

/// The end of a sum: rounding shift, limits, the residual if there is one, output.
macro_rules! complete {
    ($sum:literal $residual:literal, $number:literal) => {
        concat!(
            "sra ",
            $sum,
            ", ",
            $sum,
            ", x15\n",
            "blt ",
            $sum,
            ", x16, 1",
            $number,
            "f\n",
            "blt x17, ",
            $sum,
            ", 2",
            $number,
            "f\n",
            "3",
            $number,
            ":\n",
            "bgtz x6, 5",
            $number,
            "f\n",
            "add ",
            $sum,
            ", ",
            $sum,
            ", ",
            $residual,
            "\n",
            "blt ",
            $sum,
            ", x6, 4",
            $number,
            "f\n",
            "blt x17, ",
            $sum,
            ", 6",
            $number,
            "f\n",
            "5",
            $number,
            ":\n",
            "sh ",
            $sum,
            ", 0(x31)\n",
            "add x31, x31, x14\n",
        )
    };
    (beyond $sum:literal, $number:literal) => {
        concat!(
            "1", $number, ": mv ", $sum, ", x16\n", "j 3", $number, "b\n", "2", $number, ": mv ", $sum, ", x17\n",
            "j 3", $number, "b\n", "4", $number, ": mv ", $sum, ", x6\n", "j 5", $number, "b\n", "6", $number, ": mv ",
            $sum, ", x17\n", "j 5", $number, "b\n"
        )
    };
}

/// A depthwise layer, channel after channel: its nine weights stay in registers, and every activation is loaded once.
///
/// x10 to x12 are the places in the rows, x31 that in `out`, x30 where that ends, x14 their stride, x18 to x26 the weights, x27 to x29 the
/// sums of three sites by turns, x5 and x7 to x9 by turns the activations, x13 what sums begin with, x15 to x17 and x6 shift and limits.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
unsafe extern "C" fn depthwise(channels: *mut Channels) {
    naked_asm!(
        processor!(),
        save!(),
        "sw x10, 0(sp)",
        "lw x14, 24(x10)",
        "lw x15, 28(x10)",
        "lw x16, 32(x10)",
        "lw x6, 36(x10)",
        "lw x30, 40(x10)",
        "li x17, 0x7fff",
        "2:",
        "lw x8, 0(sp)",
        "lw x10, 0(x8)",
        "lw x11, 4(x8)",
        "lw x12, 8(x8)",
        "lw x31, 12(x8)",
        "lw x1, 16(x8)",
        "lw x5, 20(x8)",
        "addi x7, x15, -1",
        "li x13, 1",
        "sll x13, x13, x7",
        "lh x18, 0(x1)",
        "lh x19, 2(x1)",
        "lh x20, 4(x1)",
        "lh x21, 6(x1)",
        "lh x22, 8(x1)",
        "lh x23, 10(x1)",
        "lh x24, 12(x1)",
        "lh x25, 14(x1)",
        "lh x26, 16(x1)",
        "addi x1, x1, 18",
        "sw x1, 16(x8)",
        "beqz x5, 3f",
        "lw x7, 0(x5)",
        "addi x5, x5, 4",
        "sw x5, 20(x8)",
        "add x13, x13, x7",
        "3:",
        "addi x1, x10, 2",
        "addi x5, x11, 2",
        "addi x7, x12, 2",
        "addi x9, x31, 2",
        "sw x1, 0(x8)",
        "sw x5, 4(x8)",
        "sw x7, 8(x8)",
        "sw x9, 12(x8)",
        // What is completed here is not used.
        column!("x29" "x28" "x27", "x8"),
        column!("x29" "x27" "x28", "x9"),
        "4:",
        column!("x27" "x28" "x29", "x7"),
        complete!("x27" "x9", "0"),
        "bgeu x31, x30, 7f",
        column!("x28" "x29" "x27", "x8"),
        complete!("x28" "x7", "1"),
        "bgeu x31, x30, 7f",
        column!("x29" "x27" "x28", "x9"),
        complete!("x29" "x8", "2"),
        "bltu x31, x30, 4b",
        "7:",
        "lw x8, 0(sp)",
        "lw x1, 44(x8)",
        "addi x1, x1, -1",
        "sw x1, 44(x8)",
        "bnez x1, 2b",
        restore!(),
        complete!(beyond "x27", "0"),
        complete!(beyond "x28", "1"),
        complete!(beyond "x29", "2"),
        ".option pop",
    )
}
