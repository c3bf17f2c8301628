//! Block motion search: for each 16x16 block the vector with the least sum of absolute differences plus the cost of its bits. Between two references a vector
//! points to the one before and, reversed, to the one after, and what counts is their mean, or one of them.

use decoder_core::synthesis::prediction::{BlockRow, Plane, predict_row};
use decoder_core::wire::{Geometry, Motion};
use ndarray::{Array2, Array3, ArrayView3};
use rayon::prelude::*;

use super::costs::Costs;

/// Quarter positions of a sample along an axis.
const QUARTERS: usize = 4;
/// Sites of a block's side.
const SITES: usize = 8;
/// Luma samples of it.
const SIDE: usize = 2 * SITES;
/// Rows of it that are looked at together.
const ROWS: usize = 4;
/// Largest displacement that a vector can say, in quarter samples.
const VECTOR_LIMIT: i32 = 127;
/// Sweeps over all blocks, each looked at alone: the first has only the neighbours before a block to predict from.
const SWEEPS: usize = 2;
/// Sweeps in which a block is looked at as it is shown, overlapped by those around it.
const OVERLAPPED_SWEEPS: usize = 2;

/// A picture with even sizes: the coded picture of the format.
#[derive(Clone, Debug)]
pub struct Planes {
    /// Sizes in sites.
    pub geometry: Geometry,
    /// `2 height` rows of `2 width` samples.
    pub luma: Vec<u8>,
    /// The two chroma planes.
    pub chroma: [Vec<u8>; 2],
}

impl Planes {
    fn views(&self) -> [Plane<'_>; 3] {
        let Geometry { width, height } = self.geometry;
        let chroma = |i: usize| Plane { samples: &self.chroma[i], width, height };
        [Plane { samples: &self.luma, width: 2 * width, height: 2 * height }, chroma(0), chroma(1)]
    }
}

/// The luma that the decoder predicts from a reference. `field` is `[vertical, horizontal][row][column]`, of blocks or of their quarters; from the reference after a picture
/// it counts reversed.
pub(super) fn predicted_luma(
    reference: &Planes,
    motion: Motion,
    field: ArrayView3<'_, i8>,
    quarters: bool,
    reversed: bool,
) -> Vec<u8> {
    let Geometry { width, height } = reference.geometry;
    let (_, rows, columns) = field.dim();
    let vectors: Vec<i8> = field.iter().copied().collect();
    let block_row = |row: usize| [0, rows].map(|first| &vectors[(first + row.min(rows - 1)) * columns..][..columns]);
    let sites = if quarters { SITES / 2 } else { SITES };
    let mut chroma = [vec![0; width], vec![0; width]];
    let all = vec![u32::MAX; width.div_ceil(32 * SITES)];
    let mut luma = vec![0; 4 * width * height];
    for (row, pair) in luma.chunks_exact_mut(4 * width).enumerate() {
        let number = row / sites;
        let beyond = if row % sites < sites / 2 { number.saturating_sub(1) } else { number + 1 };
        let (above, below) = pair.split_at_mut(2 * width);
        let [u, v] = &mut chroma;
        let vectors = BlockRow { own: block_row(number), beyond: block_row(beyond), quarters, reversed };
        predict_row(reference.views(), motion.interpolation, row, vectors, &all, [above, below, u, v]);
    }
    luma
}

/// As the decoder's, but for the direction in which halves go.
fn mean(a: u8, b: u8) -> u8 {
    ((u16::from(a) + u16::from(b) + 1) >> 1) as u8
}

/// The sum of absolute differences, as far as both go.
#[inline(always)]
fn absolute_difference(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum()
}

/// The luma of a reference at the 16 quarter positions, made by the decoder's own interpolation.
pub struct Phases {
    pub(super) width: i32,
    pub(super) height: i32,
    planes: Vec<Vec<u8>>,
}

impl Phases {
    /// Those of a picture.
    pub fn new(reference: &Planes, motion: Motion) -> Self {
        let Geometry { width, height } = reference.geometry;
        let (rows, columns) = reference.geometry.motion();
        let plane = |phase: usize| {
            let [vertical, horizontal] = [phase / QUARTERS, phase % QUARTERS].map(|quarters| quarters as i8);
            let field = Array3::from_shape_fn((2, rows, columns), |(c, ..)| [vertical, horizontal][c]);
            predicted_luma(reference, motion, field.view(), false, false)
        };
        let planes = (0..QUARTERS * QUARTERS).into_par_iter().map(plane).collect();
        Self { width: 2 * width as i32, height: 2 * height as i32, planes }
    }

