//! Elementary functions that the compiler can turn into SIMD code: no branches, no calls.

use crate::autodiff::Real;
use crate::autodiff::kernels::{Arith, exp_with, ln_with};

/// A [`Real`] with elementary functions made for loops over rows: polynomials for `f32`, the standard library's for
/// `f64`.
pub trait LaneMath: Real {
    /// `e^self` for `self <= 88`; arguments below -87 count as -87.
    fn lane_exp<A: Arith>(self) -> Self;
    /// Natural logarithm of a positive, normal number.
    fn lane_ln<A: Arith>(self) -> Self;
    /// The piecewise linear `log2` of a number of at least 1, and its slope: with `2^e <= self < 2^(e+1)` the value
    /// `e + (self - 2^e) / 2^e` and the slope `2^-e`.
    fn log2_linear(self) -> (Self, Self);
}

impl LaneMath for f32 {
    #[inline(always)]
    fn lane_exp<A: Arith>(self) -> Self {
        exp_with::<A>(self)
    }

    #[inline(always)]
    fn lane_ln<A: Arith>(self) -> Self {
        ln_with::<A>(self)
    }

    #[inline(always)]
    fn log2_linear(self) -> (Self, Self) {
        // Exponent and mantissa side by side are the very function.
        let bits = self.to_bits();
        let value = (bits as i32 - 0x3f80_0000) as f32 * (1.0 / 8_388_608.0);
        (value, f32::from_bits(0x7f00_0000 - (bits & 0x7f80_0000)))
    }
}

impl LaneMath for f64 {
    #[inline(always)]
    fn lane_exp<A: Arith>(self) -> Self {
        f64::exp(Real::max(self, -87.0))
    }

    #[inline(always)]
    fn lane_ln<A: Arith>(self) -> Self {
        f64::ln(self)
    }

    #[inline(always)]
    fn log2_linear(self) -> (Self, Self) {
        let e = f64::log2(self).floor();
        let slope = f64::exp2(-e);
        (e + self.mul_add(slope, -1.0), slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_piecewise_linear_logarithm_is_exact_at_integers() {
        for v in 1..5000u32 {
            let e = v.ilog2();
            let expected = f64::from(e) + f64::from(v - (1 << e)) / f64::from(1u32 << e);
            let slope = 1.0 / f64::from(1u32 << e);
            assert_eq!(f64::from(v).log2_linear(), (expected, slope));
            let (value, got) = (v as f32).log2_linear();
            assert!((f64::from(value) - expected).abs() < 1e-6);
            assert_eq!(f64::from(got), slope);
        }
    }
}
