//! Motion-compensated prediction of a row of sites from the picture before (SPEC section 8, "Prediction").

use crate::fixed::{clip8, round_shift};
use crate::wire::{Geometry, Interpolation, ROOT_LOG2, SITE};

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

/// A sample of a row, or the nearest that there is.
#[inline(always)]
fn at(row: &[u8], x: i32) -> i32 {
    let x = x.min(row.len() as i32 - 1).max(0) as usize;
    row.get(x).copied().unwrap_or(0).into()
}

/// Predicts samples `from..from + count` of row `y` of a plane; `put(i, sample)` gets the `i`-th.
#[inline]
fn predict_run(
    plane: Plane<'_>,
    interpolation: Interpolation,
    y: usize,
    from: usize,
    count: usize,
    vector: [Displacement; 2],
    mut put: impl FnMut(usize, u8),
) {
    let [vertical, horizontal] = vector;
    let y = y as i32 + vertical.whole;
    let x = from as i32 + horizontal.whole;
    let (fy, fx) = (vertical.eighths, horizontal.eighths);
    if fy == 0 && fx == 0 {
        let row = plane.row(y);
        for i in 0..count {
            put(i, at(row, x + i as i32) as u8);
        }
        return;
    }
    match interpolation {
        Interpolation::Bilinear => {
            let (above, below) = (plane.row(y), plane.row(y + 1));
            for i in 0..count {
                let x = x + i as i32;
                let top = (8 - fx) * at(above, x) + fx * at(above, x + 1);
                let bottom = (8 - fx) * at(below, x) + fx * at(below, x + 1);
                put(i, round_shift((8 - fy) * top + fy * bottom, 6) as u8);
            }
        }
        Interpolation::Cubic => {
            let rows = [-1, 0, 1, 2].map(|dy| plane.row(y + dy));
            let (of_y, of_x) = (CUBIC[fy as usize & 7], CUBIC[fx as usize & 7]);
            for i in 0..count {
                let x = x + i as i32;
                let along = rows.map(|row| {
                    of_x[0] * at(row, x - 1)
                        + of_x[1] * at(row, x)
                        + of_x[2] * at(row, x + 1)
                        + of_x[3] * at(row, x + 2)
                });
                let sum: i32 = along.iter().zip(of_y).map(|(&a, w)| a * w).sum();
                put(i, clip8(round_shift(sum, 14)));
            }
        }
    }
}

/// Predicts the row of sites `row` into `out`, 6 samples a site.
///
/// `reference` is the luma plane and the two chroma planes; `vectors` the vertical and the horizontal component of this row's blocks.
pub fn predict_row(
    reference: [Plane<'_>; 3],
    interpolation: Interpolation,
    geometry: Geometry,
    row: usize,
    vectors: [&[i8]; 2],
    out: &mut [u8],
) {
    let block = 1 << ROOT_LOG2;
    let blocks = out.chunks_mut(block * SITE).zip(vectors[0].iter().zip(vectors[1])).enumerate();
    for (number, (sites, (&vertical, &horizontal))) in blocks {
        let from = number * block;
        let count = block.min(geometry.width.saturating_sub(from));
        let luma = [vertical, horizontal].map(|v| Displacement::new(v, 2));
        let chroma = [vertical, horizontal].map(|v| Displacement::new(v, 3));
        let mut put = |site: usize, sample: usize, value: u8| {
            if let Some(slot) = sites.get_mut(site * SITE + sample) {
                *slot = value;
            }
        };
        for dy in 0..2 {
            predict_run(reference[0], interpolation, 2 * row + dy, 2 * from, 2 * count, luma, |i, value| {
                put(i / 2, 2 * dy + i % 2, value)
            });
        }
        for (sample, plane) in [(4, reference[1]), (5, reference[2])] {
            predict_run(plane, interpolation, row, from, count, chroma, |i, value| put(i, sample, value));
        }
    }
}