    /// `H` rows of `N` samples from `(y, x)` on displaced by `vector`, or the nearest that there are.
    #[inline(always)]
    fn displaced<const N: usize, const H: usize>(&self, y: i32, x: i32, [dy, dx]: [i32; 2]) -> [[u8; N]; H] {
        let plane = &self.planes[((dy & 3) * 4 + (dx & 3)) as usize];
        let (y, x, width) = (y + (dy >> 2), x + (dx >> 2), self.width as usize);
        let mut samples = [[0; N]; H];
        if (0..=self.width - N as i32).contains(&x) && (0..=self.height - H as i32).contains(&y) {
            let rows = &plane[y as usize * width + x as usize..][..(H - 1) * width + N];
            for (row, samples) in samples.iter_mut().enumerate() {
                samples.copy_from_slice(&rows[row * width..][..N]);
            }
        } else {
            self.at_edge(plane, y, x, samples.as_flattened_mut(), N);
        }
        samples
    }

    /// Rows of `columns` samples from `(y, x)` on, or the nearest that there are.
    fn at_edge(&self, plane: &[u8], y: i32, x: i32, samples: &mut [u8], columns: usize) {
        for (row, samples) in (y..).zip(samples.chunks_exact_mut(columns)) {
            let row = &plane[(row.clamp(0, self.height - 1) * self.width) as usize..];
            (x..).zip(samples).for_each(|(x, sample)| *sample = row[x.clamp(0, self.width - 1) as usize]);
        }
    }
}

/// Bits of a vector component that differs by `d` from what its neighbours say, roughly.
fn bits(d: i32) -> u32 {
    if d == 0 { 1 } else { 2 * d.unsigned_abs().ilog2() + 3 }
}

/// The median of three vectors, component by component.
fn median(a: [i32; 2], b: [i32; 2], c: [i32; 2]) -> [i32; 2] {
    std::array::from_fn(|i| a[i].max(b[i]).min(a[i].min(b[i]).max(c[i])))
}

/// A block's motion, and where it is predicted from: -1 before, 1 after, 0 both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Vertical and horizontal, in quarter luma samples.
    pub vector: [i32; 2],
    /// -1 before, 1 after, 0 both.
    pub side: i8,
}

/// The eight vectors around one.
pub(super) const AROUND: [[i32; 2]; 8] = [[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0], [1, 1]];
/// Those beside it, above and below.
pub(super) const BESIDE: [[i32; 2]; 4] = [[-1, 0], [0, -1], [0, 1], [1, 0]];

/// Goes from the best vector to better ones `around` it, with each of the steps as long as there are any. `consider` makes a vector the best if it costs less.
pub(super) fn descend<C>(
    best: &mut ([i32; 2], C),
    steps: &[i32],
    around: &[[i32; 2]],
    consider: impl Fn([i32; 2], &mut ([i32; 2], C)),
) {
    for step in steps {
        loop {
            let centre = best.0;
            for [dy, dx] in around {
                consider([centre[0] + step * dy, centre[1] + step * dx], best);
            }
            if best.0 == centre {
                break;
            }
        }
    }
}

/// The search of one picture.
pub struct Search<'a> {
    pub(super) before: &'a Phases,
    after: Option<&'a Phases>,
    pub(super) current: &'a [u8],
    /// Those of errors count where blocks are looked at as they overlap; a block alone has absolute ones, which vectors of the CPU add up.
    pub(super) costs: Costs,
    /// Largest components of a vector.
    limit: [i32; 2],
}

impl<'a> Search<'a> {
    /// Of `current`, from the references before and after it.
    pub fn new(
        before: &'a Phases,
        after: Option<&'a Phases>,
        current: &'a Planes,
        motion: Motion,
        costs: Costs,
    ) -> Self {
        let limit = 4 * i32::from(motion.reach);
        Self { before, after, current: &current.luma, costs, limit: [limit, VECTOR_LIMIT.min(limit)] }
    }

