//! RISC-V with multiplication (RV32IM): layers whose outputs are the six samples of a site, as the last layers of all streams are. Three
//! sites are computed at a time, so that a multiplication takes half a load.

use core::arch::naked_asm;

use super::riscv_dense::{Blocks, limit, residual};
use super::riscv_layers::{BYTES, processor, restore, save};

/// A weight of an output, the so manyth and so many bytes on, and its products with the activations of three sites.
macro_rules! weight {
    ($at:literal $number:literal $w:literal, $a:literal $b:literal $c:literal) => {
        concat!(
            "lh ",
            $w,
            ", (",
            $number,
            " * {filter} + ",
            $at,
            ")(x11)\n",
            "mul x9, x5, ",
            $w,
            "\n",
            "mul x1, x6, ",
            $w,
            "\n",
            "add ",
            $a,
            ", ",
            $a,
            ", x9\n",
            "mul x9, x7, ",
            $w,
            "\n",
            "add ",
            $b,
            ", ",
            $b,
            ", x1\n",
            "add ",
            $c,
            ", ",
            $c,
            ", x9\n",
        )
    };
}

/// A tap, so many bytes on.
macro_rules! tap {
    ($at:literal) => {
        concat!(
            "lh x5, ", $at, "(x10)\n",
            "lh x6, ({stride} + ", $at, ")(x10)\n",
            "lh x7, (2 * {stride} + ", $at, ")(x10)\n",
            weight!($at "0" "x8", "x14" "x20" "x26"),
            weight!($at "1" "x13", "x15" "x21" "x27"),
            weight!($at "2" "x8", "x16" "x22" "x28"),
            weight!($at "3" "x13", "x17" "x23" "x29"),
            weight!($at "4" "x8", "x18" "x24" "x30"),
            weight!($at "5" "x13", "x19" "x25" "x31"),
        )
    };
}

/// Does something to all sums of a block.
macro_rules! sums {
    ($what:ident $(, $how:ident)?) => {
        concat!(
            $what!($($how)? "x14" "14"), $what!($($how)? "x15" "15"), $what!($($how)? "x16" "16"),
            $what!($($how)? "x17" "17"), $what!($($how)? "x18" "18"), $what!($($how)? "x19" "19"),
            $what!($($how)? "x20" "20"), $what!($($how)? "x21" "21"), $what!($($how)? "x22" "22"),
            $what!($($how)? "x23" "23"), $what!($($how)? "x24" "24"), $what!($($how)? "x25" "25"),
            $what!($($how)? "x26" "26"), $what!($($how)? "x27" "27"), $what!($($how)? "x28" "28"),
            $what!($($how)? "x29" "29"), $what!($($how)? "x30" "30"), $what!($($how)? "x31" "31"),
        )
    };
}

