//! The reference picture, and the rows that are predicted, finished, and wait to enter it.

use core::ops::Range;

use super::overlap::{is_upper, row_weights};
use super::plan::{Plan, TILE};
use super::prediction::{BlockRow, Plane, predict_row};
use crate::mask::{dilate, runs, words};
use crate::wire::{Geometry, Interpolation, ROOT_LOG2, SITE};

/// Where predictions come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) interpolation: Interpolation,
    /// The vertical and the horizontal component of all blocks.
    pub(super) vectors: [&'a [i8]; 2],
}

impl Source<'_> {
    /// Whether everything comes from its own place.
    pub(super) fn is_still(&self) -> bool {
        self.vectors.iter().all(|plane| plane.iter().all(|&component| component == 0))
    }

    /// The vectors of a row's blocks and of those beyond their nearer edge; a row has `blocks`.
    fn block_row(&self, row: usize, blocks: usize) -> BlockRow<'_> {
        let number = row >> ROOT_LOG2;
        let of = |number: usize| {
            let place = number * blocks..(number + 1) * blocks;
            let planes = self.vectors.map(|plane| plane.get(place.clone()));
            if let [Some(vertical), Some(horizontal)] = planes { Some([vertical, horizontal]) } else { None }
        };
        let own = of(number).unwrap_or_default();
        let beyond = if is_upper(row) { number.checked_sub(1) } else { Some(number + 1) };
        BlockRow { own, beyond: beyond.and_then(of).unwrap_or(own) }
    }

    /// Sets the bits of the tiles of a row that come from another place, wholly or in part; a row has `tiles`, and a block is as wide as a tile.
    pub(super) fn mark_moving(&self, row: usize, tiles: usize, moving: &mut [u32]) {
        let BlockRow { own, beyond } = self.block_row(row, tiles);
        let beyond = Some(beyond).filter(|_| row_weights(row) != [0; 2]);
        let mut any = 0;
        for plane in [Some(own), beyond].into_iter().flatten().flatten() {
            for (tile, &component) in plane.iter().enumerate() {
                let bit = u32::from(component != 0) << (tile % 32);
                any |= bit;
                moving.get_mut(tile / 32).into_iter().for_each(|word| *word |= bit);
            }
        }
        if any != 0 {
            dilate(moving, tiles);
        }
    }
}

/// Sample memory of one stream.
///
/// The reference is overwritten by the picture that is made from it: a row waits in a ring until no prediction can need what it replaces.
/// Tiles that did not change are neither in the ring nor copied.
#[derive(Debug)]
pub(super) struct Store<'a> {
    geometry: Geometry,
    tiles: usize,
    rows: usize,
    /// For each row of the ring, the tiles that are in it.
    changes: &'a mut [u32],
    waiting: &'a mut [u8],
    reference: &'a mut [u8],
}

/// Samples of a row of sites: the upper and the lower luma row, Cb and Cr.
pub(super) type RowPlanes<'a> = [&'a mut [u8]; 4];

impl<'a> Store<'a> {
    /// Cuts [`Plan::pictures_len`] bytes; `changes` has [`Plan::changes_len`] words.
    pub(super) fn new(plan: &Plan, pictures: &'a mut [u8], changes: &'a mut [u32]) -> Self {
        let row = SITE * plan.geometry.width;
        let (waiting, reference) = pictures.split_at_mut_checked(row * plan.waiting).unwrap_or_default();
        Self { geometry: plan.geometry, tiles: plan.tiles(), rows: plan.waiting.max(1), changes, waiting, reference }
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
        let Geometry { width, height } = self.geometry;
        let place = self.place(row);
        let planes = planes_mut(self.waiting.get_mut(place).unwrap_or_default(), width);
        match source {
            None => {
                let [y, u, v] = colour;
                for (plane, sample) in planes.into_iter().zip([y, y, u, v]) {
                    plane.fill(sample);
                }
            }
            Some(source) => {
                let area = width * height;
                let (luma, chroma) = self.reference.split_at_checked(4 * area).unwrap_or_default();
                let (u, v) = chroma.split_at_checked(area).unwrap_or_default();
                let plane = |samples, width, height| Plane { samples, width, height };
                let reference = [plane(luma, 2 * width, 2 * height), plane(u, width, height), plane(v, width, height)];
                let vectors = source.block_row(row, self.geometry.motion().1);
                predict_row(reference, source.interpolation, row, vectors, changed, planes);
            }
        }
    }

    /// A row's samples: its prediction, to which the residual is to be added.
    pub(super) fn row_mut(&mut self, row: usize) -> RowPlanes<'_> {
        let place = self.place(row);
        planes_mut(self.waiting.get_mut(place).unwrap_or_default(), self.geometry.width)
    }

    /// The planes of a row that waits: the two luma rows, Cb and Cr. Only its changed tiles are there.
    pub(super) fn row(&self, row: usize) -> [&[u8]; 4] {
        planes(self.waiting.get(self.place(row)).unwrap_or_default(), self.geometry.width)
    }

    /// Puts the tiles of a row that did not change beside the others, to show it as a whole.
    pub(super) fn complete(&mut self, row: usize) {
        let place = self.place(row);
        let tiles_place = self.tiles_place(row);
        let width = self.geometry.width;
        let Some(changed) = self.changes.get(tiles_place) else { return };
        let to = planes_mut(self.waiting.get_mut(place).unwrap_or_default(), width);
        for (to, (from, unit)) in to.into_iter().zip(reference_rows(self.geometry, row)) {
            let Some(from) = self.reference.get(from..from + unit * width) else { return };
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

    /// Copies a row's changed tiles from the ring into the reference.
    fn commit(&mut self, row: usize) {
        let (place, tiles_place) = (self.place(row), self.tiles_place(row));
        let width = self.geometry.width;
        let Some(changed) = self.changes.get(tiles_place) else { return };
        let from = planes(self.waiting.get(place).unwrap_or_default(), width);
        for (from, (to, unit)) in from.into_iter().zip(reference_rows(self.geometry, row)) {
            let Some(to) = self.reference.get_mut(to..to + unit * width) else { return };
            runs(changed, 0).for_each(|tiles| copy(to, from, tiles, unit));
        }
    }
}

/// Whether a tile is among those that changed.
pub(super) fn is_set(changed: &[u32], tile: usize) -> bool {
    changed.get(tile / 32).is_some_and(|word| word >> (tile % 32) & 1 == 1)
}

/// Copies tiles of a row; a site has `unit` samples.
fn copy(to: &mut [u8], from: &[u8], tiles: Range<usize>, unit: usize) {
    let end = (tiles.end * TILE * unit).min(from.len());
    let place = tiles.start * TILE * unit..end;
    if let (Some(to), Some(from)) = (to.get_mut(place.clone()), from.get(place)) {
        to.copy_from_slice(from);
    }
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
