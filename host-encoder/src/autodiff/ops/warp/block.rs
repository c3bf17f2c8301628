//! One block: filtered from a window of the reference, and the way back.

use super::super::round_half_up;
use super::Interpolation;
use crate::autodiff::Real;
use crate::autodiff::kernels::Arith;

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

/// The filter of each fraction in eighths, at -1, 0, 1, 2.
pub(super) type Filters<T> = [[T; 4]; 8];

/// Those of an interpolation.
pub(super) fn filters<T: Real>(interpolation: Interpolation) -> Filters<T> {
    std::array::from_fn(|fraction| filter(fraction, interpolation).map(T::of))
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

/// Rows of a block at `(y, x)`, and where they are taken from.
#[derive(Clone, Copy)]
pub(super) struct Part<'a, T> {
    /// In eighths of samples: down, right.
    pub vector: [i32; 2],
    pub filters: &'a Filters<T>,
    /// The first row that counts, and the one after the last.
    pub rows: [usize; 2],
    /// Of the plane.
    pub height: usize,
    pub width: usize,
    pub y: usize,
    pub x: usize,
}

/// How a row of a window is found in a plane.
#[derive(Clone, Copy)]
struct Place {
    /// Row and column of the plane where the window starts.
    top: isize,
    left: isize,
    height: usize,
    width: usize,
}

impl Place {
    /// Where the plane's row of a row of the window is.
    #[inline(always)]
    fn row(&self, row: usize) -> std::ops::Range<usize> {
        let start = clamped(self.top + row as isize, self.height) * self.width;
        start..start + self.width
    }

    #[inline(always)]
    fn column(&self, column: usize) -> usize {
        clamped(self.left + column as isize, self.width)
    }

    /// Where the window's columns start, if all of them are in the plane.
    #[inline(always)]
    fn inside(&self, columns: usize) -> Option<usize> {
        usize::try_from(self.left).ok().filter(|left| left + columns <= self.width)
    }
}

impl<T: Real> Part<'_, T> {
    #[inline(always)]
    fn place(&self) -> Place {
        let [down, right] = self.vector.map(|vector| vector.div_euclid(8) as isize);
        Place {
            top: self.y as isize + down - 1,
            left: self.x as isize + right - 1,
            height: self.height,
            width: self.width,
        }
    }

    /// The filters down and to the right; none where samples are only moved.
    #[inline(always)]
    fn taps(&self) -> [Option<[T; 4]>; 2] {
        let [down, right] = self.vector.map(|vector| vector.rem_euclid(8) as usize);
        [(down > 0).then_some(self.filters[down]), (right > 0).then_some(self.filters[right])]
    }

    /// The rows of the window that are needed.
    #[inline(always)]
    fn lines(&self, down: Option<[T; 4]>) -> std::ops::Range<usize> {
        let [first, end] = self.rows;
        if down.is_some() { first..end + MORE } else { first + 1..end + 1 }
    }

    /// Predicts the rows into `samples`; rounded and clipped, as the decoder does, if `rounded`.
    #[inline(always)]
    pub(super) fn gather<A: Arith, const B: usize>(
        &self,
        reference: &[T],
        samples: &mut [[T; B]],
        rounded: bool,
        scratch: &mut Scratch<T>,
    ) {
        let (place, [down, right]) = (self.place(), self.taps());
        let inside = place.inside(B + MORE);
        for i in self.lines(down) {
            let source = &reference[place.row(i)];
            let mut edge;
            let window = match inside {
                Some(left) => &source[left..left + B + MORE],
                None => {
                    edge = [T::ZERO; WINDOW];
                    for (column, sample) in edge[..B + MORE].iter_mut().enumerate() {
                        *sample = source[place.column(column)];
                    }
                    &edge[..B + MORE]
                }
            };
            let mut line = [T::ZERO; B];
            match right {
                Some(taps) => {
                    for k in 0..4 {
                        for (x, &sample) in line.iter_mut().zip(&window[k..k + B]) {
                            *x = A::fma(taps[k], sample, *x);
                        }
                    }
                }
                None => line.copy_from_slice(&window[1..1 + B]),
            }
            scratch.0[i][MORE..MORE + B].copy_from_slice(&line);
        }
        let [first, end] = self.rows;
        for (row, samples) in samples.iter_mut().enumerate().take(end).skip(first) {
            let mut sums = [T::ZERO; B];
            match down {
                Some(taps) => {
                    for (line, tap) in scratch.0[row..].iter().zip(taps) {
                        for (x, &sample) in sums.iter_mut().zip(&line[MORE..MORE + B]) {
                            *x = A::fma(tap, sample, *x);
                        }
                    }
                }
                None => sums.copy_from_slice(&scratch.0[row + 1][MORE..MORE + B]),
            }
            if rounded {
                for x in &mut sums {
                    *x = round_half_up(*x).max(T::ZERO).min(T::of(255.0));
                }
            }
            *samples = sums;
        }
    }

    /// Adds to the reference's `gradient` what the rows' gradients `samples` give it.
    #[inline(always)]
    pub(super) fn scatter<A: Arith, const B: usize>(
        &self,
        samples: &[[T; B]],
        gradient: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        let (place, [down, right]) = (self.place(), self.taps());
        let inside = place.inside(B + MORE);
        let [first, end] = self.rows;
        for i in self.lines(down) {
            let mut line = [T::ZERO; B];
            match down {
                Some(taps) => {
                    for (k, tap) in taps.into_iter().enumerate() {
                        if i >= first + k && i < end + k {
                            for (x, &g) in line.iter_mut().zip(&samples[i - k]) {
                                *x = A::fma(tap, g, *x);
                            }
                        }
                    }
                }
                None => line = samples[i - 1],
            }
            // Behind `MORE` zeros, and followed by zeros, so that every tap finds something.
            let row = &mut scratch.0[i][MORE..];
            row[..B].copy_from_slice(&line);
            row[B..B + 8].fill(T::ZERO);
        }
        for i in self.lines(down) {
            let line = &scratch.0[i];
            let mut window = [T::ZERO; WINDOW];
            match right {
                Some(taps) => {
                    for k in 0..4 {
                        for (x, &g) in window[..B + 8].iter_mut().zip(&line[MORE - k..MORE - k + B + 8]) {
                            *x = A::fma(taps[k], g, *x);
                        }
                    }
                }
                None => window[1..1 + B].copy_from_slice(&line[MORE..MORE + B]),
            }
            let target = &mut gradient[place.row(i)];
            match inside {
                Some(left) => {
                    for (x, &g) in target[left..left + B + MORE].iter_mut().zip(&window) {
                        *x += g;
                    }
                }
                None => {
                    for (column, &g) in window[..B + MORE].iter().enumerate() {
                        target[place.column(column)] += g;
                    }
                }
            }
        }
    }
}
