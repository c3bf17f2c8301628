//! Motion-compensated prediction of a row of sites from the picture before (SPEC section 8, "Prediction").

use super::overlap::{CHROMA_WEIGHTS, LUMA_WEIGHTS, MIXED, mix, mix_row, reaches_edge, row_weights};
use super::store::is_set;
use crate::fixed::clip8;
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
    #[inline(never)]
    fn row(&self, y: i32) -> &'a [u8] {
        let y = y.min(self.height as i32 - 1).max(0) as usize;
        self.samples.get(y * self.width..(y + 1) * self.width).unwrap_or_default()
    }

    /// `LEN` samples of each of `TAPS` rows from `(y, x)` on, those behind the end of a row from the next; `None` unless all are in the plane.
    #[inline(always)]
    fn patches<const LEN: usize, const TAPS: usize>(&self, y: i32, x: i32) -> Option<[&'a [u8; LEN]; TAPS]> {
        let y = usize::try_from(y).ok().filter(|y| y + TAPS <= self.height)?;
        let from = (y * self.width).checked_add_signed(x as isize)?;
        let mut rows = self.samples.get(from..)?;
        let mut patches = [&[0; LEN]; TAPS];
        for patch in &mut patches {
            *patch = rows.first_chunk()?;
            rows = rows.get(self.width..).unwrap_or_default();
        }
        Some(patches)
    }

    /// The same with the nearest samples for those that are not there.
    fn clamped_patches<const LEN: usize, const TAPS: usize>(&self, y: i32, x: i32) -> [[u8; LEN]; TAPS] {
        let mut patches = [[0; LEN]; TAPS];
        (y..).zip(&mut patches).for_each(|(y, patch)| clamped_patch(self.row(y), x, patch));
        patches
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

/// Fills `samples` from `x` on.
#[cold]
#[inline(never)]
fn clamped_patch(row: &[u8], x: i32, samples: &mut [u8]) {
    for (x, sample) in (x..).zip(samples) {
        let x = x.min(row.len() as i32 - 1).max(0) as usize;
        *sample = row.get(x).copied().unwrap_or(0);
    }
}

/// Even and odd columns of four, two to a word.
type Columns = [u32; 2];

/// Four samples of a row as columns.
#[inline(always)]
fn samples<const LEN: usize>(row: &[u8; LEN], four: usize) -> Columns {
    let samples = u32::from_le_bytes(row.as_chunks::<4>().0.get(four).copied().unwrap_or_default());
    [samples & 0x00ff_00ff, (samples >> 8) & 0x00ff_00ff]
}

/// Adds weighted columns. Sums of 16 bits each, so that what is carried between them on the way cancels out.
#[inline(always)]
fn add_weighted([even, odd]: Columns, [more_even, more_odd]: Columns, weight: i32) -> Columns {
    let weight = weight as u32;
    [even.wrapping_add(more_even.wrapping_mul(weight)), odd.wrapping_add(more_odd.wrapping_mul(weight))]
}

/// Interpolates between samples and those below and after them. `LEN` is 4 more than there are samples.
#[inline(never)]
fn bilinear<const LEN: usize>([above, below]: [&[u8; LEN]; 2], [fy, fx]: [i32; 2], out: &mut [u8]) {
    let (own, after) = (8 - fx as u32, fx as u32);
    let columns = |four| add_weighted(add_weighted([0; 2], samples(above, four), 8 - fy), samples(below, four), fy);
    let [mut even, mut odd] = columns(0);
    for (four, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let [next_even, next_odd] = columns(four + 1);
        let half = 0x0020_0020;
        let left = (even * own + odd * after + half) >> 6;
        let behind = (even >> 16) | (next_even << 16);
        let right = (odd * own + behind * after + half) >> 6;
        *out = ((left & 0x00ff_00ff) | (right & 0x00ff_00ff) << 8).to_le_bytes();
        (even, odd) = (next_even, next_odd);
    }
}

/// Interpolates with four taps, from samples a row and a column before on. `LEN` is 4 more than there are samples.
#[inline(never)]
fn cubic<const LEN: usize>([first, second, third, fourth]: [&[u8; LEN]; 4], [fy, fx]: [i32; 2], out: &mut [u8]) {
    // What keeps sums of columns from being negative, and what becomes of it: all taps are 128.
    const FLOOR: u32 = 18 * 255;
    const START: i32 = (1 << 13) - 128 * FLOOR as i32;
    let [of_y, [p, q, r, s]] = [fy, fx].map(|fraction| CUBIC[fraction as usize & 7]);
    let columns = |four| {
        let sums = [FLOOR << 16 | FLOOR; 2];
        let sums = add_weighted(sums, samples(first, four), of_y[0]);
        let sums = add_weighted(sums, samples(second, four), of_y[1]);
        let sums = add_weighted(sums, samples(third, four), of_y[2]);
        let [even, odd] = add_weighted(sums, samples(fourth, four), of_y[3]);
        [even as u16, odd as u16, (even >> 16) as u16, (odd >> 16) as u16].map(i32::from)
    };
    let weighted = |a: i32, b: i32, c: i32, d: i32| clip8((START + a * p + b * q + c * r + d * s) >> 14);
    let mut window = columns(0);
    for (four, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let next = columns(four + 1);
        let ([a, b, c, d], [e, f, g, h]) = (window, next);
        *out = [weighted(a, b, c, d), weighted(b, c, d, e), weighted(c, d, e, f), weighted(d, e, f, g)];
        window = [e, f, g, h];
    }
}

/// Predicts the samples of a plane at `(y, x)` and behind; `LEN` is `COUNT + 4`.
#[inline(always)]
fn predict_run<const COUNT: usize, const LEN: usize>(
    plane: Plane<'_>,
    interpolation: Interpolation,
    [y, x]: [i32; 2],
    fractions: [i32; 2],
    out: &mut [u8; COUNT],
) {
    // The samples that count; others that are read are weighted with zero.
    let (before, after) = match (interpolation, fractions[1]) {
        (_, 0) => (0, 0),
        (Interpolation::Bilinear, _) => (0, 1),
        (Interpolation::Cubic, _) => (1, 2),
    };
    let inside = x >= before && x + COUNT as i32 + after <= plane.width as i32;
    if fractions == [0, 0] {
        match plane.patches::<COUNT, 1>(y, x).filter(|_| inside) {
            Some([samples]) => *out = *samples,
            None => clamped_patch(plane.row(y), x, out),
        }
        return;
    }
    match interpolation {
        Interpolation::Bilinear => match plane.patches::<LEN, 2>(y, x).filter(|_| inside) {
            Some(rows) => bilinear(rows, fractions, out),
            None => bilinear_at_edge::<LEN>(plane, [y, x], fractions, out),
        },
        Interpolation::Cubic => match plane.patches::<LEN, 4>(y - 1, x - 1).filter(|_| inside) {
            Some(rows) => cubic(rows, fractions, out),
            None => cubic_at_edge::<LEN>(plane, [y - 1, x - 1], fractions, out),
        },
    }
}

#[cold]
#[inline(never)]
fn bilinear_at_edge<const LEN: usize>(plane: Plane<'_>, [y, x]: [i32; 2], fractions: [i32; 2], out: &mut [u8]) {
    bilinear(plane.clamped_patches::<LEN, 2>(y, x).each_ref(), fractions, out);
}

#[cold]
#[inline(never)]
fn cubic_at_edge<const LEN: usize>(plane: Plane<'_>, [y, x]: [i32; 2], fractions: [i32; 2], out: &mut [u8]) {
    cubic(plane.clamped_patches::<LEN, 4>(y, x).each_ref(), fractions, out);
}

/// What a row of samples of a block is predicted with: the block's own vector and, near its upper or lower edge, that of the block beyond.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Column {
    own: [i8; 2],
    beyond: [i8; 2],
}

