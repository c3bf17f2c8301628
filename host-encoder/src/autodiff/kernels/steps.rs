//! Rounding to what the decoder computes with.

use crate::autodiff::Real;

/// Steps of the format's activations in one unit, Q3.12 in 16 bits.
const STEPS: f64 = 4096.0;
/// Less than half of what sums of products of weights and activations differ by, in units: brings halves over the threshold.
const TIE: f64 = 1.0 / (1 << 20) as f64;

/// Rounding to steps of the decoder's activations, halves up; or none, at the same cost.
///
/// Weights, biases, gains and activations of a quantised network are multiples of powers of two, and `f32` holds their sums exactly: with
/// this in all its layers the tape gives the integer decoder's activations, bit for bit.
#[derive(Clone, Copy, Debug)]
pub struct Steps<T> {
    tie: T,
    /// A number so large that its neighbours are a step away; 0 for no rounding.
    large: T,
}

impl<T: Real> Steps<T> {
    /// With a control above 0, rounding.
    pub fn new(control: T) -> Self {
        match control > T::ZERO {
            true => Self { tie: T::of(TIE), large: T::INTEGERS / T::of(STEPS) },
            false => Self { tie: T::ZERO, large: T::ZERO },
        }
    }

    /// Whether there is any rounding.
    #[inline(always)]
    pub fn are_rounded(self) -> bool {
        self.large > T::ZERO
    }

    /// The nearest step to `x`. Magnitudes beyond those of activations are rounded to more than a step.
    #[inline(always)]
    pub fn round(self, x: T) -> T {
        x + self.tie + self.large - self.large
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Real + std::fmt::Debug>() {
        let steps = Steps::new(T::ONE);
        for n in -8 * 4096 * 64..8 * 4096 * 64_i32 {
            let x = T::of(f64::from(n) / (64.0 * STEPS));
            assert_eq!(steps.round(x), T::of(f64::from((n + 32) >> 6) / STEPS), "{x:?}");
            assert_eq!(Steps::new(T::ZERO).round(x), x);
        }
    }

    #[test]
    fn rounds_sums_of_products_as_the_decoder_does() {
        check::<f32>();
        check::<f64>();
    }
}
