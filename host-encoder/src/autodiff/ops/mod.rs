//! The operations, one a file.

mod affine;
mod centre;
#[cfg(test)]
mod check;
mod concat;
mod conv;
mod difference_rate;
mod dissimilarity;
mod distortion;
mod fake_quant;
mod grid_frame;
mod hidden;
pub mod loop_filter;
mod mean;
mod octree;
pub mod octree_rate;
mod reconstruct;
mod soft_round;
mod tensor_rate;
mod upsample;
mod warp;
mod weighted_sum;

pub use affine::Affine;
pub use centre::Centre;
pub use concat::Concat;
pub use conv::{ACTIVATION_LIMIT, Conv, ConvKind};
pub use difference_rate::DifferenceRate;
pub use dissimilarity::Dissimilarity;
pub use distortion::Distortion;
pub use fake_quant::FakeQuant;
pub use grid_frame::GridFrame;
pub use hidden::Hidden;
pub use loop_filter::LoopFilter;
pub use mean::Mean;
pub use reconstruct::Reconstruct;
pub use soft_round::{LIMIT as LATENT_LIMIT, SoftRound};
pub use tensor_rate::TensorRate;
pub use upsample::Upsample2;
pub use warp::{Interpolation, Warp};
pub use weighted_sum::WeightedSum;

use ndarray::ArrayD;

use super::Real;

/// The items in memory order; all arrays of a tape are contiguous.
fn items<T>(array: &ArrayD<T>) -> &[T] {
    array.as_slice().expect("the arrays of a tape are contiguous")
}

/// As [`items`].
pub(super) fn items_mut<T>(array: &mut ArrayD<T>) -> &mut [T] {
    array.as_slice_mut().expect("the arrays of a tape are contiguous")
}

/// The three extents of a `[channels, height, width]` array.
fn planes(shape: &[usize]) -> [usize; 3] {
    shape.try_into().expect("an array of channels, rows and columns")
}

/// The format's rounding.
#[inline(always)]
fn round_half_up<T: Real>(x: T) -> T {
    (x + T::of(0.5)).floor()
}

/// The way back through a clip of code values to 0..=255, `y` being the clipped value: at the limits a gradient passes
/// only if a step against it goes inside, so that clipped samples neither drift away nor are lost.
#[inline(always)]
fn pass_clip<T: Real>(y: T, gradient: T) -> T {
    let outwards = ((y <= T::ZERO) & (gradient > T::ZERO)) | ((y >= T::of(255.0)) & (gradient < T::ZERO));
    if outwards { T::ZERO } else { gradient }
}
