//! Samples between the samples of a plane (SPEC section 8, "Prediction").

use crate::fixed::clip8;
use crate::wire::Interpolation;

/// Most samples of a run: a block's, and those that are mixed beyond its two edges.
pub(super) const LONGEST: usize = 24;
/// Samples that a run's filters read more than it has.
const MORE: usize = 4;

/// Taps at -1, 0, 1, 2 for each eighth, in 1/128: Catmull-Rom, rounded to a sum of 128.
pub const CUBIC: [[i32; 4]; 8] = [
    [0, 128, 0, 0],
    [-6, 123, 12, -1],
    [-9, 111, 29, -3],
    [-9, 93, 50, -6],
    [-8, 72, 72, -8],
    [-6, 50, 93, -9],
    [-3, 29, 111, -9],
    [-1, 12, 123, -6],
];

/// One plane of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// Its samples, row after row.
    pub samples: &'a [u8],
    /// Samples a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl<'a> Plane<'a> {
    /// A row, or the nearest that there is.
    fn row(&self, y: i32) -> &'a [u8] {
        let y = y.min(self.height as i32 - 1).max(0) as usize;
        self.samples.get(y * self.width..(y + 1) * self.width).unwrap_or_default()
    }

    /// `len` samples of each of `TAPS` rows from `(y, x)` on, those behind the end of a row from the next; `None` unless all are in the plane.
    #[inline(always)]
    fn patches<const TAPS: usize>(&self, y: i32, x: i32, len: usize) -> Option<[&'a [u8]; TAPS]> {
        let y = usize::try_from(y).ok().filter(|y| y + TAPS <= self.height)?;
        let from = (y * self.width).checked_add_signed(x as isize)?;
        let mut rows = self.samples.get(from..)?;
        let mut patches = [&[][..]; TAPS];
        for patch in &mut patches {
            *patch = rows.get(..len)?;
            rows = rows.get(self.width..).unwrap_or_default();
        }
        Some(patches)
    }
}

/// A displacement in whole samples and eighths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Displacement {
    whole: i32,
    eighths: i32,
}

impl Displacement {
    /// `vector` in `1 / 2^log2` samples, `log2` 2 or 3.
    pub(super) fn new(vector: i8, log2: u32) -> Self {
        let vector = i32::from(vector);
        let fraction = vector & ((1 << log2) - 1);
        Self { whole: vector >> log2, eighths: fraction << (3 - log2) }
    }
}

/// Fills `samples` from `x` on.
fn clamped_patch(row: &[u8], x: i32, samples: &mut [u8]) {
    let Some((&first, &last)) = row.first().zip(row.last()) else { return };
    let before = (-x).clamp(0, samples.len() as i32) as usize;
    let (outside, samples) = samples.split_at_mut_checked(before).unwrap_or_default();
    outside.fill(first);
    let inside = row.get(x.max(0) as usize..).unwrap_or_default();
    let (samples, outside) = samples.split_at_mut_checked(inside.len().min(samples.len())).unwrap_or_default();
    samples.iter_mut().zip(inside).for_each(|(to, from)| *to = *from);
    outside.fill(last);
}

/// Even and odd columns of four, two to a word.
type Columns = [u32; 2];

/// Four samples of a row as columns.
#[inline(always)]
fn columns(samples: &[u8; 4]) -> Columns {
    let samples = u32::from_le_bytes(*samples);
    [samples & 0x00ff_00ff, (samples >> 8) & 0x00ff_00ff]
}

/// Adds weighted columns. Sums of 16 bits each, so that what is carried between them on the way cancels out.
#[inline(always)]
fn add_weighted([even, odd]: Columns, samples: &[u8; 4], weight: i32) -> Columns {
    let ([more_even, more_odd], weight) = (columns(samples), weight as u32);
    [even.wrapping_add(more_even.wrapping_mul(weight)), odd.wrapping_add(more_odd.wrapping_mul(weight))]
}

/// The whole fours of a row.
#[inline(always)]
fn fours(row: &[u8]) -> &[[u8; 4]] {
    row.as_chunks().0
}

/// Interpolates between samples and those below and after them. Rows have [`MORE`] samples more than `out`.
#[inline(never)]
fn bilinear([above, below]: [&[u8]; 2], [fy, fx]: [i32; 2], out: &mut [u8]) {
    let (own, after) = (8 - fx as u32, fx as u32);
    let rows = fours(above).iter().zip(fours(below));
    let mut sums = rows.map(|(above, below)| add_weighted(add_weighted([0; 2], above, 8 - fy), below, fy));
    let Some([mut even, mut odd]) = sums.next() else { return };
    for (out, [next_even, next_odd]) in out.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
        let half = 0x0020_0020;
        let left = (even * own + odd * after + half) >> 6;
        let behind = (even >> 16) | (next_even << 16);
        let right = (odd * own + behind * after + half) >> 6;
        *out = ((left & 0x00ff_00ff) | (right & 0x00ff_00ff) << 8).to_le_bytes();
        (even, odd) = (next_even, next_odd);
    }
}

