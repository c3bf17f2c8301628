//! Exponential and logarithm of `f32` without branches, so that loops over them become vector code.
//!
//! The polynomials are those of Cephes (`expf`, `logf`); both are accurate to about 2e-7 relative in the ranges below.

use super::{Arith, Plain};

/// [`exp_with`] for any CPU.
#[inline(always)]
pub fn exp_f32(x: f32) -> f32 {
    exp_with::<Plain>(x)
}

/// [`ln_with`] for any CPU.
#[inline(always)]
pub fn ln_f32(x: f32) -> f32 {
    ln_with::<Plain>(x)
}

/// `exp(x)`, `x` clamped to -87..=88 where the result is a normal number.
#[inline(always)]
pub fn exp_with<A: Arith>(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves the rounded integer in the low bits of the mantissa.
    const MAGIC: f32 = 12_582_912.0;
    let x = if x > -87.0 { x } else { -87.0 };
    let x = if x < 88.0 { x } else { 88.0 };
    let shifted = A::fma(x, std::f32::consts::LOG2_E, MAGIC);
    let n = shifted - MAGIC;
    // ln 2 in two parts: n times the first is exact.
    let r = A::fma(n, 2.121_944_4e-4, A::fma(n, -0.693_359_4, x));
    let p = 1.987_569_1e-4;
    let p = A::fma(p, r, 1.398_199_9e-3);
    let p = A::fma(p, r, 8.333_452e-3);
    let p = A::fma(p, r, 4.166_579_6e-2);
    let p = A::fma(p, r, 1.666_666_6e-1);
    let p = A::fma(p, r, 0.5);
    let mantissa = A::fma(p, r * r, r) + 1.0;
    mantissa * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000))
}

/// `ln(x)` for normal `x > 0`.
#[inline(always)]
pub fn ln_with<A: Arith>(x: f32) -> f32 {
    // Write x = 2^e m with m in sqrt(1/2)..sqrt(2).
    const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
    let offset = x.to_bits().wrapping_sub(SQRT_HALF_BITS);
    let exponent = ((offset as i32) >> 23) as f32;
    let r = f32::from_bits((offset & 0x007f_ffff).wrapping_add(SQRT_HALF_BITS)) - 1.0;
    let p = 7.037_683_6e-2;
    let p = A::fma(p, r, -1.151_461e-1);
    let p = A::fma(p, r, 1.167_699_9e-1);
    let p = A::fma(p, r, -1.242_014_1e-1);
    let p = A::fma(p, r, 1.424_932_3e-1);
    let p = A::fma(p, r, -1.666_805_7e-1);
    let p = A::fma(p, r, 2.000_071_5e-1);
    let p = A::fma(p, r, -2.499_999_4e-1);
    let p = A::fma(p, r, 3.333_333e-1);
    let square = r * r;
    let low = A::fma(exponent, -2.121_944_4e-4, -0.5 * square);
    let y = A::fma(p * r, square, low);
    A::fma(exponent, 0.693_359_4, r + y)
}

#[cfg(test)]
mod tests {
    use super::super::Fused;
    use super::*;

    #[test]
    fn exponential_is_accurate() {
        for i in -86_000..88_000 {
            let x = i as f32 * 1e-3;
            let wanted = f64::from(x).exp();
            for got in [exp_f32(x), exp_with::<Fused>(x)] {
                assert!((f64::from(got) / wanted - 1.0).abs() < 3e-7, "{x}");
            }
        }
        assert!(exp_f32(-1e9) > 0.0 && exp_f32(1e9).is_finite());
    }

    #[test]
    fn logarithm_is_accurate() {
        for i in 0..200_000 {
            let x = (-80.0 + 160.0 * i as f64 / 200_000.0).exp() as f32;
            let wanted = f64::from(x).ln();
            for got in [ln_f32(x), ln_with::<Fused>(x)] {
                let error = (f64::from(got) - wanted).abs();
                assert!(error < 2e-7 * wanted.abs().max(0.5), "{x} {error}");
            }
        }
        assert_eq!(ln_f32(1.0), 0.0);
    }
}
