//! The gradient of a convolution's weights: sums over a row of products of taps and output gradients.

use super::gemm::block;
use super::{Arith, Job, LANES, Lanes, Taps, dispatch, fma_lanes};
use crate::autodiff::Real;

/// `sums[k][o] += sum_x tap_k[x] * gradient_o[x]`, kept as one partial sum for each lane.
///
/// Covers `rows` rows of `width` columns; from one to the next the taps are `taps_stride` apart. Gradient `o` of row `r`
/// starts at `gradient[r * gradient_stride + o * plane]`.
#[derive(Clone, Copy)]
pub struct Outer<'a, T> {
    /// The convolution's inputs. The columns read are `0..width`.
    pub taps: Taps<'a, T>,
    /// The gradient of the convolution's outputs.
    pub gradient: &'a [T],
    /// Between rows of the taps.
    pub taps_stride: usize,
    /// Between rows of the gradient.
    pub gradient_stride: usize,
    /// Between channels of the gradient.
    pub plane: usize,
    /// Channels of the gradient.
    pub outputs: usize,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub width: usize,
}

/// Does it. `sums` is `[tap][output]`.
#[inline]
pub fn row_outer<T: Real>(outer: Outer<'_, T>, sums: &mut [[T; LANES]]) {
    dispatch(RowOuter(outer, sums));
}

pub(super) struct RowOuter<'a, T>(pub Outer<'a, T>, pub &'a mut [[T; LANES]]);

impl<T: Real> Job for RowOuter<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let RowOuter(outer, sums) = self;
        let mut first = 0;
        while first < outer.outputs {
            let m = block(outer.outputs - first);
            match m {
                6 => outer.tiles::<A, 2, 6>(first, sums),
                5 => outer.tiles::<A, 2, 5>(first, sums),
                4 => outer.tiles::<A, 3, 4>(first, sums),
                3 => outer.tiles::<A, 3, 3>(first, sums),
                2 => outer.tiles::<A, 3, 2>(first, sums),
                // A depthwise convolution has one output: all its nine taps at once keep the FMA units busy.
                _ => outer.tiles::<A, 9, 1>(first, sums),
            }
            first += m;
        }
    }
}

impl<T: Real> Outer<'_, T> {
    /// All taps, `K` at a time while as many are left.
    #[inline(always)]
    fn tiles<A: Arith, const K: usize, const M: usize>(&self, first: usize, sums: &mut [[T; LANES]]) {
        let mut k = 0;
        while k + K <= self.taps.offsets.len() {
            self.tile::<A, K, M>(k, first, sums);
            k += K;
        }
        while k < self.taps.offsets.len() {
            self.tile::<A, 1, M>(k, first, sums);
            k += 1;
        }
    }

    /// Taps `k..k + K` and outputs `o..o + M`.
    #[inline(always)]
    fn tile<A: Arith, const K: usize, const M: usize>(&self, k: usize, o: usize, sums: &mut [[T; LANES]]) {
        let mut acc = [[[T::ZERO; LANES]; M]; K];
        let vectors = self.width / LANES;
        for row in 0..self.rows {
            let mut taps: [&[T]; K] = [&[]; K];
            unroll!(I < K => {
                let at = self.taps.start + row * self.taps_stride + self.taps.offsets[k + I];
                taps[I] = &self.taps.source[at..][..self.width];
            });
            let mut gradients: [&[T]; M] = [&[]; M];
            unroll!(J < M => {
                let at = row * self.gradient_stride + (o + J) * self.plane;
                gradients[J] = &self.gradient[at..][..self.width];
            });
            // Of one length that the compiler knows to be one.
            let mut whole_taps: [&[Lanes<T>]; K] = [&[]; K];
            unroll!(I < K => { whole_taps[I] = &taps[I].as_chunks::<LANES>().0[..vectors]; });
            let mut whole_gradients: [&[Lanes<T>]; M] = [&[]; M];
            unroll!(J < M => { whole_gradients[J] = &gradients[J].as_chunks::<LANES>().0[..vectors]; });
            for x in 0..vectors {
                // The taps stay in registers while the gradients come one by one: the other order spills.
                let mut tap = [[T::ZERO; LANES]; K];
                unroll!(I < K => { tap[I] = whole_taps[I][x]; });
                unroll!(J < M => {
                    let gradient = whole_gradients[J][x];
                    unroll!(I < K => { acc[I][J] = fma_lanes::<T, A>(&tap[I], &gradient, &acc[I][J]); });
                });
            }
            if !self.width.is_multiple_of(LANES) {
                let mut tap = [[T::ZERO; LANES]; K];
                unroll!(I < K => { tap[I] = lanes_from(&taps[I][vectors * LANES..]); });
                unroll!(J < M => {
                    let gradient = lanes_from(&gradients[J][vectors * LANES..]);
                    unroll!(I < K => { acc[I][J] = fma_lanes::<T, A>(&tap[I], &gradient, &acc[I][J]); });
                });
            }
        }
        unroll!(I < K => { unroll!(J < M => {
            let sum = &mut sums[(k + I) * self.outputs + o + J];
            *sum = fma_lanes::<T, A>(&acc[I][J], &[T::ONE; LANES], sum);
        }); });
    }
}

