//! RISC-V with multiplication (RV32IM): RGB565.

use core::arch::asm;

/// What becomes of a colour beyond the limits.
macro_rules! beyond {
    ($colour:literal, $number:literal) => {
        concat!(
            "1",
            $number,
            ": srai {luma}, ",
            $colour,
            ", 31\n",
            "not {luma}, {luma}\n",
            "and ",
            $colour,
            ", {luma}, {high}\n",
            "j 2",
            $number,
            "b\n"
        )
    };
}

/// A pixel: sums in 1/65536, limits, and their upper 5, 6 and 5 bits.
macro_rules! pixel {
    ($at:literal, $red:literal $green:literal $blue:literal) => {
        concat!(
            "lbu {luma}, ",
            $at,
            "({y})\n",
            "mul {luma}, {luma}, {of_luma}\n",
            "add {r}, {red}, {luma}\n",
            "add {g}, {green}, {luma}\n",
            "add {b}, {blue}, {luma}\n",
            "bltu {high}, {r}, 1",
            $red,
            "f\n",
            "2",
            $red,
            ":\n",
            "bltu {high}, {g}, 1",
            $green,
            "f\n",
            "2",
            $green,
            ":\n",
            "bltu {high}, {b}, 1",
            $blue,
            "f\n",
            "2",
            $blue,
            ":\n",
            "and {r}, {r}, {upper}\n",
            "srli {g}, {g}, 5\n",
            "andi {g}, {g}, 0x7e0\n",
            "srli {b}, {b}, 11\n",
            "or {r}, {r}, {g}\n",
            "or {r}, {r}, {b}\n",
            "sh {r}, (2 * ",
            $at,
            ")({out})\n",
        )
    };
}

/// Converts pixels, two at a time, to RGB565; how many it did.
pub(super) fn rgb565(luma: &[u8], u: &[u8], v: &[u8], out: &mut [u16]) -> usize {
    let pixels = out.len().min(luma.len()).min(2 * u.len()).min(2 * v.len()) & !1;
    if pixels == 0 {
        return 0;
    }
    let out = out.as_mut_ptr();
    // As in the portable conversion; 16 and 128 are where luma and chroma begin.
    let black = 128 - 16 * 298;
    // SAFETY: all rows have `pixels` pixels, which are read and written, as computed above.
    unsafe {
        asm!(
            "2:",
            "lbu {green}, 0({u})",
            "lbu {red}, 0({v})",
            "mul {blue}, {green}, {blue_of_u}",
            "mul {green}, {green}, {green_of_u}",
            "mul {luma}, {red}, {green_of_v}",
            "mul {red}, {red}, {red_of_v}",
            "add {blue}, {blue}, {blue_start}",
            "add {green}, {green}, {green_start}",
            "add {green}, {green}, {luma}",
            "add {red}, {red}, {red_start}",
            pixel!("0", "0" "1" "2"),
            pixel!("1", "3" "4" "5"),
            "addi {u}, {u}, 1",
            "addi {v}, {v}, 1",
            "addi {y}, {y}, 2",
            "addi {out}, {out}, 4",
            "bne {out}, {end}, 2b",
            "j 3f",
            beyond!("{r}", "0"),
            beyond!("{g}", "1"),
            beyond!("{b}", "2"),
            beyond!("{r}", "3"),
            beyond!("{g}", "4"),
            beyond!("{b}", "5"),
            "3:",
            y = inout(reg) luma.as_ptr() => _,
            u = inout(reg) u.as_ptr() => _,
            v = inout(reg) v.as_ptr() => _,
            out = inout(reg) out => _,
            end = in(reg) out.wrapping_add(pixels),
            of_luma = in(reg) 298,
            red_of_v = in(reg) 409,
            green_of_u = in(reg) -100,
            green_of_v = in(reg) -208,
            blue_of_u = in(reg) 516,
            red_start = in(reg) black - 409 * 128,
            green_start = in(reg) black + (100 + 208) * 128,
            blue_start = in(reg) black - 516 * 128,
            high = in(reg) 0xffff,
            upper = in(reg) 0xf800,
            luma = out(reg) _,
            red = out(reg) _,
            green = out(reg) _,
            blue = out(reg) _,
            r = out(reg) _,
            g = out(reg) _,
            b = out(reg) _,
            options(nostack),
        );
    }
    pixels
}
