//! The reference pictures, and the rows that are predicted, finished, and wait to enter one of them.

use core::ops::Range;

use super::mean::mean;
use super::overlap::is_upper;
use super::plan::{Plan, TILE};
use super::prediction::{BlockRow, Plane, QUARTER, predict_row};
use crate::mask::{MAX_WORDS, dilate, runs, words};
use crate::wire::{Geometry, Interpolation, ROOT_LOG2, SITE};

/// Where predictions come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) interpolation: Interpolation,
    /// The vertical and the horizontal component of all blocks.
    pub(super) vectors: [&'a [i8]; 2],
    /// Whether it is of their quarters.
    pub(super) quarters: bool,
    /// Vectors of a row.
    pub(super) columns: usize,
    /// Of all blocks of a picture between two references: -1 where only the one before counts, 1 where only the one after does, 0 where both do.
    pub(super) sides: &'a [i8],
}

impl<'a> Source<'a> {
    /// Whether everything comes from its own place.
    pub(super) fn is_still(&self) -> bool {
        self.vectors.iter().all(|plane| plane.iter().all(|&component| component == 0))
    }

    /// The vectors of a row's blocks, or quarters, and of those beyond their nearer edge.
    fn block_row(&self, row: usize) -> BlockRow<'a> {
        let sites = if self.quarters { QUARTER } else { TILE };
        let number = row / sites;
        let of = |number: usize| {
            let place = number * self.columns..(number + 1) * self.columns;
            let planes = self.vectors.map(|plane| plane.get(place.clone()));
            if let [Some(vertical), Some(horizontal)] = planes { Some([vertical, horizontal]) } else { None }
        };
        let own = of(number).unwrap_or_default();
        let beyond = if is_upper(row, sites) { number.checked_sub(1) } else { Some(number + 1) };
        BlockRow { own, beyond: beyond.and_then(of).unwrap_or(own), quarters: self.quarters, reversed: false }
    }

    /// The sides of a row's blocks; a row has `blocks`.
    fn row_sides(&self, row: usize, blocks: usize) -> &[i8] {
        let first = (row >> ROOT_LOG2) * blocks;
        self.sides.get(first..first + blocks).unwrap_or_default()
    }

    /// Sets the bits of the tiles of a row that come from another place, wholly or in part; a row has `tiles`, and a block is as wide as a tile.
    pub(super) fn mark_moving(&self, row: usize, tiles: usize, moving: &mut [u32]) {
        let mut any = false;
        self.block_row(row).each_moving(row, |tile| {
            any = true;
            moving.get_mut(tile / 32).into_iter().for_each(|word| *word |= 1 << (tile % 32));
        });
        if any {
            dilate(moving, tiles);
        }
    }
}

/// What the reference pictures are to the picture that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roles {
    /// The one that it is predicted from.
    pub(crate) from: usize,
    /// The one on the other side, if there is one.
    pub(crate) beyond: Option<usize>,
    /// The one that it becomes.
    pub(crate) to: Option<usize>,
    /// Which marks say where the pictures of its pyramid differ.
    pub(crate) differs: usize,
}

impl Roles {
    /// The only reference is overwritten by what is made from it.
    pub(crate) const IN_PLACE: Self = Self { from: 0, beyond: None, to: Some(0), differs: 0 };
}

/// Sample memory of one stream.
///
/// With one reference this is overwritten by the picture that is made from it: a row waits in a ring until no prediction can need what it replaces.
/// Tiles that did not change are neither in the ring nor copied then. With more, one becomes the picture that is made from others.
#[derive(Debug)]
pub(super) struct Store<'a> {
    geometry: Geometry,
    tiles: usize,
    rows: usize,
    roles: Roles,
    /// For each row of the ring, the tiles that are in it.
    changes: &'a mut [u32],
    /// With more references, for each pyramid whose pictures are kept, and each row, the tiles in which its pictures and the one before it differ from one another.
    differs: &'a mut [u32],
    waiting: &'a mut [u8],
    /// A row as it is predicted from beyond.
    second: &'a mut [u8],
    references: &'a mut [u8],
}

/// Samples of a row of sites: the upper and the lower luma row, Cb and Cr.
pub(super) type RowPlanes<'a> = [&'a mut [u8]; 4];

