//! The search among the vectors of blocks that overlap: a vector counts where its block is seen, as it is mixed with others there.

use ndarray::Array2;

use super::{Phases, Search};

/// Samples of half a block's side. A quarter of a block is mixed from its own vector and those of the three blocks at its corner.
const HALF: i32 = 8;
/// What is beyond an edge weighs, in 1/16, from the edge on (SPEC section 8).
const BEYOND: [i32; HALF as usize] = [7, 5, 3, 1, 0, 0, 0, 0];

/// A quarter of a block: its corner towards others is at the end or at the start of each axis.
struct Quarter {
    y: i32,
    x: i32,
    /// -1 if what is beyond is above, or to the left; 1 if it is below, or to the right.
    towards: [i32; 2],
    /// Of its own block, of the one above or below, beside, and of the one beyond the corner.
    vectors: [[i32; 2]; 4],
}

impl Search<'_> {
    /// The best vector of a block among those around and what is near the best of them, all other blocks as they are.
    pub(super) fn overlapped_block(
        &self,
        vectors: &Array2<[i32; 2]>,
        block: [usize; 2],
        expected: [i32; 2],
        around: &[[i32; 2]],
    ) -> [i32; 2] {
        let cost = |vector: [i32; 2]| self.price(vector, expected) + self.seen_difference(vectors, block, vector);
        let mut best = (vectors[block], cost(vectors[block]));
        let consider = |vector: [i32; 2], best: &mut ([i32; 2], u32)| {
            if vector != best.0 && self.allowed(vector) {
                let cost = cost(vector);
                if cost < best.1 {
                    *best = (vector, cost);
                }
            }
        };
        around.iter().chain([&expected, &[0, 0]]).for_each(|&vector| consider(vector, &mut best));
        for step in [2, 1] {
            loop {
                let centre = best.0;
                for (dy, dx) in [(-1, 0), (0, -1), (0, 1), (1, 0)] {
                    consider([centre[0] + step * dy, centre[1] + step * dx], &mut best);
                }
                if best.0 == centre {
                    break;
                }
            }
        }
        best.0
    }

    /// Sum of absolute differences wherever a block's vector counts.
    fn seen_difference(&self, vectors: &Array2<[i32; 2]>, [row, column]: [usize; 2], vector: [i32; 2]) -> u32 {
        let (rows, columns) = (vectors.nrows() as i32, vectors.ncols() as i32);
        let of = |r: i32, c: i32| {
            let at = [r.clamp(0, rows - 1) as usize, c.clamp(0, columns - 1) as usize];
            if at == [row, column] { vector } else { vectors[at] }
        };
        let quarters = |at: usize| 2 * at as i32 - 1..2 * at as i32 + 3;
        let mut sum = 0;
        for (qy, qx) in quarters(row).flat_map(|qy| quarters(column).map(move |qx| (qy, qx))) {
            let (y, x) = (HALF * qy, HALF * qx);
            if (0..self.phases.height).contains(&y) && (0..self.phases.width).contains(&x) {
                let (r, c, dy, dx) = (qy / 2, qx / 2, 2 * (qy % 2) - 1, 2 * (qx % 2) - 1);
                let vectors = [of(r, c), of(r + dy, c), of(r, c + dx), of(r + dy, c + dx)];
                sum += self.phases.quarter_difference(self.current, &Quarter { y, x, towards: [dy, dx], vectors });
            }
        }
        sum
    }
}

impl Phases {
    /// `HALF` samples from `(y, x)` displaced by `vector`, or from the nearest that there are.
    fn displaced(&self, y: i32, x: i32, vector: [i32; 2]) -> [u8; HALF as usize] {
        let plane = &self.planes[((vector[0] & 3) * 4 + (vector[1] & 3)) as usize];
        let (y, x) = ((y + (vector[0] >> 2)).clamp(0, self.height - 1), x + (vector[1] >> 2));
        let row = &plane[(y * self.width) as usize..][..self.width as usize];
        if x >= 0 && x + HALF <= self.width {
            return std::array::from_fn(|i| row[x as usize + i]);
        }
        std::array::from_fn(|i| row[(x + i as i32).clamp(0, self.width - 1) as usize])
    }