impl Column {
    fn is_still(self) -> bool {
        self.own == [0; 2] && self.beyond == [0; 2]
    }
}

/// A place in a plane, and how much the block beyond weighs there.
#[derive(Clone, Copy)]
struct Place<'a> {
    plane: Plane<'a>,
    /// Log2 of the vectors' units in a sample.
    log2: u32,
    y: usize,
    weight: i32,
}

/// Predicts `COUNT` samples from column `from` on; `LEN` is `COUNT + 4`.
#[inline(always)]
fn predict_samples<const COUNT: usize, const LEN: usize>(
    Place { plane, log2, y, weight }: Place<'_>,
    interpolation: Interpolation,
    from: usize,
    Column { own, beyond }: Column,
    out: &mut [u8; COUNT],
) {
    let predict = |vector: [i8; 2], out: &mut [u8; COUNT]| {
        let [vertical, horizontal] = vector.map(|component| Displacement::new(component, log2));
        let at = [y as i32 + vertical.whole, from as i32 + horizontal.whole];
        predict_run::<COUNT, LEN>(plane, interpolation, at, [vertical.eighths, horizontal.eighths], out);
    };
    predict(own, out);
    if weight > 0 && beyond != own {
        let mut other = [0; COUNT];
        predict(beyond, &mut other);
        mix_row(out, &other, weight);
    }
}

/// The same into `out`, as far as it reaches.
#[inline(always)]
fn predict_into<const COUNT: usize, const LEN: usize>(
    place: Place<'_>,
    interpolation: Interpolation,
    from: usize,
    column: Column,
    out: &mut [u8],
) {
    let rest = out.get_mut(from..).unwrap_or_default();
    if let Some(out) = rest.first_chunk_mut() {
        return predict_samples::<COUNT, LEN>(place, interpolation, from, column, out);
    }
    let mut samples = [0; COUNT];
    predict_samples::<COUNT, LEN>(place, interpolation, from, column, &mut samples);
    rest.iter_mut().zip(samples).for_each(|(out, sample)| *out = sample);
}