impl<'a> Store<'a> {
    /// Cuts [`Plan::pictures_len`] bytes; `changes` has [`Plan::changes_len`] words.
    pub(super) fn new(plan: &Plan, roles: Roles, pictures: &'a mut [u8], changes: &'a mut [u32]) -> Self {
        let Geometry { width, height } = plan.geometry;
        let row = SITE * width;
        let (waiting, rest) = pictures.split_at_mut_checked(row * plan.waiting).unwrap_or_default();
        let (second, rest) = rest.split_at_mut_checked(row * usize::from(plan.is_bidirectional())).unwrap_or_default();
        let references = rest.get_mut(..row * plan.references * height).unwrap_or_default();
        let tiles = plan.tiles();
        let (changes, differs) = changes.split_at_mut_checked(plan.waiting * words(tiles)).unwrap_or_default();
        Self {
            geometry: plan.geometry,
            tiles,
            rows: plan.waiting.max(1),
            roles,
            changes,
            differs,
            waiting,
            second,
            references,
        }
    }

    /// Whether the picture is made from two references.
    pub(super) fn is_between(&self) -> bool {
        self.roles.beyond.is_some()
    }

    /// Whether the picture overwrites what it is made from.
    pub(super) fn is_in_place(&self) -> bool {
        self.roles == Roles::IN_PLACE
    }

    fn place(&self, row: usize) -> Range<usize> {
        let len = SITE * self.geometry.width;
        let from = (row % self.rows.max(1)) * len;
        from..from + len
    }

    fn tiles_place(&self, row: usize) -> Range<usize> {
        let len = words(self.tiles);
        let from = (row % self.rows.max(1)) * len;
        from..from + len
    }

    /// The tiles of a row that changed.
    pub(super) fn changed(&self, row: usize) -> &[u32] {
        self.changes.get(self.tiles_place(row)).unwrap_or_default()
    }

    fn differs_place(&self, row: usize) -> Range<usize> {
        let (len, row) = (words(self.tiles), self.roles.differs * self.geometry.height + row);
        row * len..(row + 1) * len
    }

    /// The tiles of a row in which a picture of the pyramid differs from the one shown before it; none with one reference.
    pub(super) fn differs(&self, row: usize) -> &[u32] {
        self.differs.get(self.differs_place(row)).unwrap_or_default()
    }

    /// Adds the tiles of a row in which the pyramid's pictures differ, if the picture is between two of them: what does not change from one to the other, and does not
    /// move, is what it is in both.
    pub(super) fn mark_between(&self, row: usize, changed: &mut [u32]) {
        if self.roles.beyond.is_some() {
            changed.iter_mut().zip(self.differs(row)).for_each(|(changed, differs)| *changed |= differs);
        }
    }

    fn reference(&self, number: usize) -> &[u8] {
        self.references.get(reference_place(self.geometry, number)).unwrap_or_default()
    }

    /// The planes of a row of a reference.
    pub(super) fn stored_row(&self, number: usize, row: usize) -> [&[u8]; 4] {
        let (reference, width) = (self.reference(number), self.geometry.width);
        reference_rows(self.geometry, row)
            .map(|(from, unit)| reference.get(from..from + unit * width).unwrap_or_default())
    }