/// Interpolates with four taps, from samples a row and a column before on. Rows have [`MORE`] samples more than `out`.
#[inline(never)]
fn cubic([first, second, third, fourth]: [&[u8]; 4], [fy, fx]: [i32; 2], out: &mut [u8]) {
    // What keeps sums of columns from being negative, and what becomes of it: all taps are 128.
    const FLOOR: u32 = 18 * 255;
    const START: i32 = (1 << 13) - 128 * FLOOR as i32;
    let [of_y, [p, q, r, s]] = [fy, fx].map(|fraction| CUBIC[fraction as usize & 7]);
    let rows = fours(first).iter().zip(fours(second)).zip(fours(third).iter().zip(fours(fourth)));
    let mut sums = rows.map(|((first, second), (third, fourth))| {
        let sums = [FLOOR << 16 | FLOOR; 2];
        let sums = add_weighted(sums, first, of_y[0]);
        let sums = add_weighted(sums, second, of_y[1]);
        let sums = add_weighted(sums, third, of_y[2]);
        let [even, odd] = add_weighted(sums, fourth, of_y[3]);
        [even as u16, odd as u16, (even >> 16) as u16, (odd >> 16) as u16].map(i32::from)
    });
    let weighted = |a: i32, b: i32, c: i32, d: i32| clip8((START + a * p + b * q + c * r + d * s) >> 14);
    let Some(mut window) = sums.next() else { return };
    for (out, next) in out.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
        let ([a, b, c, d], [e, f, g, _]) = (window, next);
        *out = [weighted(a, b, c, d), weighted(b, c, d, e), weighted(c, d, e, f), weighted(d, e, f, g)];
        window = next;
    }
}

/// Copies a multiple of four samples.
#[inline(always)]
fn copy_fours(from: &[u8], out: &mut [u8]) {
    for (out, from) in out.as_chunks_mut::<4>().0.iter_mut().zip(fours(from)) {
        *out = *from;
    }
}

/// The samples of a plane at `(y, x)` and behind, displaced; they are a multiple of four, and at most [`LONGEST`].
#[inline(never)]
pub(super) fn displaced(
    plane: Plane<'_>,
    interpolation: Interpolation,
    [y, x]: [usize; 2],
    [vertical, horizontal]: [Displacement; 2],
    out: &mut [u8],
) {
    let [y, x] = [y as i32 + vertical.whole, x as i32 + horizontal.whole];
    let fractions = [vertical.eighths, horizontal.eighths];
    // The samples that count; others that are read are weighted with zero.
    let (before, after) = match (interpolation, fractions[1]) {
        (_, 0) => (0, 0),
        (Interpolation::Bilinear, _) => (0, 1),
        (Interpolation::Cubic, _) => (1, 2),
    };
    let inside = x >= before && x + out.len() as i32 + after <= plane.width as i32;
    let len = out.len() + MORE;
    if fractions == [0, 0] {
        match plane.patches::<1>(y, x, out.len()).filter(|_| inside) {
            Some([samples]) => copy_fours(samples, out),
            None => clamped_patch(plane.row(y), x, out),
        }
        return;
    }
    match interpolation {
        Interpolation::Bilinear => match plane.patches(y, x, len).filter(|_| inside) {
            Some(rows) => bilinear(rows, fractions, out),
            None => at_edge(plane, [y, x], len, |rows| bilinear(rows, fractions, out)),
        },
        Interpolation::Cubic => match plane.patches(y - 1, x - 1, len).filter(|_| inside) {
            Some(rows) => cubic(rows, fractions, out),
            None => at_edge(plane, [y - 1, x - 1], len, |rows| cubic(rows, fractions, out)),
        },
    }
}

/// Does something with rows from `(y, x)` on, with the nearest samples for those that are not there.
#[cold]
#[inline(never)]
fn at_edge<const TAPS: usize>(plane: Plane<'_>, [y, x]: [i32; 2], len: usize, work: impl FnOnce([&[u8]; TAPS])) {
    let mut patches = [[0; LONGEST + MORE]; TAPS];
    let mut rows = [&[][..]; TAPS];
    for ((y, patch), row) in (y..).zip(&mut patches).zip(&mut rows) {
        let patch = patch.get_mut(..len).unwrap_or_default();
        clamped_patch(plane.row(y), x, patch);
        *row = patch;
    }
    work(rows);
}