    fn cost(&self, block: [i32; 2], vector: [i32; 2], side: i8, expected: [i32; 2], best: u32) -> u32 {
        let price = self.price(vector, expected);
        let stop = best.saturating_sub(price);
        price + self.difference(block.map(|at| SIDE as i32 * at), Block { vector, side }, stop)
    }

    /// `H` rows of `N` predicted samples from `(y, x)` on.
    #[inline(always)]
    pub(super) fn predicted<const N: usize, const H: usize>(
        &self,
        y: i32,
        x: i32,
        Block { vector, side }: Block,
    ) -> [[u8; N]; H] {
        let from_before = || self.before.displaced(y, x, vector);
        let Some(after) = self.after.filter(|_| side >= 0) else { return from_before() };
        let after: [[u8; N]; H] = after.displaced(y, x, vector.map(|component| -component));
        if side > 0 {
            return after;
        }
        let mut both: [[u8; N]; H] = from_before();
        both.as_flattened_mut().iter_mut().zip(after.as_flattened()).for_each(|(a, &b)| *a = mean(*a, b));
        both
    }

    /// Sum of absolute differences of the block at `(y, x)` with its prediction, as far as it is below `stop`.
    fn difference(&self, [top, x]: [i32; 2], block: Block, stop: u32) -> u32 {
        let &Phases { height, width, .. } = self.before;
        let columns = ((width - x) as usize).min(SIDE);
        let mut sum = 0;
        for y in (top..height.min(top + SIDE as i32)).step_by(ROWS) {
            let predicted: [[u8; SIDE]; ROWS] = self.predicted(y, x, block);
            let source = self.current[(y * width + x) as usize..].chunks(width as usize);
            sum += source
                .zip(&predicted)
                .map(|(source, predicted)| match source.first_chunk::<SIDE>() {
                    Some(source) if columns == SIDE => absolute_difference(source, predicted),
                    _ => absolute_difference(&source[..columns], predicted),
                })
                .sum::<u32>();
            if sum >= stop {
                break;
            }
        }
        sum
    }

    /// Of a side's bits, roughly: few where it is that of the blocks before.
    fn side_price(&self, blocks: &Array2<Block>, [row, column]: [usize; 2], side: i8) -> u32 {
        let before = [(row, column.checked_sub(1)), (row.wrapping_sub(1), Some(column))];
        let of = |(row, column): (usize, Option<usize>)| blocks.get([row, column?]).map(|block| block.side);
        let others = before.into_iter().filter_map(of).filter(|&other| other != side).count();
        (self.costs.bit * (0.5 + 1.5 * others as f64)) as u32
    }

    /// Of a vector's bits.
    pub(super) fn price(&self, vector: [i32; 2], expected: [i32; 2]) -> u32 {
        let spent = bits(vector[0] - expected[0]) + bits(vector[1] - expected[1]);
        (self.costs.bit * f64::from(spent)) as u32
    }

    /// Whether the format has such a vector.
    pub fn allowed(&self, vector: [i32; 2]) -> bool {
        vector[0].abs() <= self.limit[0] && vector[1].abs() <= self.limit[1]
    }

    /// The best vector of a block from a side, and its cost: tried are all whole displacements of at most `within`, and what is around the candidates.
    fn block(
        &self,
        block: [i32; 2],
        side: i8,
        expected: [i32; 2],
        candidates: &[[i32; 2]],
        within: i32,
    ) -> ([i32; 2], u32) {
        let mut best = ([0, 0], self.cost(block, [0, 0], side, expected, u32::MAX));
        let consider = |vector: [i32; 2], best: &mut ([i32; 2], u32)| {
            if self.allowed(vector) {
                let cost = self.cost(block, vector, side, expected, best.1);
                if cost < best.1 {
                    *best = (vector, cost);
                }
            }
        };
        for &candidate in candidates.iter().chain([&expected]) {
            consider(candidate, &mut best);
        }
        for dy in -within..=within {
            for dx in -within..=within {
                consider([4 * dy, 4 * dx], &mut best);
            }
        }
        descend(&mut best, &[4, 2, 1], &AROUND, consider);
        best
    }
}

