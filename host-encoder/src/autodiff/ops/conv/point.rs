//! 1x1 convolutions: the sites of a plane are one long row.

use super::{Backward, Band, Forward, Layout, Shape};
use crate::autodiff::Real;
use crate::autodiff::kernels::{Finish, MAX_CHANNELS, Outer, Taps, mask_open, row_gemm, row_outer, sum, with_scratch};

/// Sites that are taken through all kernels before the next: what belongs to them stays in the first-level cache.
const CHUNK: usize = 192;

pub(super) fn layout(shape: &Shape) -> Layout {
    Layout {
        inputs: (0..shape.inputs).map(|c| c * shape.sites()).collect(),
        gradients: (0..shape.outputs).map(|c| c * CHUNK).collect(),
        longest: 0,
        stride: 0,
    }
}

pub(super) fn forward<T: Real>(pass: &Forward<'_, T>, band: &Band<T>, outputs: &mut [&mut [T]; MAX_CHANNELS]) {
    let (low, high) = pass.limits;
    let finish = Finish::Store { bias: pass.bias, steps: pass.steps, low, high };
    for start in band.range.clone().step_by(CHUNK) {
        let taps = Taps { source: pass.x, offsets: &pass.layout.inputs, start };
        let width = CHUNK.min(band.range.end - start);
        row_gemm(taps, pass.packed, finish, &mut outputs[..pass.shape.outputs], start - band.range.start, width);
    }
}

pub(super) fn backward<T: Real>(pass: &Backward<'_, T>, band: &mut Band<T>, x_gradient: &mut [&mut [T]; MAX_CHANNELS]) {
    with_scratch([pass.shape.outputs * CHUNK], |[gradient]| backward_in(gradient, pass, band, x_gradient));
}

/// `gradient` is that of the outputs, `[channel][CHUNK]`.
fn backward_in<T: Real>(
    gradient: &mut [T],
    pass: &Backward<'_, T>,
    band: &mut Band<T>,
    x_gradient: &mut [&mut [T]; MAX_CHANNELS],
) {
    let Shape { inputs, outputs, .. } = pass.shape;
    let sites = pass.shape.sites();
    let (low, high) = pass.limits;
    let [wants_x, wants_weights, wants_bias] = pass.wants;
    for start in band.range.clone().step_by(CHUNK) {
        let width = CHUNK.min(band.range.end - start);
        for (o, row) in gradient.chunks_exact_mut(CHUNK).enumerate() {
            let row = &mut row[..width];
            let at = o * sites + start;
            mask_open(row, &pass.y_gradient[at..][..width], &pass.y[at..][..width], low, high);
            if wants_bias {
                band.bias[o] += sum(row);
            }
        }
        if wants_weights {
            let outer = Outer {
                taps: Taps { source: pass.x, offsets: &pass.layout.inputs, start },
                taps_stride: 0,
                gradient,
                gradient_stride: 0,
                plane: CHUNK,
                outputs,
                rows: 1,
                width,
            };
            row_outer(outer, &mut band.sums);
        }
        if wants_x {
            let taps = Taps { source: gradient, offsets: &pass.layout.gradients, start: 0 };
            let at = start - band.range.start;
            row_gemm(taps, pass.flipped, Finish::Add, &mut x_gradient[..inputs], at, width);
        }
    }
}
