//! Motion-compensated prediction of a row of sites from another picture (SPEC section 8, "Prediction").

use super::interpolation::{Displacement, LONGEST, displaced};
use super::overlap::{MIXED, WEIGHTS, mix_row, mix_samples, row_weights};
use super::store::is_set;
use crate::wire::{Interpolation, ROOT_LOG2};

pub use super::interpolation::{CUBIC, Plane};

/// Sites of a motion block's row.
const BLOCK: usize = 1 << ROOT_LOG2;
/// Luma samples of a block's row.
const SIDE: usize = 2 * BLOCK;
/// Sites of a row of a quarter of a block.
pub(super) const QUARTER: usize = BLOCK / 2;

/// What a row of samples of a block, or of a quarter of it, is predicted with: the block's own vector and, near its upper or lower edge, that of the block beyond.
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

/// The vectors of a row of sites, vertical and horizontal components.
#[derive(Clone, Copy, Debug)]
pub struct BlockRow<'a> {
    /// Of the row's own blocks, or of their quarters.
    pub own: [&'a [i8]; 2],
    /// Of those above for the upper rows of these, below for the lower ones; at the picture's edge the row's own.
    pub beyond: [&'a [i8]; 2],
    /// Whether they are those of quarters.
    pub quarters: bool,
    /// Whether they point to the reference from the other side: all count with the opposite sign.
    pub reversed: bool,
}

impl BlockRow<'_> {
    /// What block or quarter `number` is predicted with, where the one beyond its edge counts if `mixed`; `None` behind the last.
    fn column(&self, number: usize, mixed: bool) -> Option<Column> {
        let signed = |component: i8| if self.reversed { component.wrapping_neg() } else { component };
        let of =
            |[vertical, horizontal]: [&[i8]; 2]| Some([*vertical.get(number)?, *horizontal.get(number)?].map(signed));
        let own = of(self.own)?;
        Some(Column { own, beyond: if mixed { of(self.beyond)? } else { own } })
    }

    /// Sites of a block, or of a quarter of it.
    fn sites(&self) -> usize {
        if self.quarters { QUARTER } else { BLOCK }
    }

    /// What is predicted from site `from` on, and how many sites it is: a block, or a quarter of one whose quarters there differ.
    fn run(&self, from: usize, mixed: bool) -> Option<(Column, usize)> {
        if !self.quarters {
            return Some((self.column(from / BLOCK, mixed)?, BLOCK));
        }
        let number = from / QUARTER;
        let column = self.column(number, mixed)?;
        let whole = number.is_multiple_of(2) && self.column(number + 1, mixed) == Some(column);
        Some((column, if whole { BLOCK } else { QUARTER }))
    }

    /// Calls `moves` with the number of each block that comes from another place, wholly or in part.
    pub(super) fn each_moving(&self, row: usize, mut moves: impl FnMut(usize)) {
        let mixed = row_weights(row, self.sites()) != [0; 2];
        let beyond = if mixed { &self.beyond[..] } else { &[] };
        for plane in self.own.iter().chain(beyond) {
            for (number, _) in plane.iter().enumerate().filter(|&(_, &component)| component != 0) {
                moves(number * self.sites() / BLOCK);
            }
        }
    }
}

impl Column {
    /// Luma samples from `(y, from)` on; the block beyond weighs `weight` / 16.
    fn predict(
        self,
        luma: Plane<'_>,
        interpolation: Interpolation,
        [y, from]: [usize; 2],
        weight: i32,
        samples: &mut [u8],
    ) {
        displaced(luma, interpolation, [y, from], of_luma(self.own), samples);
        if weight > 0 && self.beyond != self.own {
            let mut other = [0; LONGEST];
            let other = other.get_mut(..samples.len()).unwrap_or_default();
            displaced(luma, interpolation, [y, from], of_luma(self.beyond), other);
            mix_row(samples, other, weight);
        }
    }
}

fn of_luma(vector: [i8; 2]) -> [Displacement; 2] {
    vector.map(|component| Displacement::new(component, 2))
}

/// A row of luma samples that is predicted.
struct Line<'a> {
    y: usize,
    /// How much the block above or below weighs.
    weight: i32,
    /// What the block before says beyond its edge.
    carried: [u8; MIXED],
    out: &'a mut [u8],
}

