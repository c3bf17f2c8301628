//! A row of a convolution: `out[o][x] = b[o] + sum_k w[k][o] * tap_k[x]`.
//!
//! The same kernel computes the gradient of the inputs, with transposed and flipped weights.

use super::{Arith, Job, LANES, Lanes, Steps, dispatch, fma_lanes, lanes_at, map_lanes};
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
    /// Overwrite the output with `clamp(round(bias[o] + sum), low, high)`; without biases the slice is empty.
    Store {
        /// One for each output, or none.
        bias: &'a [T],
        /// How the sum is rounded.
        steps: Steps<T>,
        /// Lower limit.
        low: T,
        /// Upper limit.
        high: T,
    },
    /// Overwrite the output with the sum where `low < gate < high`, else with 0: the way back through a clamp. The gate of
    /// output `o` in column `x` of the row is `gates[o * plane + x]`.
    Gate {
        /// What was clamped.
        gates: &'a [T],
        /// Between the outputs' gates.
        plane: usize,
        /// Lower limit.
        low: T,
        /// Upper limit.
        high: T,
    },
    /// Overwrite the output with the sum.
    Set,
    /// Add to the output.
    Add,
}

impl<'a, T: Copy> Finish<'a, T> {
    /// The same for the `count` outputs from `first` on.
    fn of(self, first: usize, count: usize) -> Self {
        match self {
            Finish::Store { bias, steps, low, high } => {
                Finish::Store { bias: bias.get(first..first + count).unwrap_or(&[]), steps, low, high }
            }
            Finish::Gate { gates, plane, low, high } => {
                Finish::Gate { gates: &gates[first * plane..], plane, low, high }
            }
            Finish::Set | Finish::Add => self,
        }
    }
}

/// Outputs that are computed together, when `left` are to do: 4 with 3 vectors each where possible, 5 or 6 with 2, since 12 accumulators and what they are made
/// from fill AVX2's 16 registers.
#[inline(always)]
pub(super) fn block(left: usize) -> usize {
    match left {
        3 | 5 | 6 => left,
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
                finish: self.finish.of(first, m),
                outputs: &mut self.outputs[first..first + m],
                at: self.at,
                width: self.width,
            };
            match m {
                6 => strip.run::<A, 6, 2>(),
                5 => strip.run::<A, 5, 2>(),
                4 => strip.run::<A, 4, 3>(),
                3 => strip.run::<A, 3, 3>(),
                2 => strip.run::<A, 2, 4>(),
                _ => strip.run::<A, 1, 8>(),
            }
            first += m;
        }
    }
}

/// The sums where their gates are within limits, else 0.
#[inline(always)]
fn gated<T: Real>(sums: &Lanes<T>, gates: &Lanes<T>, [low, high]: [T; 2]) -> Lanes<T> {
    let gated = |lane: usize| if (gates[lane] > low) & (gates[lane] < high) { sums[lane] } else { T::ZERO };
    [gated(0), gated(1), gated(2), gated(3), gated(4), gated(5), gated(6), gated(7)]
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
                Finish::Store { .. } | Finish::Gate { .. } | Finish::Set if self.width >= LANES => {
                    self.tile::<A, M, 1>(self.width - LANES)
                }
                _ => self.tail::<A, M>(x),
            }
        }
    }

    #[inline(always)]
    fn bias(&self, output: usize) -> T {
        match self.finish {
            Finish::Store { bias, .. } => bias.get(output).copied().unwrap_or(T::ZERO),
            _ => T::ZERO,
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
            Finish::Store { steps, low, high, .. } if !steps.are_rounded() => unroll!(I < M => {
                let target = &mut self.outputs[I][self.at + x..][..N * LANES];
                unroll!(J < N => {
                    target[J * LANES..][..LANES].copy_from_slice(&map_lanes(&sums[I][J], |s| s.max(low).min(high)));
                });
            }),
            Finish::Store { steps, low, high, .. } => unroll!(I < M => {
                let target = &mut self.outputs[I][self.at + x..][..N * LANES];
                unroll!(J < N => {
                    let sum = &sums[I][J];
                    target[J * LANES..][..LANES].copy_from_slice(&map_lanes(sum, |s| steps.round(s).max(low).min(high)));
                });
            }),
            Finish::Gate { gates, plane, low, high } => unroll!(I < M => {
                let target = &mut self.outputs[I][self.at + x..][..N * LANES];
                let gates = &gates[I * plane + x..][..N * LANES];
                unroll!(J < N => {
                    let gated = gated(&sums[I][J], &lanes_at(gates, J * LANES), [low, high]);
                    target[J * LANES..][..LANES].copy_from_slice(&gated);
                });
            }),
            Finish::Set => unroll!(I < M => {
                let target = &mut self.outputs[I][self.at + x..][..N * LANES];
                unroll!(J < N => { target[J * LANES..][..LANES].copy_from_slice(&sums[I][J]); });
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
            for (column, (target, &sum)) in self.outputs[i][self.at + x..][..columns].iter_mut().zip(&sums).enumerate()
            {
                *target = match self.finish {
                    Finish::Store { steps, low, high, .. } => steps.round(sum).max(low).min(high),
                    Finish::Gate { gates, plane, low, high } => {
                        gated(&[sum; LANES], &[gates[i * plane + x + column]; LANES], [low, high])[0]
                    }
                    Finish::Set => sum,
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
                let gates: Vec<T> = noise(outputs * width + 20)[20..].iter().map(|&gate| T::of(gate)).collect();
                let (low, high) = (T::of(-0.3), T::of(0.4));
                let finishes = [
                    Finish::Store { bias: &bias, steps: Steps::new(T::ZERO), low, high },
                    Finish::Store { bias: &bias, steps: Steps::new(T::ONE), low, high },
                    Finish::Gate { gates: &gates, plane: width, low, high },
                    Finish::Set,
                    Finish::Add,
                ];
                for finish in finishes {
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
                                wanted = match finish {
                                    Finish::Store { steps, .. } => {
                                        steps.round(T::of(sum + bias[o].to_f64())).to_f64().clamp(-0.3, 0.4)
                                    }
                                    Finish::Gate { .. } => {
                                        let gate = gates[o * width + x - 2].to_f64();
                                        if gate > -0.3 && gate < 0.4 { sum } else { 0.0 }
                                    }
                                    Finish::Set => sum,
                                    Finish::Add => 1.0 + sum,
                                };
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
