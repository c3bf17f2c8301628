//! One block: filtered from a window of the reference, and the way back.

use super::Interpolation;
use crate::autodiff::Real;
use crate::autodiff::kernels::{Arith, Job};

/// Taps beyond the block's own samples: one before, two after.
const MORE: usize = 3;

/// Largest window's side, rounded up to whole vectors.
const WINDOW: usize = 24;

/// SPEC section 8, in 1/128; the second half is the first reversed.
const CUBIC: [[i16; 4]; 5] = [[0, 128, 0, 0], [-6, 123, 12, -1], [-9, 111, 29, -3], [-9, 93, 50, -6], [-8, 72, 72, -8]];

/// Where a block is taken from.
#[derive(Clone, Copy)]
pub(super) struct BlockTaps<T> {
    /// Whole samples: down, right.
    shift: [isize; 2],
    /// Vertical and horizontal filter, at -1, 0, 1, 2.
    filters: [[T; 4]; 2],
}

impl<T: Real> BlockTaps<T> {
    /// From a vector in eighths of samples.
    pub(super) fn new(y: i32, x: i32, interpolation: Interpolation) -> Self {
        let filter = |vector: i32| filter(vector.rem_euclid(8) as usize, interpolation).map(T::of);
        Self { shift: [y, x].map(|vector| vector.div_euclid(8) as isize), filters: [filter(y), filter(x)] }
    }

    /// Whether samples are only moved, which costs less: still areas are such.
    fn is_whole(&self) -> bool {
        self.filters.iter().all(|filter| filter[1] == T::ONE)
    }

    /// The row and column of the reference where the window starts.
    fn origin(&self, y: usize, x: usize) -> [isize; 2] {
        [y as isize + self.shift[0] - 1, x as isize + self.shift[1] - 1]
    }
}

/// The filter of a fraction in eighths.
fn filter(fraction: usize, interpolation: Interpolation) -> [f64; 4] {
    let f = fraction as f64 / 8.0;
    match (interpolation, fraction) {
        (Interpolation::Bilinear, _) => [0.0, 1.0 - f, f, 0.0],
        (Interpolation::Cubic, 0..=4) => CUBIC[fraction].map(|tap| f64::from(tap) / 128.0),
        (Interpolation::Cubic, _) => {
            let [a, b, c, d] = CUBIC[8 - fraction].map(|tap| f64::from(tap) / 128.0);
            [d, c, b, a]
        }
    }
}

/// `index` clamped to a plane's side.
#[inline(always)]
fn clamped(index: isize, side: usize) -> usize {
    index.clamp(0, side as isize - 1) as usize
}

/// Predicts the block of `B` x `B` samples at `(y, x)`, or what of it is inside the plane. `prediction` is the block row.
pub(super) struct Gather<'a, T, const B: usize> {
    pub taps: BlockTaps<T>,
    pub height: usize,
    pub width: usize,
    pub y: usize,
    pub x: usize,
    pub reference: &'a [T],
    pub prediction: &'a mut [T],
}

impl<T: Real, const B: usize> Job for Gather<'_, T, B> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let [top, left] = self.taps.origin(self.y, self.x);
        let [vertical, horizontal] = self.taps.filters;
        let inside = left >= 0 && left as usize + B + MORE <= self.width;
        let columns = B.min(self.width - self.x);
        if self.taps.is_whole() {
            for (i, output) in self.prediction.chunks_exact_mut(self.width).enumerate() {
                let source = &self.reference[clamped(top + 1 + i as isize, self.height) * self.width..][..self.width];
                let output = &mut output[self.x..][..columns];
                if inside {
                    output.copy_from_slice(&source[left as usize + 1..][..columns]);
                } else {
                    for (j, sample) in output.iter_mut().enumerate() {
                        *sample = source[clamped(left + 1 + j as isize, self.width)];
                    }
                }
            }
            return;
        }
        let mut rows = [[T::ZERO; B]; WINDOW];
        for (i, row) in rows.iter_mut().enumerate().take(B + MORE) {
            let source = &self.reference[clamped(top + i as isize, self.height) * self.width..][..self.width];
            let mut window = [T::ZERO; WINDOW];
            if inside {
                window[..B + MORE].copy_from_slice(&source[left as usize..][..B + MORE]);
            } else {
                for (j, sample) in window.iter_mut().enumerate().take(B + MORE) {
                    *sample = source[clamped(left + j as isize, self.width)];
                }
            }
            for k in 0..4 {
                for (x, &sample) in row.iter_mut().zip(&window[k..k + B]) {
                    *x = A::fma(horizontal[k], sample, *x);
                }
            }
        }
        for (i, output) in self.prediction.chunks_exact_mut(self.width).enumerate() {
            let mut sums = [T::ZERO; B];
            for k in 0..4 {
                for (x, &sample) in sums.iter_mut().zip(&rows[i + k]) {
                    *x = A::fma(vertical[k], sample, *x);
                }
            }
            output[self.x..][..columns].copy_from_slice(&sums[..columns]);
        }
    }
}

/// Adds to the reference's `gradient` what a block row's gradients `rows` have for the block at `(y, x)`.
pub(super) struct Scatter<'a, T, const B: usize> {
    pub taps: BlockTaps<T>,
    pub height: usize,
    pub width: usize,
    pub y: usize,
    pub x: usize,
    pub rows: &'a [T],
    pub gradient: &'a mut [T],
}

impl<T: Real, const B: usize> Job for Scatter<'_, T, B> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let [top, left] = self.taps.origin(self.y, self.x);
        let [vertical, horizontal] = self.taps.filters;
        let inside = left >= 0 && left as usize + B + MORE <= self.width;
        let columns = B.min(self.width - self.x);
        if self.taps.is_whole() {
            for (i, g) in self.rows.chunks_exact(self.width).enumerate() {
                let row = clamped(top + 1 + i as isize, self.height) * self.width;
                let (target, g) = (&mut self.gradient[row..][..self.width], &g[self.x..][..columns]);
                if inside {
                    for (x, &g) in target[left as usize + 1..].iter_mut().zip(g) {
                        *x += g;
                    }
                } else {
                    for (j, &g) in g.iter().enumerate() {
                        target[clamped(left + 1 + j as isize, self.width)] += g;
                    }
                }
            }
            return;
        }
        // Behind `MORE` zeros, and followed by zeros, so that every tap finds something.
        let mut rows = [[T::ZERO; 2 * WINDOW]; WINDOW];
        for (i, g) in self.rows.chunks_exact(self.width).enumerate() {
            let mut block = [T::ZERO; B];
            block[..columns].copy_from_slice(&g[self.x..][..columns]);
            for k in 0..4 {
                for (x, &g) in rows[i + k][MORE..MORE + B].iter_mut().zip(&block) {
                    *x = A::fma(vertical[k], g, *x);
                }
            }
        }
        for (i, row) in rows.iter().enumerate().take(B + MORE) {
            let mut window = [T::ZERO; WINDOW];
            for k in 0..4 {
                for (x, &g) in window.iter_mut().zip(&row[MORE - k..MORE - k + WINDOW]) {
                    *x = A::fma(horizontal[k], g, *x);
                }
            }
            let target = &mut self.gradient[clamped(top + i as isize, self.height) * self.width..][..self.width];
            if inside {
                for (x, &g) in target[left as usize..][..B + MORE].iter_mut().zip(&window) {
                    *x += g;
                }
            } else {
                for (j, &g) in window.iter().enumerate().take(B + MORE) {
                    target[clamped(left + j as isize, self.width)] += g;
                }
            }
        }
    }
}