/// Copies a block's row of sites that does not move; `None` if it is cut by the edge.
#[inline(always)]
fn stay(reference: [Plane<'_>; 3], row: usize, from: usize, [above, below, u, v]: [&mut [u8]; 4]) -> Option<()> {
    let [luma, cb, cr] = reference;
    let place = 2 * row * luma.width + 2 * from;
    copy_block::<{ 2 * BLOCK }>(luma, place, above, 2 * from)?;
    copy_block::<{ 2 * BLOCK }>(luma, place + luma.width, below, 2 * from)?;
    copy_block::<BLOCK>(cb, row * cb.width + from, u, from)?;
    copy_block::<BLOCK>(cr, row * cr.width + from, v, from)
}

/// Copies samples of a plane; `None` if `out` ends before.
#[inline(always)]
fn copy_block<const COUNT: usize>(plane: Plane<'_>, place: usize, out: &mut [u8], from: usize) -> Option<()> {
    let out = out.get_mut(from..)?.first_chunk_mut::<COUNT>()?;
    *out = *plane.samples.get(place..)?.first_chunk()?;
    Some(())
}

/// The vectors of a row of sites, vertical and horizontal components.
#[derive(Clone, Copy, Debug)]
pub struct BlockRow<'a> {
    /// Of the row's own blocks.
    pub own: [&'a [i8]; 2],
    /// Of those above for a block's upper rows, below for its lower ones; at the picture's edge the row's own.
    pub beyond: [&'a [i8]; 2],
}

impl BlockRow<'_> {
    /// What block `block` is predicted with, where the one beyond its edge counts if `mixed`.
    #[inline(always)]
    fn column(&self, block: usize, mixed: bool) -> Column {
        let of = |vectors: [&[i8]; 2]| vectors.map(|plane| plane.get(block).copied().unwrap_or(0));
        let own = of(self.own);
        Column { own, beyond: if mixed { of(self.beyond) } else { own } }
    }
}

/// Predicts the tiles of the row of sites `row` that change into `out`: two luma rows, Cb and Cr.
///
/// `reference` is the luma plane and the two chroma planes; `changed` has a bit for each tile, which is as wide as a block, the first in the lowest bit of the
/// first word. Tiles that any vector which differs from zero takes part in are to be among them.
pub fn predict_row(
    reference: [Plane<'_>; 3],
    interpolation: Interpolation,
    row: usize,
    vectors: BlockRow<'_>,
    changed: &[u32],
    out: [&mut [u8]; 4],
) {
    let [above, below, u, v] = out;
    let [luma, cb, cr] = reference;
    let [of_above, of_below, of_chroma] = row_weights(row);
    let luma =
        [(2 * row, of_above), (2 * row + 1, of_below)].map(|(y, weight)| Place { plane: luma, log2: 2, y, weight });
    let chroma = [cb, cr].map(|plane| Place { plane, log2: 3, y: row, weight: of_chroma });
    let mut before = None;
    for block in 0..vectors.own[0].len() {
        let column = vectors.column(block, reaches_edge(row));
        let from = block * BLOCK;
        let rows = [&mut *above, &mut *below, &mut *u, &mut *v];
        if is_set(changed, block) && !(column.is_still() && stay(reference, row, from, rows).is_some()) {
            for (place, out) in luma.into_iter().zip([&mut *above, &mut *below]) {
                predict_into::<{ 2 * BLOCK }, { 2 * BLOCK + 4 }>(place, interpolation, 2 * from, column, out);
            }
            for (place, out) in chroma.into_iter().zip([&mut *u, &mut *v]) {
                predict_into::<BLOCK, { BLOCK + 4 }>(place, interpolation, from, column, out);
            }
        }
        if let Some(before) = before.replace(column).filter(|&before| before != column) {
            for (place, out) in luma.into_iter().zip([&mut *above, &mut *below]) {
                mix_edge(place, interpolation, 2 * from, [before, column], &LUMA_WEIGHTS, out);
            }
            for (place, out) in chroma.into_iter().zip([&mut *u, &mut *v]) {
                mix_edge(place, interpolation, from, [before, column], &CHROMA_WEIGHTS, out);
            }
        }
    }
}

/// Mixes what two blocks that meet at column `at` say, on both sides of it.
#[inline(never)]
fn mix_edge(
    place: Place<'_>,
    interpolation: Interpolation,
    at: usize,
    [left, right]: [Column; 2],
    weights: &[i32],
    out: &mut [u8],
) {
    let predict = |from: usize, column: Column| {
        let mut samples = [0; MIXED];
        predict_samples::<MIXED, { MIXED + 4 }>(place, interpolation, from, column, &mut samples);
        samples
    };
    let from = at.saturating_sub(weights.len());
    let of_right = predict(from, right);
    let of_left = predict(at, left);
    let (before, behind) = out.split_at_mut_checked(at).unwrap_or_default();
    let before = before.get_mut(from..).unwrap_or_default();
    for (column, ((sample, other), weight)) in before.iter_mut().zip(of_right).zip(weights.iter().rev()).enumerate() {
        *sample = mix(*sample, other, *weight, column);
    }
    for (column, ((sample, other), weight)) in behind.iter_mut().zip(of_left).zip(weights).enumerate() {
        *sample = mix(*sample, other, *weight, column);
    }
}
