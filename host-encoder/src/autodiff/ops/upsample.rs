//! Upsampling by two between stages, SPEC section 8, item 1.

use ndarray::ArrayD;
use rayon::prelude::*;

use super::{items, items_mut, planes};
use crate::autodiff::kernels::{Arith, Job, Steps, dispatch};
use crate::autodiff::{Op, Real};

/// Output elements below which threads do not pay.
const SMALL: usize = 16 * 1024;

/// Bilinear: `(9 a + 3 b + 3 c + d) / 16` of the nearest four inputs, indices clamped.
///
/// Inputs: `[C, h, w]`, control `[1]`, without gradient; output `[C, height, width]` with `height` `2 h - 1` or `2 h`, `width` likewise.
/// With control above 0 outputs are rounded as the decoder does ([`Steps`]).
pub struct Upsample2<T> {
    height: usize,
    width: usize,
    /// For each channel, a row of inputs and a row of outputs with room at both ends.
    rows: Vec<T>,
}

impl<T: Real> Upsample2<T> {
    /// To planes of `height` rows and `width` columns.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, rows: Vec::new() }
    }
}

/// The inputs' extents and the outputs'.
#[derive(Clone, Copy)]
struct Size {
    from: [usize; 2],
    to: [usize; 2],
}

impl Size {
    /// The input rows of an output row: three quarters of the first, one of the second.
    #[inline(always)]
    fn rows(&self, r: usize) -> [usize; 2] {
        let i = r / 2;
        let other = if r.is_multiple_of(2) { i.saturating_sub(1) } else { (i + 1).min(self.from[0] - 1) };
        [i, other]
    }

    /// Elements of the scratch rows of a channel.
    fn scratch(&self) -> usize {
        3 * self.from[1] + 4
    }
}

/// Forward or backward for one channel.
struct Channel<'a, T> {
    size: Size,
    backward: bool,
    steps: Steps<T>,
    source: &'a [T],
    target: &'a mut [T],
    scratch: &'a mut [T],
}

impl<T: Real> Job for Channel<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        if self.backward { self.backward() } else { self.forward() }
    }
}

impl<T: Real> Channel<'_, T> {
    #[inline(always)]
    fn forward(self) {
        let [_, w] = self.size.from;
        let [_, width] = self.size.to;
        let (near, far) = (T::of(0.75), T::of(0.25));
        let between = |own: T, other: T| self.steps.round(near * own + far * other);
        let row = &mut self.scratch[..w + 2];
        for (r, output) in self.target.chunks_exact_mut(width).enumerate() {
            let [a, b] = self.size.rows(r).map(|i| &self.source[i * w..][..w]);
            for ((x, &a), &b) in row[1..=w].iter_mut().zip(a).zip(b) {
                *x = near * a + far * b;
            }
            (row[0], row[w + 1]) = (row[1], row[w]);
            let (pairs, last) = output.as_chunks_mut::<2>();
            let (before, own, after) = (&row[..pairs.len()], &row[1..][..pairs.len()], &row[2..][..pairs.len()]);
            for (((pair, &before), &own), &after) in pairs.iter_mut().zip(before).zip(own).zip(after) {
                *pair = [between(own, before), between(own, after)];
            }
            if let [last] = last {
                *last = between(row[w], row[w - 1]);
            }
        }
    }

    #[inline(always)]
    fn backward(self) {
        let [_, w] = self.size.from;
        let [_, width] = self.size.to;
        let (near, far) = (T::of(0.75), T::of(0.25));
        let (row, padded) = self.scratch.split_at_mut(w);
        // One zero in front and enough behind, so that all columns are alike.
        padded.fill(T::ZERO);
        for (r, g) in self.source.chunks_exact(width).enumerate() {
            padded[1..=width].copy_from_slice(g);
            let evens = padded.as_chunks::<2>().0;
            for (x, pair) in row.iter_mut().zip(evens.array_windows::<2>()) {
                let [[left, even], [odd, right]] = *pair;
                *x = near * (even + odd) + far * (left + right);
            }
            row[0] += far * g[0];
            if width == 2 * w {
                row[w - 1] += far * g[width - 1];
            }
            for (i, weight) in self.size.rows(r).into_iter().zip([near, far]) {
                for (x, &g) in self.target[i * w..][..w].iter_mut().zip(&*row) {
                    *x += weight * g;
                }
            }
        }
    }
}

