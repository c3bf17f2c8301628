//! 3x3 convolutions: rows of padded copies.

use std::ops::Range;

use super::{Backward, Band, Forward, Layout, Shape};
use crate::autodiff::Real;
use crate::autodiff::kernels::{
    Arith, Finish, Job, LANES, MAX_CHANNELS, Outer, Taps, dispatch, row_gemm, row_outer, sum, with_scratch,
};

/// Rows whose weight gradient is summed in registers at a time: enough to hide the loads and stores of the sums, few
/// enough for the first-level cache.
const ROWS: usize = 4;

/// A band's inputs are kept with one more row above and below and its gradients with two, all zero or replicated as
/// needed, in rows of `stride`.
pub(super) fn layout(shape: &Shape, longest: usize) -> Layout {
    // Room for two columns left and right, and for whole vectors of what starts at any of the first three columns.
    let stride = (shape.width + 2).next_multiple_of(LANES) + LANES;
    let places = |channels: usize, plane: usize| {
        let taps = (0..channels * 9).map(|k| (k / 9, k % 9));
        taps.map(|(c, tap)| c * plane + tap / 3 * stride + tap % 3).collect()
    };
    Layout {
        inputs: places(shape.inputs, (longest + 2) * stride),
        gradients: places(shape.outputs, (longest + 4) * stride),
        longest,
        stride,
    }
}

/// Elements of a band's padded inputs, gradients and row of inputs.
fn sizes(shape: &Shape, layout: &Layout) -> [usize; 3] {
    let (rows, stride) = (layout.longest, layout.stride);
    [
        shape.groups * shape.inputs * (rows + 2) * stride,
        shape.groups * shape.outputs * (rows + 4) * stride,
        shape.inputs * stride,
    ]
}

/// Makes a band's inputs with their edges replicated.
struct Pad<'a, T> {
    x: &'a [T],
    shape: Shape,
    layout: &'a Layout,
    range: Range<usize>,
    padded: &'a mut [T],
}

impl<T: Real> Job for Pad<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let (stride, Shape { height, width, .. }) = (self.layout.stride, self.shape);
        let planes = self.padded.chunks_exact_mut((self.layout.longest + 2) * stride);
        for (padded, x) in planes.zip(self.x.chunks_exact(height * width)) {
            for (i, row) in padded.chunks_exact_mut(stride).take(self.range.len() + 2).enumerate() {
                let y = (self.range.start + i).saturating_sub(1).min(height - 1);
                let source = &x[y * width..][..width];
                row[0] = source[0];
                row[1..=width].iter_mut().zip(source).for_each(|(to, &from)| *to = from);
                row[width + 1..].fill(T::ZERO);
                row[width + 1] = source[width - 1];
            }
        }
    }
}

pub(super) fn forward<T: Real>(pass: &Forward<'_, T>, band: &Band<T>, outputs: &mut [&mut [T]; MAX_CHANNELS]) {
    let [padded, ..] = sizes(&pass.shape, pass.layout);
    with_scratch([padded], |[padded]| {
        let (x, shape, layout, range) = (pass.x, pass.shape, pass.layout, band.range.clone());
        dispatch(Pad { x, shape, layout, range, padded: &mut *padded });
        forward_of(padded, pass, band, outputs);
    });
}

fn forward_of<T: Real>(padded: &[T], pass: &Forward<'_, T>, band: &Band<T>, outputs: &mut [&mut [T]; MAX_CHANNELS]) {
    let Shape { groups, width, .. } = pass.shape;
    let stride = pass.layout.stride;
    let plane = (pass.layout.longest + 2) * stride;
    let (low, high) = pass.limits;
    let weights = pass.shape.weights();
    for g in 0..groups {
        let source = &padded[g * pass.shape.inputs * plane..][..pass.shape.inputs * plane];
        let packed = &pass.packed[g * weights..][..weights];
        let bias = pass.bias.get(g * pass.shape.outputs..).unwrap_or(&[]);
        let outputs = &mut outputs[g * pass.shape.outputs..][..pass.shape.outputs];
        for y in 0..band.range.len() {
            let taps = Taps { source, offsets: &pass.layout.inputs, start: y * stride };
            let finish = Finish::Store { bias, steps: pass.steps, low, high };
            row_gemm(taps, packed, finish, outputs, y * width, width);
        }
    }
}

pub(super) fn backward<T: Real>(pass: &Backward<'_, T>, band: &mut Band<T>, x_gradient: &mut [&mut [T]; MAX_CHANNELS]) {
    let [wants_x, wants_weights, wants_bias] = pass.wants;
    with_scratch(sizes(&pass.shape, pass.layout), |[padded, gradient, row]| {
        let (y, y_gradient, limits) = (pass.y, pass.y_gradient, pass.limits);
        let (shape, layout, range) = (pass.shape, pass.layout, band.range.clone());
        dispatch(Gated { y, y_gradient, shape, layout, range, limits, gradient: &mut *gradient });
        if wants_bias {
            bias_gradient(pass, band, gradient);
        }
        if wants_weights {
            let (x, shape, layout, range) = (pass.x, pass.shape, pass.layout, band.range.clone());
            dispatch(Pad { x, shape, layout, range, padded: &mut *padded });
            weight_gradient(pass, band, padded, gradient);
        }
        if wants_x {
            input_gradient(pass, band, gradient, row, x_gradient);
        }
    });
}