    /// Makes the prediction of the tiles of a row that change; without a source it is `colour`.
    ///
    /// What waited in the row's place enters the reference first.
    pub(super) fn predict(&mut self, row: usize, changed: &[u32], source: Option<Source<'_>>, colour: [u8; 3]) {
        if let Some(oldest) = row.checked_sub(self.rows) {
            self.commit(oldest);
        }
        let tiles_place = self.tiles_place(row);
        if let Some(tiles) = self.changes.get_mut(tiles_place) {
            tiles.iter_mut().zip(changed).for_each(|(tiles, changed)| *tiles = *changed);
        }
        let differs_place = self.differs_place(row);
        if let Some(differs) = self.differs.get_mut(differs_place) {
            differs.iter_mut().zip(changed).for_each(|(differs, changed)| *differs = *changed);
        }
        let Geometry { width, height } = self.geometry;
        let place = self.place(row);
        let mut planes = planes_mut(self.waiting.get_mut(place).unwrap_or_default(), width);
        match source {
            None => {
                let [y, u, v] = colour;
                for (plane, sample) in planes.into_iter().zip([y, y, u, v]) {
                    plane.fill(sample);
                }
            }
            Some(source) => {
                let area = width * height;
                let blocks = self.geometry.motion().1;
                let vectors = source.block_row(row);
                let between = self.roles.beyond.is_some();
                let sides = if between { source.row_sides(row, blocks) } else { &[] };
                let own = planes.each_mut().map(|plane| &mut **plane);
                let both = [(self.roles.beyond, -1, planes_mut(self.second, width)), (Some(self.roles.from), 1, own)];
                for (number, other, out) in both {
                    let Some(number) = number else { continue };
                    let Some(reference) = self.references.get(reference_place(self.geometry, number)) else { continue };
                    let counting = counting(sides, other, changed);
                    let tiles = if between { &counting[..] } else { changed };
                    let (luma, chroma) = reference.split_at_checked(4 * area).unwrap_or_default();
                    let (u, v) = chroma.split_at_checked(area).unwrap_or_default();
                    let plane = |samples, width, height| Plane { samples, width, height };
                    let reference =
                        [plane(luma, 2 * width, 2 * height), plane(u, width, height), plane(v, width, height)];
                    let vectors = BlockRow { reversed: Some(number) == self.roles.beyond, ..vectors };
                    predict_row(reference, source.interpolation, row, vectors, tiles, out);
                }
                let second = self::planes(self.second, width);
                for (tile, &side) in
                    sides.iter().enumerate().filter(|&(tile, &side)| side >= 0 && is_set(changed, tile))
                {
                    let [above, below, u, v] = &mut planes;
                    let pairs = [(above, second[0], 2), (below, second[1], 2), (u, second[2], 1), (v, second[3], 1)];
                    pairs.into_iter().for_each(|(own, other, unit)| take_side(own, other, tile, unit, side));
                }
            }
        }
    }

    /// A row's samples: its prediction, to which the residual is to be added.
    pub(super) fn row_mut(&mut self, row: usize) -> RowPlanes<'_> {
        let place = self.place(row);
        planes_mut(self.waiting.get_mut(place).unwrap_or_default(), self.geometry.width)
    }

    /// The two luma rows of a row that waits, and the upper one of the row after it.
    pub(super) fn rows_mut(&mut self, row: usize) -> ([&mut [u8]; 2], &[u8]) {
        let width = self.geometry.width;
        let (own, after) = (self.place(row), self.place(row + 1));
        let (first, second) = self.waiting.split_at_mut_checked(own.start.max(after.start)).unwrap_or_default();
        let len = own.len();
        let (own, after) = match after.start > own.start {
            true => (first.get_mut(own), &*second),
            false => (second.get_mut(..len), &*first),
        };
        let [upper, lower, ..] = planes_mut(own.unwrap_or_default(), width);
        ([upper, lower], after.get(..2 * width).unwrap_or_default())
    }

    /// The planes of a row that waits: the two luma rows, Cb and Cr. Only its changed tiles are there.
    pub(super) fn row(&self, row: usize) -> [&[u8]; 4] {
        planes(self.waiting.get(self.place(row)).unwrap_or_default(), self.geometry.width)
    }

    /// Puts the tiles of a row that did not change beside the others, to show it as a whole.
    #[inline(never)]
    pub(super) fn complete(&mut self, row: usize) {
        let place = self.place(row);
        let tiles_place = self.tiles_place(row);
        let from_place = reference_place(self.geometry, self.roles.from);
        let width = self.geometry.width;
        let Some(changed) = self.changes.get(tiles_place) else { return };
        let reference = self.references.get(from_place).unwrap_or_default();
        let to = planes_mut(self.waiting.get_mut(place).unwrap_or_default(), width);
        for (to, (from, unit)) in to.into_iter().zip(reference_rows(self.geometry, row)) {
            let Some(from) = reference.get(from..from + unit * width) else { return };
            for tile in 0..self.tiles {
                if !is_set(changed, tile) {
                    copy(to, from, tile..tile + 1, unit);
                }
            }
        }
    }

    /// The picture ends: all rows that wait enter the reference.
    pub(super) fn flush(&mut self) {
        let height = self.geometry.height;
        for row in height.saturating_sub(self.rows)..height {
            self.commit(row);
        }
    }

    /// Copies a row's changed tiles from the ring into the reference that the picture becomes, and the others from the one that it is predicted from.
    fn commit(&mut self, row: usize) {
        let (place, tiles_place) = (self.place(row), self.tiles_place(row));
        let width = self.geometry.width;
        let (Some(number), Some(changed)) = (self.roles.to, self.changes.get(tiles_place)) else { return };
        let from = planes(self.waiting.get(place).unwrap_or_default(), width);
        let [target, before] = [number, self.roles.from].map(|number| reference_place(self.geometry, number).start);
        for (from, (to, unit)) in from.into_iter().zip(reference_rows(self.geometry, row)) {
            let [to, before] = [target, before].map(|picture| picture + to..picture + to + unit * width);
            if let Ok([target, before]) = self.references.get_disjoint_mut([to.clone(), before]) {
                target.copy_from_slice(before);
            }
            let Some(target) = self.references.get_mut(to) else { return };
            runs(changed, 0).for_each(|tiles| copy(target, from, tiles, unit));
        }
    }
}

