//! The float twin: the same graph with the same parameters, and activations that are not rounded.
//!
//! Pictures are 8-bit in both, so are predictions; what differs is the error of 16-bit activations alone.

#![allow(clippy::float_arithmetic)]

use super::Arithmetic;
use crate::fixed::CODE_VALUE_SHIFT;

/// 32-bit float activations, in units of the integer ones.
#[derive(Clone, Copy, Debug)]
pub struct Float;

const HIGHEST: f32 = 32767.0;
const LOWEST: f32 = -32768.0;

/// `2^-shift`.
fn scale(shift: u32) -> f32 {
    libm::ldexpf(1.0, -(shift as i32))
}

impl Arithmetic for Float {
    type Activation = f32;
    type Sum = f32;

    fn latent(gain: u16, before: i8, after: i8, m: u32, log2: u32) -> f32 {
        let part = m as f32 * scale(log2);
        let part = if log2 == 0 { 1.0 } else { part };
        (f32::from(gain) * ((1.0 - part) * f32::from(before) + part * f32::from(after))).clamp(LOWEST, HIGHEST)
    }

    fn sample(prediction: u8) -> f32 {
        (f32::from(prediction) - 128.0) * scale(0) * (1 << CODE_VALUE_SHIFT) as f32
    }

    fn column(near: f32, far: f32) -> f32 {
        3.0 * near + far
    }

    fn upsample(near: f32, far: f32) -> f32 {
        (3.0 * near + far) * scale(4)
    }

    fn start(start: i32) -> f32 {
        start as f32
    }

    fn multiply_add(sum: f32, activation: f32, weight: i16) -> f32 {
        sum + activation * f32::from(weight)
    }

    fn finish(sum: f32, shift: u32, residual: Option<f32>, relu: bool) -> f32 {
        let y = (sum * scale(shift)).clamp(LOWEST, HIGHEST);
        let y = residual.map_or(y, |x| (x + y).clamp(LOWEST, HIGHEST));
        if relu { y.max(0.0) } else { y }
    }

    fn code_value(activation: f32) -> i32 {
        libm::floorf(activation * scale(CODE_VALUE_SHIFT) + 0.5) as i32
    }
}
