//! Fixed-point arithmetic: the one rounding rule and the two saturations (SPEC, introduction).

/// Fraction bits of an activation, Q3.12: 4096 stands for 64 code values.
pub const ACTIVATION_FRACTION: u32 = 12;
/// `activation >> CODE_VALUE_SHIFT` is in code values.
pub const CODE_VALUE_SHIFT: u32 = 6;
/// Fraction bits of context features and weights, Q5.
pub const CONTEXT_FRACTION: u32 = 5;
/// Bias steps are `2^-BIAS_FRACTION`.
pub const BIAS_FRACTION: u32 = 7;

/// `x / 2^shift` to the nearest integer, halves up. `shift` is 1..=31 and `x + 2^(shift - 1)` must not overflow.
#[inline(always)]
#[must_use]
pub const fn round_shift(x: i32, shift: u32) -> i32 {
    (x.wrapping_add(1 << (shift - 1))) >> shift
}

/// Clamps to 16 bits.
#[inline(always)]
#[must_use]
pub const fn sat16(x: i32) -> i16 {
    if x > i16::MAX as i32 {
        i16::MAX
    } else if x < i16::MIN as i32 {
        i16::MIN
    } else {
        x as i16
    }
}

/// Clamps to a code value.
#[inline(always)]
#[must_use]
pub const fn clip8(x: i32) -> u8 {
    if x > 255 {
        255
    } else if x < 0 {
        0
    } else {
        x as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_up_on_both_sides_of_zero() {
        let halves: [(i32, i32); 6] = [(3, 2), (1, 1), (-1, 0), (-3, -1), (-2, -1), (2, 1)];
        for (x, expected) in halves {
            assert_eq!(round_shift(x, 1), expected, "{x}");
        }
    }
}