/// Those of `changed` tiles that count or are beside one that does, for they are mixed: `sides` are those of the blocks, which are as wide, and one of the side
/// `other` does not count.
#[inline(never)]
fn counting(sides: &[i8], other: i8, changed: &[u32]) -> [u32; words(MAX_WORDS * 4)] {
    let mut counting = [0; _];
    for (tile, _) in sides.iter().enumerate().filter(|&(_, &side)| side != other) {
        for tile in tile.saturating_sub(1)..=tile + 1 {
            if let Some(word) = counting.get_mut(tile / 32) {
                *word |= 1 << (tile % 32);
            }
        }
    }
    let mut all = changed.iter();
    counting.iter_mut().for_each(|word| *word &= all.next().copied().unwrap_or(0));
    counting
}

/// Whether a tile is among those that changed.
pub(super) fn is_set(changed: &[u32], tile: usize) -> bool {
    changed.get(tile / 32).is_some_and(|word| word >> (tile % 32) & 1 == 1)
}

/// Makes a tile of a row what is predicted from the other side, or the mean with that.
#[inline(never)]
fn take_side(own: &mut [u8], other: &[u8], tile: usize, unit: usize, side: i8) {
    let place = tile * TILE * unit..((tile + 1) * TILE * unit).min(own.len());
    if let (Some(own), Some(other)) = (own.get_mut(place.clone()), other.get(place)) {
        if side > 0 { own.copy_from_slice(other) } else { mean(own, other) }
    }
}

/// Copies tiles of a row; a site has `unit` samples.
fn copy(to: &mut [u8], from: &[u8], tiles: Range<usize>, unit: usize) {
    let end = (tiles.end * TILE * unit).min(from.len());
    let place = tiles.start * TILE * unit..end;
    if let (Some(to), Some(from)) = (to.get_mut(place.clone()), from.get(place)) {
        to.copy_from_slice(from);
    }
}

/// Where a reference is among all.
fn reference_place(geometry: Geometry, number: usize) -> Range<usize> {
    let len = SITE * geometry.width * geometry.height;
    number * len..(number + 1) * len
}

/// Where the planes of a row of sites begin in the reference, and their samples a site.
fn reference_rows(geometry: Geometry, row: usize) -> [(usize, usize); 4] {
    let Geometry { width, height } = geometry;
    let area = width * height;
    let luma = 4 * row * width;
    [(luma, 2), (luma + 2 * width, 2), (4 * area + row * width, 1), (5 * area + row * width, 1)]
}

/// The planes of a row of the ring.
fn planes(row: &[u8], width: usize) -> [&[u8]; 4] {
    let (luma, chroma) = row.split_at_checked(4 * width).unwrap_or_default();
    let (above, below) = luma.split_at_checked(2 * width).unwrap_or_default();
    let (u, v) = chroma.split_at_checked(width).unwrap_or_default();
    [above, below, u, v]
}

/// The planes of a row of the ring.
fn planes_mut(row: &mut [u8], width: usize) -> RowPlanes<'_> {
    let (luma, chroma) = row.split_at_mut_checked(4 * width).unwrap_or_default();
    let (above, below) = luma.split_at_mut_checked(2 * width).unwrap_or_default();
    let (u, v) = chroma.split_at_mut_checked(width).unwrap_or_default();
    [above, below, u, v]
}
