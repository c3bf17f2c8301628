//! A row of a convolution: `out[o][x] = b[o] + sum_k w[k][o] * tap_k[x]`.
//!
//! The same kernel computes the gradient of the inputs, with transposed and flipped weights.

use super::{Arith, Job, LANES, dispatch, fma_lanes, lanes_at, map_lanes};
use crate::autodiff::Real;

/// What a row of outputs is computed from: tap `k` of column `x` is `source[start + offsets[k] + x]`. A 1x1 convolution has
/// one tap in each plane, a 3x3 one nine.
#[derive(Clone, Copy)]
pub struct Taps<'a, T> {
    /// Holds all taps.
    pub source: &'a [T],
    /// Place of each tap relative to `start`.
    pub offsets: &'a [usize],
    /// Place of the row.
    pub start: usize,
}

/// What becomes of the sums.
#[derive(Clone, Copy)]
pub enum Finish<'a, T> {
    /// Overwrite the output with `clamp(bias[o] + sum, low, high)`; without biases the slice is empty.
    Store {
        /// One for each output, or none.
        bias: &'a [T],
        /// Lower limit.
        low: T,
        /// Upper limit.
        high: T,
    },
    /// Add to the output.
    Add,
}

/// Outputs that are computed together, when `left` are to do: 4 where possible, since 4 outputs x 3 vectors of
/// accumulators fill AVX2's 16 registers, but 3 + 3 rather than 4 + 2, which waits for the latency of the FMAs.
#[inline(always)]
pub(super) fn block(left: usize) -> usize {
    match left {
        3 | 5 | 6 | 9 => 3,
        _ => left.min(4),
    }
}

/// Brings weights into the order in which [`row_gemm`] reads them: blocks of outputs, in each `[tap][output]`;
/// `packed` holds `taps * outputs` elements.
pub fn pack<T: Real>(taps: usize, outputs: usize, packed: &mut [T], weight: impl Fn(usize, usize) -> T) {
    let mut first = 0;
    while first < outputs {
        let m = block(outputs - first);
        let block = packed[first * taps..][..m * taps].chunks_exact_mut(m);
        for (k, items) in block.enumerate() {
            for (o, item) in items.iter_mut().enumerate() {
                *item = weight(k, first + o);
            }
        }
        first += m;
    }
}

/// Computes columns `at..at + width` of all `outputs` from columns `0..width` of the taps.
#[inline]
pub fn row_gemm<T: Real>(
    taps: Taps<'_, T>,
    packed: &[T],
    finish: Finish<'_, T>,
    outputs: &mut [&mut [T]],
    at: usize,
    width: usize,
) {
    dispatch(RowGemm { taps, packed, finish, outputs, at, width });
}

pub(super) struct RowGemm<'a, 'b, T> {
    pub taps: Taps<'a, T>,
    pub packed: &'a [T],
    pub finish: Finish<'a, T>,
    pub outputs: &'a mut [&'b mut [T]],
    pub at: usize,
    pub width: usize,
}

impl<T: Real> Job for RowGemm<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let taps = self.taps.offsets.len();
        let mut first = 0;
        while first < self.outputs.len() {
            let m = block(self.outputs.len() - first);
            let mut strip = Strip {
                taps: self.taps,
                packed: &self.packed[first * taps..][..m * taps],
                finish: match self.finish {
                    Finish::Store { bias, low, high } => {
                        Finish::Store { bias: bias.get(first..first + m).unwrap_or(&[]), low, high }
                    }
                    Finish::Add => Finish::Add,
                },
                outputs: &mut self.outputs[first..first + m],
                at: self.at,
                width: self.width,
            };
            match m {
                4 => strip.run::<A, 4, 3>(),
                3 => strip.run::<A, 3, 3>(),
                2 => strip.run::<A, 2, 4>(),
                _ => strip.run::<A, 1, 8>(),
            }
            first += m;
        }
    }
}

struct Strip<'a, 'b, T> {
    taps: Taps<'a, T>,
    packed: &'a [T],
    finish: Finish<'a, T>,
    outputs: &'a mut [&'b mut [T]],
    at: usize,
    width: usize,
}

/// `M` is the outputs, `N` the vectors at a time.
impl<T: Real> Strip<'_, '_, T> {
    #[inline(always)]
    fn run<A: Arith, const M: usize, const N: usize>(&mut self) {
        let mut x = 0;
        while x + N * LANES <= self.width {
            self.tile::<A, M, N>(x);
            x += N * LANES;
        }
        while x + 2 * LANES <= self.width {
            self.tile::<A, M, 2>(x);
            x += 2 * LANES;
        }
        while x + LANES <= self.width {
            self.tile::<A, M, 1>(x);
            x += LANES;
        }
        if x < self.width {
            match self.finish {
                // The last whole vector, whose beginning is computed twice.
                Finish::Store { .. } if self.width >= LANES => self.tile::<A, M, 1>(self.width - LANES),
                _ => self.tail::<A, M>(x),
            }
        }
    }

    #[inline(always)]
    fn bias(&self, output: usize) -> T {
        match self.finish {
            Finish::Store { bias, .. } => bias.get(output).copied().unwrap_or(T::ZERO),
            Finish::Add => T::ZERO,
        }
    }

