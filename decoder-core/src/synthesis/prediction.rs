//! Motion-compensated prediction of a row of sites from the picture before (SPEC section 8, "Prediction").

use core::array::from_fn;

use super::store::is_set;
use crate::fixed::{clip8, round_shift};
use crate::wire::{Interpolation, ROOT_LOG2};

/// Sites of a motion block's row.
const BLOCK: usize = 1 << ROOT_LOG2;

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
}

/// A displacement in whole samples and eighths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Displacement {
    whole: i32,
    eighths: i32,
}

impl Displacement {
    /// `vector` in `1 / 2^log2` samples, `log2` 2 or 3.
    fn new(vector: i8, log2: u32) -> Self {
        let vector = i32::from(vector);
        let fraction = vector & ((1 << log2) - 1);
        Self { whole: vector >> log2, eighths: fraction << (3 - log2) }
    }
}

/// `LEN` samples of a row from `x` on, beyond its ends the nearest that there are; those are put into `room`.
#[inline(always)]
fn patch<'a, const LEN: usize>(row: &'a [u8], x: i32, room: &'a mut [u8; LEN]) -> &'a [u8; LEN] {
    let inside = usize::try_from(x).ok().and_then(|x| row.get(x..)).and_then(|rest| rest.first_chunk());
    inside.unwrap_or_else(|| {
        clamped_patch(row, x, room);
        room
    })
}

/// Fills `samples` from `x` on.
#[cold]
#[inline(never)]
fn clamped_patch(row: &[u8], x: i32, samples: &mut [u8]) {
    for (x, sample) in (x..).zip(samples) {
        let x = x.min(row.len() as i32 - 1).max(0) as usize;
        *sample = row.get(x).copied().unwrap_or(0);
    }
}

/// Interpolates `COUNT` samples from the `LEN = COUNT + TAPS - 1` from `x` on of the rows from `y` on.
#[inline(always)]
fn interpolate<const COUNT: usize, const LEN: usize, const TAPS: usize>(
    plane: Plane<'_>,
    [y, x]: [i32; 2],
    [of_y, of_x]: [[i32; TAPS]; 2],
    shift: u32,
) -> [u8; COUNT] {
    let mut room = [[0; LEN]; TAPS];
    let mut rows = (y..).map(|y| plane.row(y));
    let rows = room.each_mut().map(|room| patch(rows.next().unwrap_or_default(), x, room));
    let columns: [i32; LEN] = from_fn(|i| rows.iter().zip(of_y).map(|(row, w)| i32::from(row[i]) * w).sum());
    let mut samples = [0; COUNT];
    for (sample, columns) in samples.iter_mut().zip(columns.windows(TAPS)) {
        let sum = columns.iter().zip(of_x).map(|(&column, w)| column * w).sum();
        *sample = clip8(round_shift(sum, shift));
    }
    samples
}

/// Predicts the `COUNT` samples from `from` on of row `y` of a plane; `LINEAR` is `COUNT + 1`, `CUBIC_LEN` `COUNT + 3`.
#[inline(never)]
fn predict_run<const COUNT: usize, const LINEAR: usize, const CUBIC_LEN: usize>(
    plane: Plane<'_>,
    interpolation: Interpolation,
    y: usize,
    from: usize,
    vector: [Displacement; 2],
) -> [u8; COUNT] {
    let [vertical, horizontal] = vector;
    let y = y as i32 + vertical.whole;
    let x = from as i32 + horizontal.whole;
    let (fy, fx) = (vertical.eighths, horizontal.eighths);
    if fy == 0 && fx == 0 {
        return *patch(plane.row(y), x, &mut [0; COUNT]);
    }
    match interpolation {
        Interpolation::Bilinear => interpolate::<COUNT, LINEAR, 2>(plane, [y, x], [[8 - fy, fy], [8 - fx, fx]], 6),
        Interpolation::Cubic => {
            let weights = [CUBIC[fy as usize & 7], CUBIC[fx as usize & 7]];
            interpolate::<COUNT, CUBIC_LEN, 4>(plane, [y - 1, x - 1], weights, 14)
        }
    }
}

/// Predicts the tiles of the row of sites `row` that change into `out`: two luma rows, Cb and Cr.
///
/// `reference` is the luma plane and the two chroma planes; `vectors` the vertical and the horizontal component of this row's blocks; `changed` has a bit for
/// each tile, which is as wide as a block, the first in the lowest bit of the first word.
pub fn predict_row(
    reference: [Plane<'_>; 3],
    interpolation: Interpolation,
    row: usize,
    vectors: [&[i8]; 2],
    changed: &[u32],
    out: [&mut [u8]; 4],
) {
    let [above, below, u, v] = out;
    for (block, (&vertical, &horizontal)) in vectors[0].iter().zip(vectors[1]).enumerate() {
        if !is_set(changed, block) {
            continue;
        }
        let vector = [vertical, horizontal];
        let from = block * BLOCK;
        let luma = vector.map(|v| Displacement::new(v, 2));
        let chroma = vector.map(|v| Displacement::new(v, 3));
        for (dy, out) in [&mut *above, &mut *below].into_iter().enumerate() {
            let samples: [u8; 2 * BLOCK] = predict_run::<_, { 2 * BLOCK + 1 }, { 2 * BLOCK + 3 }>(
                reference[0],
                interpolation,
                2 * row + dy,
                2 * from,
                luma,
            );
            put(out, 2 * from, &samples);
        }
        for (plane, out) in [(reference[1], &mut *u), (reference[2], &mut *v)] {
            let samples: [u8; BLOCK] =
                predict_run::<_, { BLOCK + 1 }, { BLOCK + 3 }>(plane, interpolation, row, from, chroma);
            put(out, from, &samples);
        }
    }
}

/// Puts samples into a row, as far as there is room.
#[inline(always)]
fn put<const COUNT: usize>(row: &mut [u8], from: usize, samples: &[u8; COUNT]) {
    let rest = row.get_mut(from..).unwrap_or_default();
    match rest.first_chunk_mut() {
        Some(room) => *room = *samples,
        None => rest.iter_mut().zip(samples).for_each(|(room, sample)| *room = *sample),
    }
}
