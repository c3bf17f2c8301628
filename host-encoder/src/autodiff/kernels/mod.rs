//! The inner loops: planar rows with the pixels in the SIMD lanes, generic over the scalar.
//!
//! Everything is ordinary Rust on fixed-size arrays, which LLVM turns into vector code. [`dispatch`] chooses at run time
//! between a copy compiled for AVX2 and FMA and a portable one; it is the only place with `unsafe` code.

/// Repeats a block with a constant `I` = 0, 1, 2, ... below `N` (at most 9), without a loop: an array that is only indexed
/// by constants lives in registers, whereas LLVM does not unroll nests of loops as large as ours before it decides that.
macro_rules! unroll {
    ($i:ident < $n:expr => $body:block) => {
        unroll!(@each $i, $n, $body, 0 1 2 3 4 5 6 7 8)
    };
    (@each $i:ident, $n:expr, $body:block, $($value:literal)*) => {
        {
            $({
                const $i: usize = $value;
                if $i < $n $body
            })*
        }
    };
}

mod bands;
mod bench;
mod dispatch;
mod elementwise;
mod fast_math;
mod gemm;
mod outer;
mod scratch;
mod steps;

pub use bands::{MAX_BANDS, MAX_CHANNELS, band_count, band_range, chunked, for_each_band, split_planes};
pub use bench::{measure_peak, measure_row_gemm, measure_row_outer};
pub use dispatch::{Arith, Fused, Job, Plain, dispatch, portable};
pub use elementwise::{add_assign, dot, mask_open, squared_distance, sub_assign, sum};
pub use fast_math::{exp_f32, exp_with, ln_f32, ln_with};
pub use gemm::{Finish, Taps, pack, row_gemm};
pub use outer::{Outer, row_outer};
pub use scratch::{Shelf, with_scratch};
pub use steps::Steps;

use super::Real;

/// Elements that the kernels treat as one vector: an AVX2 register of `f32`, two NEON ones.
pub const LANES: usize = 8;

/// A vector.
pub(crate) type Lanes<T> = [T; LANES];

/// `a * b + c` in every lane.
#[inline(always)]
pub(crate) fn fma_lanes<T: Real, A: Arith>(a: &Lanes<T>, b: &Lanes<T>, c: &Lanes<T>) -> Lanes<T> {
    [
        A::fma(a[0], b[0], c[0]),
        A::fma(a[1], b[1], c[1]),
        A::fma(a[2], b[2], c[2]),
        A::fma(a[3], b[3], c[3]),
        A::fma(a[4], b[4], c[4]),
        A::fma(a[5], b[5], c[5]),
        A::fma(a[6], b[6], c[6]),
        A::fma(a[7], b[7], c[7]),
    ]
}

/// `f` of every lane.
#[inline(always)]
pub(crate) fn map_lanes<T: Real>(a: &Lanes<T>, f: impl Fn(T) -> T) -> Lanes<T> {
    [f(a[0]), f(a[1]), f(a[2]), f(a[3]), f(a[4]), f(a[5]), f(a[6]), f(a[7])]
}

/// The vector that starts at `row[x]`.
#[inline(always)]
pub(crate) fn lanes_at<T: Real>(row: &[T], x: usize) -> Lanes<T> {
    let vector = &row[x..x + LANES];
    vector.as_chunks::<LANES>().0[0]
}
