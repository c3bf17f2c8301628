//! One block: filtered from a window of the reference, and the way back.

use super::super::round_half_up;
use super::Interpolation;
use crate::autodiff::Real;
use crate::autodiff::kernels::{Arith, Job};

/// Taps beyond the block's own samples: one before, two after.
const MORE: usize = 3;

/// Largest window's side, rounded up to whole vectors.
const WINDOW: usize = 24;
/// A row of a window between as many zeros as its filter looks beyond it.
const BETWEEN: usize = WINDOW + 8;

/// Rows of a window that are filtered along one axis; memory that is used again and again.
pub(super) struct Scratch<T>([[T; BETWEEN]; WINDOW]);

impl<T: Real> Scratch<T> {
    pub(super) fn new() -> Self {
        Self([[T::ZERO; BETWEEN]; WINDOW])
    }
}

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

/// A block of `B` x `B` samples at `(y, x)`, or what of it is inside the plane, and how much it counts.
#[derive(Clone, Copy)]
pub(super) struct Part<'a, T, const B: usize> {
    pub taps: BlockTaps<T>,
    /// Weights of the samples, where there are others; rows outside of `rows` have none.
    pub weights: Option<&'a [[T; B]; B]>,
    /// The first row that counts, and the one after the last.
    pub rows: [usize; 2],
    pub height: usize,
    pub width: usize,
    pub y: usize,
    pub x: usize,
}

impl<T: Real, const B: usize> Part<'_, T, B> {
    /// Whether all columns that are read are in the plane, of which the first is `left`.
    fn is_inside(&self, left: isize) -> bool {
        left >= 0 && left as usize + B + MORE <= self.width
    }

    fn columns(&self) -> usize {
        B.min(self.width - self.x)
    }
}

/// Predicts the rows of a block that count into `samples`, without weights; rounded and clipped, as the decoder does, if `rounded`.
pub(super) struct Gather<'a, T, const B: usize> {
    pub part: Part<'a, T, B>,
    pub reference: &'a [T],
    pub samples: &'a mut [[T; B]; B],
    pub rounded: bool,
    pub scratch: &'a mut Scratch<T>,
}

impl<T: Real, const B: usize> Gather<'_, T, B> {
    #[inline(always)]
    fn put(&mut self, row: usize, samples: [T; B]) {
        self.samples[row] =
            if self.rounded { samples.map(|y| round_half_up(y).max(T::ZERO).min(T::of(255.0))) } else { samples };
    }
}

impl<T: Real, const B: usize> Job for Gather<'_, T, B> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(mut self) {
        let part = self.part;
        let [top, left] = part.taps.origin(part.y, part.x);
        let [vertical, horizontal] = part.taps.filters;
        let inside = part.is_inside(left);
        let [first, end] = part.rows;
        let place = |row: isize| clamped(row, part.height) * part.width;
        if part.taps.is_whole() {
            for row in first..end {
                let source = &self.reference[place(top + 1 + row as isize)..][..part.width];
                let mut samples = [T::ZERO; B];
                if inside {
                    samples.copy_from_slice(&source[left as usize + 1..][..B]);
                } else {
                    for (j, sample) in samples.iter_mut().enumerate() {
                        *sample = source[clamped(left + 1 + j as isize, part.width)];
                    }
                }
                self.put(row, samples);
            }
            return;
        }
        for i in first..end + MORE {
            let source = &self.reference[place(top + i as isize)..][..part.width];
            let mut window = [T::ZERO; WINDOW];
            if inside {
                window[..B + MORE].copy_from_slice(&source[left as usize..][..B + MORE]);
            } else {
                for (j, sample) in window.iter_mut().enumerate().take(B + MORE) {
                    *sample = source[clamped(left + j as isize, part.width)];
                }
            }
            let mut row = [T::ZERO; B];
            for k in 0..4 {
                for (x, &sample) in row.iter_mut().zip(&window[k..k + B]) {
                    *x = A::fma(horizontal[k], sample, *x);
                }
            }
            self.scratch.0[i][..B].copy_from_slice(&row);
        }
        for row in first..end {
            let mut samples = [T::ZERO; B];
            for (line, tap) in self.scratch.0[row..].iter().zip(vertical) {
                for (x, &sample) in samples.iter_mut().zip(&line[..B]) {
                    *x = A::fma(tap, sample, *x);
                }
            }
            self.put(row, samples);
        }
    }
}

/// Adds to the reference's `gradient` what a block row's gradients `rows` have for a block.
pub(super) struct Scatter<'a, T, const B: usize> {
    pub part: Part<'a, T, B>,
    pub rows: &'a [T],
    pub gradient: &'a mut [T],
    pub scratch: &'a mut Scratch<T>,
}

impl<T: Real, const B: usize> Scatter<'_, T, B> {
    /// Gradients of a row of the block; zeros where it is outside of the plane.
    #[inline(always)]
    fn take(&self, row: usize) -> [T; B] {
        let Part { width, x, weights, .. } = self.part;
        let columns = self.part.columns();
        let mut block = [T::ZERO; B];
        if let Some(g) = self.rows.get(row * width + x..row * width + x + columns) {
            block[..columns].copy_from_slice(g);
        }
        if let Some(weights) = weights {
            for (g, &weight) in block.iter_mut().zip(&weights[row]) {
                *g *= weight;
            }
        }
        block
    }
}

impl<T: Real, const B: usize> Job for Scatter<'_, T, B> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let part = self.part;
        let [top, left] = part.taps.origin(part.y, part.x);
        let [vertical, horizontal] = part.taps.filters;
        let inside = part.is_inside(left);
        let [first, end] = part.rows;
        let place = |row: isize| clamped(row, part.height) * part.width;
        if part.taps.is_whole() {
            for row in first..end {
                let g = self.take(row);
                let target = &mut self.gradient[place(top + 1 + row as isize)..][..part.width];
                if inside {
                    for (x, &g) in target[left as usize + 1..].iter_mut().zip(&g) {
                        *x += g;
                    }
                } else {
                    for (j, &g) in g.iter().enumerate() {
                        target[clamped(left + 1 + j as isize, part.width)] += g;
                    }
                }
            }
            return;
        }
        // Behind `MORE` zeros, and followed by zeros, so that every tap finds something.
        self.scratch.0[first..end + MORE].as_flattened_mut().fill(T::ZERO);
        for row in first..end {
            let block = self.take(row);
            for (line, tap) in self.scratch.0[row..].iter_mut().zip(vertical) {
                for (x, &g) in line[MORE..MORE + B].iter_mut().zip(&block) {
                    *x = A::fma(tap, g, *x);
                }
            }
        }
        for (i, row) in self.scratch.0.iter().enumerate().take(end + MORE).skip(first) {
            let mut window = [T::ZERO; WINDOW];
            for k in 0..4 {
                for (x, &g) in window.iter_mut().zip(&row[MORE - k..MORE - k + WINDOW]) {
                    *x = A::fma(horizontal[k], g, *x);
                }
            }
            let target = &mut self.gradient[place(top + i as isize)..][..part.width];
            if inside {
                for (x, &g) in target[left as usize..][..B + MORE].iter_mut().zip(&window) {
                    *x += g;
                }
            } else {
                for (j, &g) in window.iter().enumerate().take(B + MORE) {
                    target[clamped(left + j as isize, part.width)] += g;
                }
            }
        }
    }
}
