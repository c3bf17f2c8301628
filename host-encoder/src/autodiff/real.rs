//! The scalar that the tape computes with: `f32` to train, `f64` to check gradients.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};
use std::thread::LocalKey;

use super::kernels::{Arith, Shelf, exp_with, ln_with};

/// A floating-point scalar. Every operation is generic over it, so that the code that trains in `f32` is the very code
/// whose gradients are checked against central differences in `f64`.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// A number whose neighbours are integers, 1 away from it.
    const INTEGERS: Self;
    /// From a constant.
    fn of(value: f64) -> Self;
    /// To `f64`, for reports.
    fn to_f64(self) -> f64;
    /// `self * factor + addend`, one rounding where the CPU has it.
    fn fma(self, factor: Self, addend: Self) -> Self;
    /// Natural exponential.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Largest integer not above.
    fn floor(self) -> Self;
    /// Magnitude.
    fn abs(self) -> Self;
    /// The larger.
    fn max(self, other: Self) -> Self;
    /// The smaller.
    fn min(self, other: Self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// [`Self::exp`] for loops: without branches and calls in `f32`, to about 3e-7; the argument is clamped to -87..=88.
    fn fast_exp<A: Arith>(self) -> Self;
    /// [`Self::ln`] for loops, likewise; of normal positive numbers.
    fn fast_ln<A: Arith>(self) -> Self;
    /// The thread's, for [`with_scratch`](super::kernels::with_scratch).
    fn scratch() -> &'static LocalKey<Shelf<Self>>;
}

macro_rules! real {
    ($t:ty, $mantissa:expr, $exp:expr, $ln:expr) => {
        impl Real for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const INTEGERS: Self = 1.5 * (1_u64 << $mantissa) as $t;
            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn fma(self, factor: Self, addend: Self) -> Self {
                self.mul_add(factor, addend)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                <$t>::exp(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                <$t>::ln(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                <$t>::tanh(self)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                <$t>::floor(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$t>::abs(self)
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                if self > other { self } else { other }
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                if self < other { self } else { other }
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$t>::sqrt(self)
            }
            #[inline(always)]
            fn fast_exp<A: Arith>(self) -> Self {
                $exp(self)
            }
            #[inline(always)]
            fn fast_ln<A: Arith>(self) -> Self {
                $ln(self)
            }
            fn scratch() -> &'static LocalKey<Shelf<Self>> {
                thread_local!(static SHELF: Shelf<$t> = const { Shelf::new(Vec::new()) });
                &SHELF
            }
        }
    };
}

real!(f32, 23, exp_with::<A>, ln_with::<A>);
real!(f64, 52, f64::exp, f64::ln);
