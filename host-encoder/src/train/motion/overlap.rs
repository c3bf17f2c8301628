//! The search among the vectors of blocks that overlap: a vector counts where its block is seen, as it is mixed with others there.

use std::ops::Range;

use ndarray::Array2;

use super::search::{BESIDE, Block, Phases, Search, descend};

/// Samples of half a block's side. The part of a block at one of its corners is mixed from its own vector and those of the three blocks beyond that.
pub(super) const OF_BLOCKS: usize = 8;
/// The same where each quarter of a block has a vector, and is what a block is otherwise.
pub(super) const OF_QUARTERS: usize = 4;
/// What is beyond an edge weighs, in 1/16, from the edge on (SPEC section 8).
const BEYOND: [u16; OF_BLOCKS] = [7, 5, 3, 1, 0, 0, 0, 0];

/// What blocks weigh, in 1/256, in a part of one at its corner.
struct Weights<const HALF: usize>;

impl<const HALF: usize> Weights<HALF> {
    /// `[beyond is below][it is to the right][block][row][column]`, where the blocks are the part's own, the one above or below, beside, and the one beyond the corner.
    const ALL: [[[[[u16; HALF]; HALF]; 4]; 2]; 2] = [
        [Self::towards(false, false), Self::towards(false, true)],
        [Self::towards(true, false), Self::towards(true, true)],
    ];

    const fn towards(below: bool, right: bool) -> [[[u16; HALF]; HALF]; 4] {
        let mut weights = [[[0; HALF]; HALF]; 4];
        let mut at = 0;
        while at < HALF * HALF {
            let (row, column) = (at / HALF, at % HALF);
            let down = BEYOND[if below { HALF - 1 - row } else { row }];
            let across = BEYOND[if right { HALF - 1 - column } else { column }];
            weights[0][row][column] = (16 - down) * (16 - across);
            weights[1][row][column] = down * (16 - across);
            weights[2][row][column] = (16 - down) * across;
            weights[3][row][column] = down * across;
            at += 1;
        }
        weights
    }
}

/// Blocks, or quarters of them, that are a square, as far as the picture goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Square {
    /// Row and column of the first.
    pub first: [usize; 2],
    /// How many are beside each other.
    pub side: usize,
}

impl Square {
    /// One alone.
    pub fn of(first: [usize; 2]) -> Self {
        Self { first, side: 1 }
    }

    fn has(self, at: [usize; 2]) -> bool {
        at.iter().zip(self.first).all(|(&at, first)| (first..first + self.side).contains(&at))
    }
}

/// The part of a block at one of its corners, which is at the end or at the start of each axis.
struct Corner {
    y: i32,
    x: i32,
    /// Whether what is beyond is below, not above, and to the right, not to the left.
    towards: [bool; 2],
    /// Its own block, the one above or below, beside, and of the one beyond the corner.
    blocks: [Block; 4],
}

