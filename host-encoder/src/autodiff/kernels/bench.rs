//! Measurements of the kernels, for `xtask bench train`.

use std::hint::black_box;
use std::time::Instant;

use super::{Arith, Finish, Job, LANES, Outer, Steps, Taps, dispatch, pack, row_gemm, row_outer};
use crate::autodiff::Real;

/// Independent accumulators of the peak probe: more than latency times throughput, fewer than registers.
const CHAINS: usize = 10;

struct Peak {
    rounds: usize,
}

impl Job for Peak {
    type Output = [[f32; LANES]; CHAINS];
    #[inline(always)]
    fn run<A: Arith>(self) -> Self::Output {
        let mut acc = [[1.0; LANES]; CHAINS];
        let factor = black_box([0.999_999; LANES]);
        let addend = black_box([1e-6; LANES]);
        for _ in 0..self.rounds {
            for chain in &mut acc {
                for l in 0..LANES {
                    chain[l] = A::fma(chain[l], factor[l], addend[l]);
                }
            }
        }
        acc
    }
}

/// Best of `runs` timings of `work`, in floating-point operations a second.
fn best(runs: usize, flops: u64, mut work: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..runs {
        let start = Instant::now();
        work();
        least = least.min(start.elapsed().as_secs_f64());
    }
    flops as f64 / least
}

/// Peak of all threads of the current pool together, FLOP/s of `f32`: FMAs on registers. It is what the other
/// measurements are to be compared with.
pub fn measure_peak() -> f64 {
    let rounds = 200_000;
    let flops = rounds * CHAINS * LANES * 2 * rayon::current_num_threads();
    best(40, flops as u64, || {
        rayon::broadcast(|_| {
            black_box(dispatch(Peak { rounds: black_box(rounds) }));
        });
    })
}

/// Places of the taps of a convolution with `size` x `size` filters, in planes of rows of `stride`.
fn offsets(inputs: usize, size: usize, plane: usize, stride: usize) -> Vec<usize> {
    let taps = (0..inputs * size * size).map(|k| (k / (size * size), k % (size * size)));
    taps.map(|(c, tap)| c * plane + tap / size * stride + tap % size).collect()
}

/// FLOP/s of one core for the forward rows of a convolution with `size` x `size` filters over a `width` x `height` plane.
pub fn measure_row_gemm(inputs: usize, outputs: usize, size: usize, width: usize, height: usize) -> f64 {
    let stride = width + size - 1;
    let plane = stride * (height + size - 1);
    let source = vec![0.5_f32; inputs * plane];
    let offsets = offsets(inputs, size, plane, stride);
    let taps = offsets.len();
    let mut packed = vec![f32::ZERO; taps * outputs];
    pack(taps, outputs, &mut packed, |_, _| 0.01);
    let mut storage = vec![0.0_f32; outputs * width * height];
    let mut rows: Vec<&mut [f32]> = storage.chunks_mut(width * height).collect();
    let flops = 2 * width * height * taps * outputs;
    best(50, flops as u64, || {
        for y in 0..height {
            let taps = Taps { source: &source, offsets: &offsets, start: y * stride };
            let finish = Finish::Store { bias: &[], steps: Steps::new(0.0), low: -32.0, high: 32.0 };
            row_gemm(taps, &packed, finish, &mut rows, y * width, width);
        }
        black_box(&mut rows);
    })
}

/// FLOP/s of one core for the weight gradient of the same convolution, `rows` rows in a call.
pub fn measure_row_outer(inputs: usize, outputs: usize, size: usize, width: usize, height: usize, rows: usize) -> f64 {
    let stride = width + size - 1;
    let plane = stride * (height + size - 1);
    let source = vec![0.5_f32; inputs * plane];
    let gradient = vec![0.5_f32; outputs * width * height];
    let offsets = offsets(inputs, size, plane, stride);
    let taps = offsets.len();
    let mut sums = vec![[0.0_f32; LANES]; taps * outputs];
    let flops = 2 * width * height * taps * outputs;
    best(50, flops as u64, || {
        for y in (0..height).step_by(rows) {
            let outer = Outer {
                taps: Taps { source: &source, offsets: &offsets, start: y * stride },
                taps_stride: stride,
                gradient: &gradient[y * width..],
                gradient_stride: width,
                plane: width * height,
                outputs,
                rows: rows.min(height - y),
                width,
            };
            row_outer(outer, &mut sums);
        }
        black_box(&mut sums);
    })
}