/// Makes output gradients after the clamp, with those of the two rows above and below the band; what is outside of the plane is zero.
struct Gated<'a, T> {
    y: &'a [T],
    y_gradient: &'a [T],
    shape: Shape,
    layout: &'a Layout,
    range: Range<usize>,
    limits: (T, T),
    gradient: &'a mut [T],
}

impl<T: Real> Job for Gated<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let (stride, Shape { height, width, .. }) = (self.layout.stride, self.shape);
        let (low, high) = self.limits;
        for (o, plane) in self.gradient.chunks_exact_mut((self.layout.longest + 4) * stride).enumerate() {
            for (i, row) in plane.chunks_exact_mut(stride).take(self.range.len() + 4).enumerate() {
                let Some(y) = (self.range.start + i).checked_sub(2).filter(|&y| y < height) else {
                    row.fill(T::ZERO);
                    continue;
                };
                row[..2].fill(T::ZERO);
                row[width + 2..].fill(T::ZERO);
                let at = (o * height + y) * width;
                let gated = self.y_gradient[at..][..width].iter().zip(&self.y[at..][..width]);
                for (to, (&g, &y)) in row[2..width + 2].iter_mut().zip(gated) {
                    *to = if (y > low) & (y < high) { g } else { T::ZERO };
                }
            }
        }
    }
}

/// Adds the output gradients of the band's rows to those of the biases.
fn bias_gradient<T: Real>(pass: &Backward<'_, T>, band: &mut Band<T>, gradient: &[T]) {
    let stride = pass.layout.stride;
    for (bias, plane) in band.bias.iter_mut().zip(gradient.chunks_exact((pass.layout.longest + 4) * stride)) {
        for row in plane.chunks_exact(stride).skip(2).take(band.range.len()) {
            *bias += sum(&row[2..][..pass.shape.width]);
        }
    }
}

fn weight_gradient<T: Real>(pass: &Backward<'_, T>, band: &mut Band<T>, padded: &[T], gradient: &[T]) {
    let Shape { groups, inputs, outputs, width, .. } = pass.shape;
    let (longest, stride) = (pass.layout.longest, pass.layout.stride);
    let (plane, gradient_plane) = ((longest + 2) * stride, (longest + 4) * stride);
    let weights = pass.shape.weights();
    for g in 0..groups {
        let source = &padded[g * inputs * plane..][..inputs * plane];
        for y in (0..band.range.len()).step_by(ROWS) {
            let outer = Outer {
                taps: Taps { source, offsets: &pass.layout.inputs, start: y * stride },
                taps_stride: stride,
                gradient: &gradient[g * outputs * gradient_plane + (y + 2) * stride + 2..],
                gradient_stride: stride,
                plane: gradient_plane,
                outputs,
                rows: ROWS.min(band.range.len() - y),
                // Beyond the width the gradient is zero, so that whole vectors may be used; they end before
                // the row does.
                width: width.next_multiple_of(LANES),
            };
            row_outer(outer, &mut band.sums[g * weights..][..weights]);
        }
    }
}

/// Row by row the gradient of the padded plane, of which the outer rows and columns belong to the edges they copy.
fn input_gradient<T: Real>(
    pass: &Backward<'_, T>,
    band: &Band<T>,
    gradient: &[T],
    row: &mut [T],
    x_gradient: &mut [&mut [T]; MAX_CHANNELS],
) {
    let Shape { groups, inputs, outputs, height, width, .. } = pass.shape;
    let stride = pass.layout.stride;
    let plane = (pass.layout.longest + 4) * stride;
    let weights = pass.shape.weights();
    let mut rows: [&mut [T]; MAX_CHANNELS] = std::array::from_fn(|_| Default::default());
    for (row, storage) in rows.iter_mut().zip(row.chunks_exact_mut(stride)) {
        *row = storage;
    }
    let rows = &mut rows[..inputs];
    let above = (band.range.start == 0).then_some(0);
    let below = (band.range.end == height).then_some(band.range.len() + 1);
    for g in 0..groups {
        let source = &gradient[g * outputs * plane..][..outputs * plane];
        let packed = &pass.flipped[g * weights..][..weights];
        // Row 0 is the one above the band.
        for padded in above.into_iter().chain(1..=band.range.len()).chain(below) {
            let taps = Taps { source, offsets: &pass.layout.gradients, start: padded * stride };
            let finish = Finish::Set;
            // Whole vectors; nobody looks at what is beyond.
            row_gemm(taps, packed, finish, rows, 0, (width + 2).next_multiple_of(LANES));
            let y = padded.clamp(1, band.range.len()) - 1;
            dispatch(AddPadded { rows, gradients: &mut x_gradient[g * inputs..], place: y * width..(y + 1) * width });
        }
    }
}

/// Adds rows of padded planes to those of the planes at a place.
struct AddPadded<'a, 'rows, 'gradients, T> {
    rows: &'a [&'rows mut [T]],
    gradients: &'a mut [&'gradients mut [T]],
    place: Range<usize>,
}

impl<T: Real> Job for AddPadded<'_, '_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        for (row, gradient) in self.rows.iter().zip(self.gradients) {
            let gradient = &mut gradient[self.place.clone()];
            let width = gradient.len();
            gradient.iter_mut().zip(&row[1..=width]).for_each(|(to, &from)| *to += from);
            gradient[0] += row[0];
            gradient[width - 1] += row[width + 1];
        }
    }
}
