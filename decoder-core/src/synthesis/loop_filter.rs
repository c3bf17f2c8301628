//! The loop filter: where a residual was added, luma samples move towards those around them, unless these differ by so much that an edge is between them
//! (SPEC section 8, "Loop filter").
//!
//! A step of anisotropic diffusion (Perona and Malik, 1990) with the constraint of AV1's directional enhancement filter (Midtskogen and Valin, 2018).

use core::ops::Range;

use super::arithmetic::Arithmetic;
use super::plan::Plan;
use super::store::Store;
use crate::mask::{runs, words};
use crate::wire::{Geometry, LoopFilter, SITE};

/// Rows that must have waited when a row is filtered: the one after it, itself and the one before it.
pub(super) const ROWS: usize = 3;
/// Rows of which it is known where a residual was added, and lines that are kept: those of a row and the one before it.
const KEPT: usize = 2;
/// Differences of two samples, and one more.
const DIFFERENCES: usize = 512;

/// What a sample moves by for its difference from one beside it, at the difference modulo [`DIFFERENCES`].
type Table = [i8; DIFFERENCES];

/// Bytes of a table and of the lines that are kept, in pictures of so many sites a row.
pub(super) const fn lines_len(width: usize) -> usize {
    DIFFERENCES + KEPT * 2 * width
}

/// Words that say where a residual was added.
pub(super) const fn marks_len(width: usize) -> usize {
    KEPT * words(width)
}

/// The filter on its way through a picture.
#[derive(Debug)]
pub(super) struct Filtering<'a> {
    strength: u8,
    width: usize,
    /// The last row.
    last: usize,
    /// For each of the last rows, the sites with a residual.
    marks: &'a mut [u32],
    table: &'a mut [i8],
    /// Of each of the last rows the lower line, as it was before the filter.
    lines: &'a mut [u8],
    /// The row that was filtered last.
    filtered: Option<usize>,
    /// The row after the last of which all tiles are there.
    complete: usize,
}

impl<'a> Filtering<'a> {
    /// Over [`marks_len`] words and [`lines_len`] bytes.
    pub(super) fn new(plan: &Plan, filter: LoopFilter, marks: &'a mut [u32], lines: &'a mut [u8]) -> Self {
        let (table, lines) = lines.split_at_mut_checked(DIFFERENCES).unwrap_or_default();
        let table = bytemuck::must_cast_slice_mut(table);
        if let Some(table) = table.first_chunk_mut().filter(|_| filter.strength > 0) {
            begin_table(table, filter.reach);
        }
        let Geometry { width, height } = plan.geometry;
        let last = height.saturating_sub(1);
        Self { strength: filter.strength, width, last, marks, table, lines, filtered: None, complete: 0 }
    }

    /// Whether there is anything to do in a picture.
    pub(super) fn is_on(&self) -> bool {
        self.strength > 0
    }

    fn marks_place(&self, row: usize) -> Range<usize> {
        let len = words(self.width);
        let from = row % KEPT * len;
        from..from + len
    }

    /// Forgets where a residual is in the row that was in the place of `row`.
    pub(super) fn begin_row(&mut self, row: usize) {
        let place = self.marks_place(row);
        self.marks.get_mut(place).unwrap_or_default().fill(0);
    }

    /// Marks the sites of a row from `first` on whose residual is not zero.
    #[inline(never)]
    pub(super) fn mark<A: Arithmetic>(&mut self, row: usize, first: usize, residual: &[A::Activation]) {
        let place = self.marks_place(row);
        let marks = self.marks.get_mut(place).unwrap_or_default();
        let mut sites = residual.as_chunks::<SITE>().0.iter();
        let mut bit = first % 32;
        for word in marks.iter_mut().skip(first / 32) {
            for site in sites.by_ref().take(32 - bit) {
                *word |= u32::from(A::is_seen(site)) << bit;
                bit += 1;
            }
            if sites.len() == 0 {
                return;
            }
            bit = 0;
        }
    }

    /// Filters a row that has been finished, and so has the one after it.
    #[inline(never)]
    pub(super) fn apply(&mut self, row: usize, store: &mut Store<'_>) {
        let place = self.marks_place(row);
        if self.marks.get(place.clone()).unwrap_or_default().iter().all(|&word| word == 0) {
            return;
        }
        let after = (row + 1).min(self.last);
        let before = row.saturating_sub(1);
        // What is around a sample may be of tiles that did not change.
        for row in self.complete.max(before)..=after {
            store.complete(row);
        }
        self.complete = after + 1;
        let (even, odd) = self.lines.split_at_mut_checked(2 * self.width).unwrap_or_default();
        let (above, kept) = if row.is_multiple_of(KEPT) { (odd, even) } else { (even, odd) };
        let [first, second, ..] = store.row(row);
        copy(kept, second);
        if row == 0 {
            copy(above, first);
        } else if self.filtered != Some(before) {
            copy(above, store.row(before)[1]);
        }
        self.filtered = Some(row);
        let Some(table) = self.table.first_chunk() else { return };
        let marks = self.marks.get(place).unwrap_or_default();
        let ([upper, lower], below) = store.rows_mut(row);
        let below = if after == row { &*kept } else { below };
        for sites in runs(marks, 0) {
            filter_sites([&mut *upper, &mut *lower], [above, below], sites, table, self.strength);
        }
    }
}

fn copy(to: &mut [u8], from: &[u8]) {
    if to.len() == from.len() {
        to.copy_from_slice(from);
    }
}