/// The last few items of a row, then zeros. Not inlined: else LLVM takes the vectors of the main loop apart.
#[inline(never)]
fn lanes_from<T: Real>(items: &[T]) -> Lanes<T> {
    let mut lanes = [T::ZERO; LANES];
    lanes[..items.len()].copy_from_slice(items);
    lanes
}

#[cfg(test)]
mod tests {
    use super::super::portable;
    use super::*;

    fn check<T: Real>(run: impl Fn(RowOuter<'_, T>), tolerance: f64) {
        let noise = |i: usize| ((i * 7919 + 13) % 1009) as f64 / 1009.0 - 0.5;
        for width in [1, 5, 8, 13, 24, 43] {
            for outputs in 1..=9 {
                for taps in [1, 3, 4, 9] {
                    let (rows, stride) = (2, width + 1);
                    let source: Vec<T> = (0..taps * rows * stride).map(|i| T::of(noise(i))).collect();
                    let gradient: Vec<T> = (0..outputs * rows * stride).map(|i| T::of(noise(i + 77))).collect();
                    let plane = rows * stride;
                    let offsets: Vec<usize> = (0..taps).map(|k| k * plane).collect();
                    let taps_at = Taps { source: &source, offsets: &offsets, start: 1 };
                    let outer = Outer {
                        taps: taps_at,
                        taps_stride: stride,
                        gradient: &gradient,
                        gradient_stride: stride,
                        plane,
                        outputs,
                        rows,
                        width,
                    };
                    let mut sums = vec![[T::of(0.125); LANES]; taps * outputs];
                    run(RowOuter(outer, &mut sums));
                    for k in 0..taps {
                        for o in 0..outputs {
                            let mut wanted = 1.0;
                            for row in 0..rows {
                                for x in 0..width {
                                    wanted += source[k * plane + row * stride + 1 + x].to_f64()
                                        * gradient[o * plane + row * stride + x].to_f64();
                                }
                            }
                            let got: f64 = sums[k * outputs + o].iter().map(|s| s.to_f64()).sum();
                            assert!((got - wanted).abs() < tolerance, "{width} {outputs} {taps}: {got} {wanted}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_width_and_number_of_outputs() {
        check::<f64>(|job| dispatch(job), 1e-12);
        check::<f32>(|job| dispatch(job), 2e-5);
    }

    #[test]
    fn portable_code_agrees() {
        check::<f64>(|job| portable(job), 1e-12);
        check::<f32>(|job| portable(job), 2e-5);
    }
}
