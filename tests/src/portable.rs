//! The codec without the kernels of any processor.

use decoder_core::synthesis::{Arithmetic, Integer};

/// [`Integer`] with portable rows: what every processor's kernels have to be equal to.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

impl Arithmetic for Portable {
    type Activation = i16;
    type Sum = i32;

    fn latent(gain: u16, before: i8, after: i8, m: u32, log2: u32) -> i16 {
        Integer::latent(gain, before, after, m, log2)
    }

    fn sample(prediction: u8) -> i16 {
        Integer::sample(prediction)
    }

    fn column(near: i16, far: i16) -> i32 {
        Integer::column(near, far)
    }

    fn upsample(near: i32, far: i32) -> i16 {
        Integer::upsample(near, far)
    }

    fn start(start: i32) -> i32 {
        Integer::start(start)
    }

    fn multiply_add(sum: i32, activation: i16, weight: i16) -> i32 {
        Integer::multiply_add(sum, activation, weight)
    }

    fn finish(sum: i32, shift: u32, residual: Option<i16>, relu: bool) -> i16 {
        Integer::finish(sum, shift, residual, relu)
    }

    fn code_value(activation: i16) -> i32 {
        Integer::code_value(activation)
    }
}