    fn quarter_difference(&self, current: &[u8], quarter: &Quarter) -> u32 {
        let Quarter { y, x, towards, vectors } = quarter;
        let weight = |towards: i32, at: usize| BEYOND[if towards < 0 { at } else { HALF as usize - 1 - at }];
        let across: [i32; HALF as usize] = std::array::from_fn(|column| weight(towards[1], column));
        let columns = HALF.min(self.width - x) as usize;
        let mut sum = 0;
        for row in 0..HALF.min(self.height - y) {
            let down = weight(towards[0], row as usize);
            let mut mixed = [128; HALF as usize];
            for (vector, down, of_beside) in [
                (vectors[0], 16 - down, false),
                (vectors[1], down, false),
                (vectors[2], 16 - down, true),
                (vectors[3], down, true),
            ] {
                if down > 0 {
                    let samples = self.displaced(y + row, *x, vector);
                    for ((mixed, sample), beside) in mixed.iter_mut().zip(samples).zip(across) {
                        *mixed += down * if of_beside { beside } else { 16 - beside } * i32::from(sample);
                    }
                }
            }
            let source = &current[((y + row) * self.width + x) as usize..][..columns];
            sum += source.iter().zip(mixed).map(|(&own, mixed)| (mixed / 256).abs_diff(own.into())).sum::<u32>();
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use decoder_core::synthesis::prediction::{BlockRow, predict_row};
    use decoder_core::wire::{Geometry, Interpolation, Motion};

    use super::super::{Planes, VECTOR_LIMIT};
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

    #[test]
    fn what_is_looked_at_is_what_the_decoder_shows() {
        let geometry = Geometry::new(90, 70);
        let (reference, current) = (picture(geometry, 1), picture(geometry, 2));
        let motion = Motion { interpolation: Interpolation::Cubic, reach: 15, sees_prediction: false };
        let (rows, columns) = geometry.motion();
        let mut components = numbers(2 * rows * columns, 81, 3).map(|component| component as i32 - 40);
        let vectors = Array2::from_shape_fn((rows, columns), |_| [(); 2].map(|()| components.next().unwrap_or(0)));
        let plane = |component: usize| vectors.map(|vector| vector[component] as i8).into_raw_vec_and_offset().0;
        let planes = [plane(0), plane(1)];
        let block_row = |row: usize| {
            let row = row.min(rows - 1) * columns;
            [0, 1].map(|component| &planes[component][row..row + columns])
        };
        let mut shown = vec![];
        for row in 0..geometry.height {
            let number = row / 8;
            let beyond = if row % 8 < 4 { number.saturating_sub(1) } else { number + 1 };
            let mut pair = vec![0; 4 * geometry.width];
            let (above, below) = pair.split_at_mut(2 * geometry.width);
            let [mut u, mut v] = [vec![0; geometry.width], vec![0; geometry.width]];
            let vectors = BlockRow { own: block_row(number), beyond: block_row(beyond) };
            predict_row(
                reference.views(),
                motion.interpolation,
                row,
                vectors,
                &[u32::MAX],
                [above, below, &mut u, &mut v],
            );
            shown.extend(pair);
        }
        let limit = [VECTOR_LIMIT; 2];
        let search = Search { phases: Phases::new(&reference, motion), current: &current.luma, lambda: 0.0, limit };
        // Not those near the picture's edges, where the search takes the nearest sample and the decoder the nearest of each filter's.
        for block in (2..rows - 2).flat_map(|row| (2..columns - 2).map(move |column| [row, column])) {
            let span = |at: usize| 16 * at - 8..16 * at + 24;
            let places = span(block[0]).flat_map(|y| span(block[1]).map(move |x| y * 2 * geometry.width + x));
            let (count, sum) = places
                .fold((0, 0), |(count, sum), at| (count + 1, sum + u32::from(shown[at].abs_diff(current.luma[at]))));
            let seen = search.seen_difference(&vectors, block, vectors[block]);
            // The decoder rounds twice.
            assert!(seen.abs_diff(sum) < count / 20, "{block:?}: {seen} instead of {sum} over {count} samples");
        }
    }
}