/// A point (`ROWS` 1) or full (3) layer from an even number `N` of channels to six, by blocks of three sites; with residual only from six.
///
/// x10 and x11 are the places of taps and weights, x12 where a row's taps end, x5 to x7 a tap of three sites, x8 and x13 weights by turns, x14
/// to x19 the sums of the first site, x20 to x25 of the second, x26 to x31 of the third.
///
/// # Safety
/// All that the description points to must be there.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn sites<const N: usize, const ROWS: usize>(blocks: *mut Blocks) {
    naked_asm!(
        processor!(),
        save!(),
        "sw x10, 0(sp)",
        "2:",
        "lw x8, 0(sp)",
        "lw x11, 16(x8)",
        "lw x14, 68(x8)",
        "lw x15, 72(x8)",
        "lw x16, 76(x8)",
        "lw x17, 80(x8)",
        "lw x18, 84(x8)",
        "lw x19, 88(x8)",
        "mv x20, x14",
        "mv x21, x15",
        "mv x22, x16",
        "mv x23, x17",
        "mv x24, x18",
        "mv x25, x19",
        "mv x26, x14",
        "mv x27, x15",
        "mv x28, x16",
        "mv x29, x17",
        "mv x30, x18",
        "mv x31, x19",
        ".if {rows} == 3",
        "li x6, 0",
        "3:",
        "sw x6, 4(sp)",
        "add x6, x6, x8",
        "lw x10, 0(x6)",
        ".else",
        "lw x10, 0(x8)",
        ".endif",
        "lw x6, 12(x8)",
        "add x10, x10, x6",
        "addi x12, x10, {taps}",
        "4:",
        tap!("0"),
        tap!("2"),
        "addi x10, x10, 4",
        "addi x11, x11, 4",
        "bne x10, x12, 4b",
        "lw x8, 0(sp)",
        ".if {rows} == 3",
        "lw x6, 4(sp)",
        "li x5, 12",
        "addi x6, x6, 4",
        "bne x6, x5, 3b",
        ".endif",
        "lw x5, 52(x8)",
        "lw x6, 56(x8)",
        "li x7, 0x7fff",
        sums!(limit),
        "lw x12, 12(x8)",
        ".if {stride} == 12",
        "lw x6, 60(x8)",
        "bgtz x6, 7f",
        "lw x10, 64(x8)",
        "add x10, x10, x12",
        residual!("x14" "14", "(0 * {stride} + 0)(x10)"),
        residual!("x15" "15", "(0 * {stride} + 2)(x10)"),
        residual!("x16" "16", "(0 * {stride} + 4)(x10)"),
        residual!("x17" "17", "(0 * {stride} + 6)(x10)"),
        residual!("x18" "18", "(0 * {stride} + 8)(x10)"),
        residual!("x19" "19", "(0 * {stride} + 10)(x10)"),
        residual!("x20" "20", "(1 * {stride} + 0)(x10)"),
        residual!("x21" "21", "(1 * {stride} + 2)(x10)"),
        residual!("x22" "22", "(1 * {stride} + 4)(x10)"),
        residual!("x23" "23", "(1 * {stride} + 6)(x10)"),
        residual!("x24" "24", "(1 * {stride} + 8)(x10)"),
        residual!("x25" "25", "(1 * {stride} + 10)(x10)"),
        residual!("x26" "26", "(2 * {stride} + 0)(x10)"),
        residual!("x27" "27", "(2 * {stride} + 2)(x10)"),
        residual!("x28" "28", "(2 * {stride} + 4)(x10)"),
        residual!("x29" "29", "(2 * {stride} + 6)(x10)"),
        residual!("x30" "30", "(2 * {stride} + 8)(x10)"),
        residual!("x31" "31", "(2 * {stride} + 10)(x10)"),
        "7:",
        ".endif",
        "lw x10, 40(x8)",
        "lw x6, 48(x8)",
        "addi x12, x12, (3 * {stride})",
        "sw x12, 12(x8)",
        "sh x14, 0(x10)",
        "sh x15, 2(x10)",
        "sh x16, 4(x10)",
        "sh x17, 6(x10)",
        "sh x18, 8(x10)",
        "sh x19, 10(x10)",
        "sh x20, 12(x10)",
        "sh x21, 14(x10)",
        "sh x22, 16(x10)",
        "sh x23, 18(x10)",
        "sh x24, 20(x10)",
        "sh x25, 22(x10)",
        "sh x26, 24(x10)",
        "sh x27, 26(x10)",
        "sh x28, 28(x10)",
        "sh x29, 30(x10)",
        "sh x30, 32(x10)",
        "sh x31, 34(x10)",
        "addi x10, x10, 36",
        "sw x10, 40(x8)",
        "bne x10, x6, 2b",
        restore!(),
        sums!(limit, beyond),
        ".if {stride} == 12",
        sums!(residual, beyond),
        ".endif",
        ".option pop",
        stride = const N * BYTES,
        filter = const N * BYTES * ROWS * ROWS,
        taps = const N * BYTES * ROWS,
        rows = const ROWS,
    )
}