/// The motion of each block from `before`, and reversed from `after`, to `current`, and the absolute differences that are left with a guess of its bits.
///
/// All displacements of at most `within` whole samples are tried, and what is around the best of them. `costs` are of [absolute](Costs::absolute) errors.
pub fn search(
    (before, after): (&Planes, Option<&Planes>),
    current: &Planes,
    motion: Motion,
    within: i32,
    costs: Costs,
) -> (Array2<Block>, u64) {
    let phases = |reference| Phases::new(reference, motion);
    let (before, after) = (phases(before), after.map(phases));
    let search = Search::new(&before, after.as_ref(), current, motion, costs);
    let choices: &[i8] = if after.is_some() { &[0, -1, 1] } else { &[-1] };
    let (rows, columns) = current.geometry.motion();
    let mut blocks = Array2::from_elem((rows, columns), Block::default());
    let mut total = 0;
    for sweep in 0..SWEEPS + OVERLAPPED_SWEEPS {
        total = 0;
        for at in (0..rows).flat_map(|row| (0..columns).map(move |column| [row, column])) {
            let Neighbours { expected, around } = neighbours(&blocks, at);
            let within = if sweep == 0 { within } else { 0 };
            let (block, cost) = if sweep < SWEEPS {
                let best = choices.iter().map(|&side| {
                    let place = at.map(|at| at as i32);
                    let (vector, cost) = search.block(place, side, expected, &around, within);
                    (Block { vector, side }, cost + search.side_price(&blocks, at, side))
                });
                best.min_by_key(|&(_, cost)| cost).unwrap_or((blocks[at], 0))
            } else {
                search.overlapped_block(&blocks, at, expected, &around)
            };
            blocks[at] = block;
            total += u64::from(cost);
        }
    }
    (blocks, total)
}

/// What the vectors around a block say about its own.
struct Neighbours {
    expected: [i32; 2],
    /// The block's own vector, then others.
    around: Vec<[i32; 2]>,
}

fn neighbours(blocks: &Array2<Block>, [row, column]: [usize; 2]) -> Neighbours {
    let at = |dy: isize, dx: isize| {
        let block = blocks.get([row.checked_add_signed(dy)?, column.checked_add_signed(dx)?])?;
        Some(block.vector)
    };
    let left = at(0, -1).unwrap_or([0, 0]);
    let expected = match at(-1, 0) {
        Some(up) => median(left, up, at(-1, 1).or_else(|| at(-1, -1)).unwrap_or([0, 0])),
        None => left,
    };
    let around = [at(0, 0), at(-1, 0), at(0, -1), at(0, 1), at(1, 0), at(-1, 1)].into_iter().flatten().collect();
    Neighbours { expected, around }
}

#[cfg(test)]
mod tests {
    use decoder_core::wire::Interpolation;

    use super::*;

    fn textured(geometry: Geometry, dy: i32, dx: i32) -> Planes {
        let (width, height) = (2 * geometry.width as i32, 2 * geometry.height as i32);
        let sample = |y: i32, x: i32| {
            let (y, x) = ((y + dy) as f64, (x + dx) as f64);
            (128.0 + 60.0 * (y / 3.1 + (x / 7.3).sin()).sin() + 40.0 * (x / 2.7).sin()) as u8
        };
        let luma = (0..height).flat_map(|y| (0..width).map(move |x| sample(y, x))).collect();
        Planes {
            geometry,
            luma,
            chroma: [vec![128; geometry.width * geometry.height], vec![128; geometry.width * geometry.height]],
        }
    }

    #[test]
    fn a_moving_texture_is_followed() {
        let geometry = Geometry::new(64, 48);
        let motion = Motion {
            interpolation: Interpolation::Cubic,
            reach: 15,
            sees_prediction: false,
            pyramid: 1,
            splits: false,
        };
        let (before, after) = (textured(geometry, 0, 0), textured(geometry, 6, -10));
        for after in [None, Some(&after)] {
            let current = textured(geometry, 3, -5);
            let (blocks, _) = search((&before, after), &current, motion, 15, Costs::absolute(2.0));
            assert_eq!([blocks[[1, 1]].vector, blocks[[1, 2]].vector], [[12, -20]; 2]);
        }
    }
}