impl Search<'_> {
    /// The best vector of a block among those around and what is near the best of them, all other blocks as they are, and its cost.
    pub(super) fn overlapped_block(
        &self,
        blocks: &Array2<Block>,
        at: [usize; 2],
        expected: [i32; 2],
        around: &[[i32; 2]],
    ) -> (Block, u32) {
        let own = blocks[at];
        let cost = |vector: [i32; 2], stop: u32| {
            let price = self.price(vector, expected);
            let all = Some(Block { vector, ..own });
            price + self.seen_error::<OF_BLOCKS>(blocks, Square::of(at), all, stop.saturating_sub(price))
        };
        let mut best = (own.vector, cost(own.vector, u32::MAX));
        let consider = |vector: [i32; 2], best: &mut ([i32; 2], u32)| {
            if vector != best.0 && self.allowed(vector) {
                let cost = cost(vector, best.1);
                if cost < best.1 {
                    *best = (vector, cost);
                }
            }
        };
        around.iter().chain([&expected, &[0, 0]]).for_each(|&vector| consider(vector, &mut best));
        descend(&mut best, &[2, 1], &BESIDE, consider);
        (Block { vector: best.0, ..own }, best.1)
    }

    /// The cost of all errors wherever the vectors of a square count, as they are or if all of them are `all`; if that is `stop` or more, any number from `stop` on. Blocks
    /// have sides of `2 HALF` samples.
    pub(super) fn seen_error<const HALF: usize>(
        &self,
        blocks: &Array2<Block>,
        square: Square,
        all: Option<Block>,
        stop: u32,
    ) -> u32 {
        let of = |at: [usize; 2]| all.filter(|_| square.has(at)).unwrap_or(blocks[at]);
        let corners = |at: usize| 2 * at as i32 - 1..2 * (at + square.side) as i32 + 1;
        self.corners_error::<HALF>(blocks.dim(), of, square.first.map(corners), stop)
    }

    /// The cost of all errors in the picture.
    #[cfg(test)]
    pub(super) fn picture_error<const HALF: usize>(&self, blocks: &Array2<Block>) -> u32 {
        let (rows, columns) = blocks.dim();
        let corners = |blocks: usize| 0..2 * blocks as i32;
        self.corners_error::<HALF>((rows, columns), |at| blocks[at], [corners(rows), corners(columns)], u32::MAX)
    }

    /// The cost of all errors at some corners of blocks, as far as they are in the picture and it is below `stop`.
    fn corners_error<const HALF: usize>(
        &self,
        (rows, columns): (usize, usize),
        block: impl Fn([usize; 2]) -> Block,
        [down, across]: [Range<i32>; 2],
        stop: u32,
    ) -> u32 {
        let of = |row: i32, column: i32| {
            block([row.clamp(0, rows as i32 - 1) as usize, column.clamp(0, columns as i32 - 1) as usize])
        };
        let mut sum = 0;
        for (qy, qx) in down.flat_map(|qy| across.clone().map(move |qx| (qy, qx))) {
            let (y, x) = (HALF as i32 * qy, HALF as i32 * qx);
            if (0..self.before.height).contains(&y) && (0..self.before.width).contains(&x) {
                let (r, c, dy, dx) = (qy / 2, qx / 2, 2 * (qy % 2) - 1, 2 * (qx % 2) - 1);
                let blocks = [of(r, c), of(r + dy, c), of(r, c + dx), of(r + dy, c + dx)];
                sum += self.corner_error::<HALF>(&Corner { y, x, towards: [dy > 0, dx > 0], blocks });
                if sum >= stop {
                    break;
                }
            }
        }
        sum
    }

    #[inline(always)]
    fn corner_error<const HALF: usize>(&self, corner: &Corner) -> u32 {
        let &Corner { y, x, towards, blocks } = corner;
        let vectors = blocks.map(|block| block.vector);
        // Only vectors count beyond a block's edge, not sides.
        let of = |vector: [i32; 2]| self.predicted::<HALF, HALF>(y, x, Block { vector, ..blocks[0] });
        let own = of(vectors[0]);
        if vectors.iter().all(|&vector| vector == vectors[0]) {
            return self.shown_error(y, x, &own);
        }
        // Most vectors are those of other blocks.
        let beyond = if vectors[1] == vectors[0] { own } else { of(vectors[1]) };
        let beside = if vectors[2] == vectors[0] { own } else { of(vectors[2]) };
        let beyond_both = match vectors[3] {
            vector if vector == vectors[1] => beyond,
            vector if vector == vectors[2] => beside,
            vector => of(vector),
        };
        let weights = &Weights::<HALF>::ALL[usize::from(towards[0])][usize::from(towards[1])];
        let [w0, w1, w2, w3] = weights.each_ref().map(|weights| weights.as_flattened());
        let [s0, s1, s2, s3] = [&own, &beyond, &beside, &beyond_both].map(|samples| samples.as_flattened());
        let mut mixed = [[0; HALF]; HALF];
        for (i, mixed) in mixed.as_flattened_mut().iter_mut().enumerate() {
            let both = |w: &[u16], s: &[u8]| w[i] * u16::from(s[i]);
            // At most 256 * 255 + 128, which is below 2^16.
            *mixed = ((128 + both(w0, s0) + both(w1, s1) + both(w2, s2) + both(w3, s3)) >> 8) as u8;
        }
        self.shown_error(y, x, &mixed)
    }

    /// The cost of the errors of what is shown from `(y, x)` on, as far as the picture goes.
    #[inline(always)]
    fn shown_error<const HALF: usize>(&self, y: i32, x: i32, shown: &[[u8; HALF]; HALF]) -> u32 {
        let &Phases { height, width, .. } = self.before;
        let (rows, columns) = ((height - y) as usize, (width - x) as usize);
        let source = &self.current[(y * width + x) as usize..];
        let row = |row: usize| &source[row * width as usize..];
        if rows < HALF || columns < HALF {
            let errors = |at: usize| row(at).iter().zip(&shown[at]).take(columns).map(|(a, &b)| a.abs_diff(b));
            return (0..rows.min(HALF)).flat_map(errors).map(|error| self.costs.error(error)).sum();
        }
        let mut errors = [[0; HALF]; HALF];
        for (at, errors) in errors.iter_mut().enumerate() {
            errors.iter_mut().zip(row(at)).zip(&shown[at]).for_each(|((error, a), &b)| *error = a.abs_diff(b));
        }
        // Several sums, so that none waits for another.
        let mut sums = [0; 4];
        for errors in errors.as_flattened().chunks_exact(sums.len()) {
            sums.iter_mut().zip(errors).for_each(|(sum, &error)| *sum += self.costs.error(error));
        }
        sums.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use decoder_core::wire::{Geometry, Interpolation, Motion};

    use ndarray::Array3;

    use super::super::costs::Costs;
    use super::super::search::{Planes, predicted_luma};
    use super::*;

    /// `len` numbers below `below`, which look random.
    fn numbers(len: usize, below: u32, seed: u32) -> impl Iterator<Item = u32> {
        let mut state = seed;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        })
        .take(len)
    }

    fn picture(geometry: Geometry, seed: u32) -> Planes {
        let sites = geometry.width * geometry.height;
        let samples = |len, seed| numbers(len, 256, seed).map(|sample| sample as u8).collect();
        Planes { geometry, luma: samples(4 * sites, seed), chroma: [vec![128; sites], vec![128; sites]] }
    }

    fn settings(splits: bool) -> Motion {
        Motion { interpolation: Interpolation::Cubic, reach: 31, sees_prediction: false, pyramid: 0, splits }
    }

    /// Blocks that move by up to ten samples, each on its own.
    fn moving(shape: (usize, usize), side: impl Fn(usize, usize) -> i8) -> Array2<Block> {
        let mut components = numbers(2 * shape.0 * shape.1, 81, 3).map(|component| component as i32 - 40);
        let mut component = || components.next().unwrap_or(0);
        Array2::from_shape_fn(shape, |(row, column)| Block {
            vector: [component(), component()],
            side: side(row, column),
        })
    }

    fn vectors(blocks: &Array2<Block>) -> Array3<i8> {
        let (rows, columns) = blocks.dim();
        Array3::from_shape_fn((2, rows, columns), |(c, row, column)| blocks[[row, column]].vector[c] as i8)
    }

    #[test]
    fn what_is_looked_at_is_what_the_decoder_shows() {
        let geometry = Geometry::new(90, 70);
        let (before, after, current) = (picture(geometry, 1), picture(geometry, 4), picture(geometry, 2));
        let motion = settings(false);
        let (rows, columns) = geometry.motion();
        let blocks = moving((rows, columns), |row, column| [0, -1, 1][(row + column) % 3]);
        let field = vectors(&blocks);
        let predicted = |reference: &Planes, reversed: bool| -> Vec<u32> {
            predicted_luma(reference, motion, field.view(), false, reversed).into_iter().map(u32::from).collect()
        };
        let from_before = predicted(&before, false);
        let from_after = predicted(&after, true);
        let from_both = (0..from_before.len())
            .map(|at| {
                let (a, b) = (from_before[at], from_after[at]);
                match blocks[[at / (2 * geometry.width) / 16, at % (2 * geometry.width) / 16]].side {
                    0 => (a + b).div_ceil(2),
                    side => [a, b][usize::from(side > 0)],
                }
            })
            .collect();
        for (after, shown) in [(None, from_before), (Some(&after), from_both)] {
            let phases = |reference| Phases::new(reference, motion);
            let (before, after) = (phases(&before), after.map(phases));
            let (before, after) = (&before, after.as_ref());
            let search = Search::new(before, after, &current, motion, Costs::absolute(0.0));
            // Not those near the picture's edges, where the search takes the nearest sample and the decoder the nearest of each filter's.
            for block in (2..rows - 2).flat_map(|row| (2..columns - 2).map(move |column| [row, column])) {
                let seen = search.seen_error::<OF_BLOCKS>(&blocks, Square::of(block), None, u32::MAX);
                let span = |at: usize| 16 * at - 8..16 * at + 24;
                is_as_shown(seen, block.map(span), &shown, &current);
            }
        }
    }

    /// Compares what was seen of a part of the picture, rows and columns, with what is shown there.
    fn is_as_shown(seen: u32, [down, across]: [Range<usize>; 2], shown: &[u32], current: &Planes) {
        let width = 2 * current.geometry.width;
        let places = down.clone().flat_map(|y| across.clone().map(move |x| y * width + x));
        let (count, sum) =
            places.fold((0, 0), |(count, sum), at| (count + 1, sum + shown[at].abs_diff(current.luma[at].into())));
        // The decoder rounds twice.
        assert!(seen.abs_diff(sum) < count / 20, "{down:?} {across:?}: {seen}, not {sum} over {count} samples");
    }

    #[test]
    fn quarters_are_looked_at_as_the_decoder_shows_them() {
        let geometry = Geometry::new(90, 70);
        let (before, current) = (picture(geometry, 1), picture(geometry, 2));
        let motion = settings(true);
        let quarters = moving(geometry.quarters(), |_, _| -1);
        let shown = predicted_luma(&before, motion, vectors(&quarters).view(), true, false);
        let shown: Vec<u32> = shown.into_iter().map(u32::from).collect();
        let before = Phases::new(&before, motion);
        let search = Search::new(&before, None, &current, motion, Costs::absolute(0.0));
        let (rows, columns) = geometry.motion();
        for block in (2..rows - 2).flat_map(|row| (2..columns - 2).map(move |column| [row, column])) {
            let square = Square { first: block.map(|at| 2 * at), side: 2 };
            let seen = search.seen_error::<OF_QUARTERS>(&quarters, square, None, u32::MAX);
            is_as_shown(seen, block.map(|at| 16 * at - 4..16 * at + 20), &shown, &current);
            let quarter = block.map(|at| 2 * at + 1);
            let seen = search.seen_error::<OF_QUARTERS>(&quarters, Square::of(quarter), None, u32::MAX);
            is_as_shown(seen, quarter.map(|at| 8 * at - 4..8 * at + 12), &shown, &current);
        }
    }

    #[test]
    fn a_square_that_becomes_one_changes_what_the_picture_does() {
        let geometry = Geometry::new(140, 108);
        let (before, current) = (picture(geometry, 1), picture(geometry, 2));
        let motion = settings(false);
        let before = Phases::new(&before, motion);
        let search = Search::new(&before, None, &current, motion, Costs::coded(90.0));
        let (rows, columns) = geometry.motion();
        let blocks = moving((rows, columns), |_, _| -1);
        let all = Block { vector: [6, -3], side: -1 };
        // The last goes beyond the picture.
        for (first, side) in [([0, 0], 1), ([2, 3], 1), ([0, 2], 2), ([1, 1], 4), ([4, 8], 4)] {
            let square = Square { first, side };
            let mut changed = blocks.clone();
            let end = |axis: usize| (first[axis] + side).min([rows, columns][axis]);
            changed.slice_mut(ndarray::s![first[0]..end(0), first[1]..end(1)]).fill(all);
            let of_square = search
                .seen_error::<OF_BLOCKS>(&blocks, square, None, u32::MAX)
                .wrapping_sub(search.seen_error::<OF_BLOCKS>(&blocks, square, Some(all), u32::MAX));
            let of_picture =
                search.picture_error::<OF_BLOCKS>(&blocks).wrapping_sub(search.picture_error::<OF_BLOCKS>(&changed));
            assert!(changed != blocks && of_square == of_picture, "{square:?}: {of_square}, {of_picture}");
            let found = |stop: u32| search.seen_error::<OF_BLOCKS>(&blocks, square, Some(all), stop);
            let whole = found(u32::MAX);
            assert!(found(whole + 1) == whole, "{square:?}: what is below the stop is whole");
            assert!([whole, whole / 3].iter().all(|&stop| found(stop) >= stop), "{square:?}: what is not is not less");
        }
    }
}