impl<T: Real> Upsample2<T> {
    /// Forward, or backward if no rounding is given.
    fn run(&mut self, small: [usize; 2], steps: Option<Steps<T>>, source: &[T], target: &mut [T]) {
        let (backward, steps) = (steps.is_none(), steps.unwrap_or(Steps::new(T::ZERO)));
        let size = Size { from: small, to: [self.height, self.width] };
        let sizes = [small.iter().product(), self.height * self.width];
        let [from, to] = if backward { [sizes[1], sizes[0]] } else { sizes };
        let channels = source.len() / from;
        self.rows.resize(channels * size.scratch(), T::ZERO);
        let scratch = &mut self.rows;
        if channels * sizes[1] < SMALL {
            let scratch = scratch.chunks_exact_mut(size.scratch());
            for ((source, target), scratch) in source.chunks_exact(from).zip(target.chunks_exact_mut(to)).zip(scratch) {
                dispatch(Channel { size, backward, steps, source, target, scratch });
            }
        } else {
            let scratch = scratch.par_chunks_exact_mut(size.scratch());
            let channels = source.par_chunks_exact(from).zip(target.par_chunks_exact_mut(to)).zip(scratch);
            channels.for_each(|((source, target), scratch)| {
                dispatch(Channel { size, backward, steps, source, target, scratch });
            });
        }
    }
}

impl<T: Real> Op<T> for Upsample2<T> {
    fn name(&self) -> &'static str {
        "upsample"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 2, "a plane and control");
        assert_eq!(inputs[1], [1], "one control");
        let [channels, h, w] = planes(inputs[0]);
        assert!(h > 0 && w > 0, "empty plane");
        let fits = self.height.div_ceil(2) == h && self.width.div_ceil(2) == w;
        assert!(fits, "{h} x {w} is not half of {} x {}", self.height, self.width);
        vec![channels, self.height, self.width]
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let [_, h, w] = planes(inputs[0].shape());
        let steps = Steps::new(items(inputs[1])[0]);
        self.run([h, w], Some(steps), items(inputs[0]), items_mut(output));
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let Some(gradient) = &mut gradients[0] else {
            return;
        };
        let [_, h, w] = planes(inputs[0].shape());
        self.run([h, w], None, items(output_gradient), items_mut(gradient));
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        (5 * inputs[0][0] * self.height * self.width) as u64
    }

    fn backward_flops(&self, inputs: &[&[usize]]) -> u64 {
        // Only one input has a gradient.
        <Self as Op<T>>::forward_flops(self, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Noise, check_gradients, run};
    use super::*;

    #[test]
    fn gradients() {
        for (h, w) in [(1, 1), (1, 2), (2, 1), (3, 4), (4, 9)] {
            for (height, width) in [(2 * h, 2 * w), (2 * h - 1, 2 * w), (2 * h, 2 * w - 1), (2 * h - 1, 2 * w - 1)] {
                let x = Noise(2).array(&[2, h, w], -1.0, 1.0);
                check_gradients(&mut Upsample2::new(height, width), &[x, ArrayD::zeros(vec![1])], &[true, false]);
            }
        }
    }

    #[test]
    fn agrees_with_the_specification() {
        for (h, w, height, width) in [(1, 1, 1, 2), (3, 5, 6, 9), (46, 61, 91, 122)] {
            let x = Noise(2).array(&[3, h, w], -1.0, 1.0);
            let (y, _) = run(
                &mut Upsample2::new(height, width),
                &[x.clone(), ArrayD::zeros(vec![1])],
                &[true, false],
                &ArrayD::ones(vec![3, height, width]),
            );
            let other = |r: usize, n: usize| {
                if r.is_multiple_of(2) { (r / 2).saturating_sub(1) } else { (r / 2 + 1).min(n - 1) }
            };
            for ((at, &y), _) in y.indexed_iter().zip(0..) {
                let (c, i, j) = (at[0], at[1] / 2, at[2] / 2);
                let (i2, j2) = (other(at[1], h), other(at[2], w));
                let expected = (9.0 * x[[c, i, j]] + 3.0 * x[[c, i, j2]] + 3.0 * x[[c, i2, j]] + x[[c, i2, j2]]) / 16.0;
                assert!((y - expected).abs() < 1e-12);
            }
        }
    }
}