impl Line<'_> {
    /// Predicts `side` samples of a block from column `from` on; `mixed` tells whether the columns before and after it are other ones.
    fn block(
        &mut self,
        luma: Plane<'_>,
        interpolation: Interpolation,
        [from, side]: [usize; 2],
        column: Column,
        mixed: [bool; 2],
    ) {
        let [lead, tail] = mixed.map(|mixed| if mixed { MIXED } else { 0 });
        let start = from.saturating_sub(lead);
        // Where they belong, if nothing is mixed and no part is outside.
        if let Some(samples) = self.out.get_mut(from..from + side).filter(|_| mixed == [false; 2]) {
            return column.predict(luma, interpolation, [self.y, start], self.weight, samples);
        }
        let mut samples = [0; LONGEST];
        let samples = samples.get_mut(..lead + side + tail).unwrap_or_default();
        column.predict(luma, interpolation, [self.y, start], self.weight, samples);
        let (beyond, own) = samples.split_at_mut_checked(lead).unwrap_or_default();
        let (before, out) = self.out.split_at_mut_checked(from).unwrap_or_default();
        if lead > 0 {
            let before = before.get_mut(start..).unwrap_or_default();
            mix_samples(before, beyond, WEIGHTS.iter().rev());
            mix_samples(own, &self.carried, WEIGHTS.iter());
        }
        let (own, beyond) = own.split_at_checked(side).unwrap_or_default();
        out.iter_mut().zip(own).for_each(|(out, own)| *out = *own);
        self.carried.iter_mut().zip(beyond).for_each(|(carried, beyond)| *carried = *beyond);
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
    let [of_above, of_below] = row_weights(row, vectors.sites());
    let line = |y, weight, out| Line { y, weight, carried: [0; MIXED], out };
    let (mut above, mut below) = (line(2 * row, of_above, above), line(2 * row + 1, of_below, below));
    let mixed = of_above > 0;
    let (mut before, mut next) = (None, vectors.run(0, mixed));
    let mut from = 0;
    while let Some((column, sites)) = next {
        next = vectors.run(from + sites, mixed);
        let beside = [before, next].map(|beside| beside.is_some_and(|(beside, _)| beside != column));
        if is_set(changed, from / BLOCK) {
            let rows = [&mut *above.out, &mut *below.out, &mut *u, &mut *v];
            let stays = sites == BLOCK && column.is_still() && beside == [false; 2];
            if !(stays && stay(reference, row, from, rows).is_some()) {
                for line in [&mut above, &mut below] {
                    line.block(luma, interpolation, [2 * from, 2 * sites], column, beside);
                }
                for (plane, out) in [(cb, &mut *u), (cr, &mut *v)] {
                    predict_chroma(plane, interpolation, [row, from, sites], column.own, out);
                }
            }
        }
        before = Some((column, sites));
        from += sites;
    }
}

/// Predicts `sites` chroma samples of a block from `(y, from)` on.
fn predict_chroma(
    plane: Plane<'_>,
    interpolation: Interpolation,
    [y, from, sites]: [usize; 3],
    vector: [i8; 2],
    out: &mut [u8],
) {
    let displacement = vector.map(|component| Displacement::new(component, 3));
    if let Some(samples) = out.get_mut(from..from + sites) {
        return displaced(plane, interpolation, [y, from], displacement, samples);
    }
    let mut samples = [0; BLOCK];
    let samples = samples.get_mut(..sites).unwrap_or_default();
    displaced(plane, interpolation, [y, from], displacement, samples);
    let out = out.get_mut(from..).unwrap_or_default();
    out.iter_mut().zip(samples).for_each(|(out, sample)| *out = *sample);
}

/// Copies a block's row of sites that does not move; `None` if it is cut by the edge.
#[inline(always)]
fn stay(reference: [Plane<'_>; 3], row: usize, from: usize, [above, below, u, v]: [&mut [u8]; 4]) -> Option<()> {
    let [luma, cb, cr] = reference;
    let place = 2 * row * luma.width + 2 * from;
    copy_block::<SIDE>(luma, place, above, 2 * from)?;
    copy_block::<SIDE>(luma, place + luma.width, below, 2 * from)?;
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