    #[inline(always)]
    fn tile<A: Arith, const M: usize, const N: usize>(&mut self, x: usize) {
        let mut sums = [[[T::ZERO; LANES]; N]; M];
        unroll!(I < M => { sums[I] = [[self.bias(I); LANES]; N]; });
        let at = self.taps.start + x;
        for (&offset, weights) in self.taps.offsets.iter().zip(self.packed.as_chunks::<M>().0) {
            let row = &self.taps.source[at + offset..][..N * LANES];
            let mut vectors = [[T::ZERO; LANES]; N];
            unroll!(J < N => { vectors[J] = lanes_at(row, J * LANES); });
            unroll!(I < M => {
                let weight = [weights[I]; LANES];
                unroll!(J < N => { sums[I][J] = fma_lanes::<T, A>(&vectors[J], &weight, &sums[I][J]); });
            });
        }
        match self.finish {
            Finish::Store { low, high, .. } => unroll!(I < M => {
                let target = &mut self.outputs[I][self.at + x..][..N * LANES];
                unroll!(J < N => {
                    let sum = &sums[I][J];
                    target[J * LANES..][..LANES].copy_from_slice(&map_lanes(sum, |s| s.max(low).min(high)));
                });
            }),
            Finish::Add => unroll!(I < M => {
                let target = &mut self.outputs[I][self.at + x..][..N * LANES];
                unroll!(J < N => {
                    let old = lanes_at(target, J * LANES);
                    let new = fma_lanes::<T, A>(&sums[I][J], &[T::ONE; LANES], &old);
                    target[J * LANES..][..LANES].copy_from_slice(&new);
                });
            }),
        }
    }

    /// The columns from `x` on, fewer than a vector.
    #[inline(always)]
    fn tail<A: Arith, const M: usize>(&mut self, x: usize) {
        for i in 0..M {
            let mut sums = [self.bias(i); LANES];
            let columns = self.width - x;
            for (&offset, weights) in self.taps.offsets.iter().zip(self.packed.as_chunks::<M>().0) {
                let row = &self.taps.source[self.taps.start + offset + x..][..columns];
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum = A::fma(value, weights[i], *sum);
                }
            }
            for (target, &sum) in self.outputs[i][self.at + x..][..columns].iter_mut().zip(&sums) {
                *target = match self.finish {
                    Finish::Store { low, high, .. } => sum.max(low).min(high),
                    Finish::Add => *target + sum,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::portable;
    use super::*;

    /// Inputs that no two taps share.
    fn noise(n: usize) -> Vec<f64> {
        (0..n).map(|i| ((i * 7919 + 13) % 1009) as f64 / 1009.0 - 0.5).collect()
    }

    fn check<T: Real>(run: impl Fn(RowGemm<'_, '_, T>), tolerance: f64) {
        for width in [1, 3, 7, 8, 9, 15, 16, 23, 24, 31, 47, 88, 131] {
            for outputs in 1..=11 {
                let (taps, stride) = (5, width + 3);
                let offsets: Vec<usize> = (0..taps).map(|k| k * stride).collect();
                let source: Vec<T> = noise(taps * stride).into_iter().map(T::of).collect();
                let weights: Vec<T> = noise(taps * outputs + 50)[50..].iter().map(|&w| T::of(w)).collect();
                let bias: Vec<T> = noise(outputs).into_iter().map(T::of).collect();
                let mut packed = vec![T::ZERO; taps * outputs];
                pack(taps, outputs, &mut packed, |k, o| weights[k * outputs + o]);
                for add in [false, true] {
                    let (low, high) = (T::of(-0.3), T::of(0.4));
                    let finish = if add { Finish::Add } else { Finish::Store { bias: &bias, low, high } };
                    let mut storage = vec![vec![T::ONE; width + 4]; outputs];
                    let mut rows: Vec<&mut [T]> = storage.iter_mut().map(Vec::as_mut_slice).collect();
                    let taps_at = Taps { source: &source, offsets: &offsets, start: 3 };
                    run(RowGemm { taps: taps_at, packed: &packed, finish, outputs: &mut rows, at: 2, width });
                    for (o, row) in storage.iter().enumerate() {
                        for (x, value) in row.iter().enumerate() {
                            let mut wanted = 1.0;
                            if (2..width + 2).contains(&x) {
                                let sum: f64 = (0..taps)
                                    .map(|k| {
                                        weights[k * outputs + o].to_f64() * source[k * stride + 3 + x - 2].to_f64()
                                    })
                                    .sum();
                                wanted = if add { 1.0 + sum } else { (sum + bias[o].to_f64()).clamp(-0.3, 0.4) };
                            }
                            assert!((value.to_f64() - wanted).abs() < tolerance, "{width} {outputs} {o} {x}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_width_and_number_of_outputs() {
        check::<f64>(|job| dispatch(job), 1e-12);
        check::<f32>(|job| dispatch(job), 1e-6);
    }

    #[test]
    fn portable_code_agrees() {
        check::<f64>(|job| portable(job), 1e-12);
        check::<f32>(|job| portable(job), 1e-6);
    }
}