/// What samples move by, in quarters of the strength.
#[inline(never)]
fn begin_table(table: &mut Table, reach: u8) {
    table.fill(0);
    for size in 1..usize::from(reach) {
        let part = (4 * size).min(usize::from(reach) - size) as i8;
        for (at, part) in [(size, part), (DIFFERENCES - size, -part)] {
            table.get_mut(at).into_iter().for_each(|slot| *slot = part);
        }
    }
}

/// What a sample moves by for one beside it.
#[inline(always)]
fn part(table: &Table, from: u8, to: u8) -> i32 {
    let at = usize::from(to).wrapping_sub(from.into()) % DIFFERENCES;
    table.get(at).copied().unwrap_or(0).into()
}

/// A sample that has moved by a sum of parts.
#[inline(always)]
fn moved(strength: i32, from: u8, sum: i32) -> u8 {
    // Halves go towards zero: else flat areas would grow brighter.
    let change = (strength * sum + 127 + i32::from(sum < 0)) >> 8;
    (i32::from(from) + change) as u8
}

/// Filters the two luma rows of some sites, beside the rows above and below them.
#[inline(never)]
fn filter_sites(
    [upper, lower]: [&mut [u8]; 2],
    [above, below]: [&[u8]; 2],
    sites: Range<usize>,
    table: &Table,
    strength: u8,
) {
    let strength = i32::from(strength);
    let from = 2 * sites.start;
    // What the sample before moves by for the first of a site is what that moves by for it, the other way round.
    let begin = |line: &[u8]| {
        let pair = from.checked_sub(1).and_then(|before| line.get(before..)?.first_chunk());
        pair.map_or(0, |&[before, own]| part(table, own, before))
    };
    let mut left = [begin(upper), begin(lower)];
    let [upper, lower] = [upper, lower].map(|row| row.get_mut(from..).unwrap_or_default().as_chunks_mut::<2>().0);
    let [above, below] = [above, below].map(|row| row.get(from..).unwrap_or_default().as_chunks::<2>().0);
    for (place, (&[a, b], &[g, h])) in above.iter().zip(below).take(sites.len()).enumerate() {
        let next = |row: &[[u8; 2]], own| row.get(place + 1).map_or(own, |site| site[0]);
        let (Some(&[c, d]), Some(&[e, f])) = (upper.get(place), lower.get(place)) else { return };
        let right = [part(table, d, next(upper, d)), part(table, f, next(lower, f))];
        let [cd, ef, ce, df] = [part(table, c, d), part(table, e, f), part(table, c, e), part(table, d, f)];
        let of_c = moved(strength, c, left[0] + cd + part(table, c, a) + ce);
        let of_d = moved(strength, d, right[0] - cd + part(table, d, b) + df);
        let of_e = moved(strength, e, left[1] + ef + part(table, e, g) - ce);
        let of_f = moved(strength, f, right[1] - ef + part(table, f, h) - df);
        if let (Some(upper), Some(lower)) = (upper.get_mut(place), lower.get_mut(place)) {
            (*upper, *lower) = ([of_c, of_d], [of_e, of_f]);
        }
        left = right.map(|part| -part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample at each place of a site after the filter, with those around it; the site is at an end of a row or has another beside it.
    fn filtered(own: u8, [above, left, right, below]: [u8; 4], filter: LoopFilter) -> [u8; 4] {
        let mut table = [0; DIFFERENCES];
        begin_table(&mut table, filter.reach);
        let mut at = [0; 4];
        for (place, at) in at.iter_mut().enumerate() {
            // The second of three sites.
            let (row, column) = (1 + place / 2, 2 + place % 2);
            let mut lines = [[0; 6]; 4];
            let around = [(row - 1, column, above), (row, column - 1, left), (row, column + 1, right)];
            for (row, column, sample) in around.into_iter().chain([(row + 1, column, below), (row, column, own)]) {
                lines[row][column] = sample;
            }
            let [above, mut upper, mut lower, below] = lines;
            filter_sites([&mut upper, &mut lower], [&above, &below], 1..2, &table, filter.strength);
            *at = [upper, lower][place / 2][column];
        }
        at
    }

    #[test]
    fn samples_move_as_the_format_says_and_stay_between_those_around_them() {
        let values = [0, 1, 2, 5, 9, 30, 100, 128, 200, 254, 255];
        for (strength, reach) in [(1, 127), (5, 32), (12, 0), (12, 1), (12, 7), (16, 40), (16, 127)] {
            let filter = LoopFilter { strength, reach };
            for (number, &own) in values.iter().enumerate() {
                for around in (0..values.len())
                    .map(|at| [3, 5, 7, number].map(|step| values[(at * step + number) % values.len()]))
                {
                    let move_to = |to: u8| {
                        let difference = i32::from(to) - i32::from(own);
                        difference.signum() * (4 * difference.abs()).min(i32::from(reach) - difference.abs()).max(0)
                    };
                    let sum = i32::from(strength) * around.map(move_to).iter().sum::<i32>();
                    let expected = i32::from(own) + sum.signum() * ((sum.abs() + 127) >> 8);
                    assert_eq!(
                        filtered(own, around, filter).map(i32::from),
                        [expected; 4],
                        "{own} {around:?} {filter:?}"
                    );
                    let (least, most) = (around.iter().min().unwrap(), around.iter().max().unwrap());
                    assert!((*least.min(&own)..=*most.max(&own)).contains(&(expected as u8)));
                }
            }
        }
    }
}
