//! The reference picture, the predictions made from it, and the finished rows that wait to enter it.

use super::plan::Plan;
use super::prediction::{Plane, predict_row};
use crate::wire::{Geometry, Interpolation, SITE};

/// Where predictions come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) interpolation: Interpolation,
    /// The vertical and the horizontal component of all blocks.
    pub(super) vectors: [&'a [i8]; 2],
}

/// Sample memory of one stream.
///
/// The reference is overwritten by the picture that is made from it: a finished row waits in a ring until no prediction can need what it replaces.
#[derive(Debug)]
pub(super) struct Store<'a> {
    geometry: Geometry,
    predictions: &'a mut [u8],
    pending: &'a mut [u8],
    reference: &'a mut [u8],
}

impl<'a> Store<'a> {
    /// Cuts [`Plan::pictures_len`] bytes.
    pub(super) fn new(plan: &Plan, pictures: &'a mut [u8]) -> Self {
        let row = SITE * plan.geometry.width;
        let (predictions, rest) = pictures.split_at_mut_checked(row * (plan.lead + 1)).unwrap_or_default();
        let (pending, reference) = rest.split_at_mut_checked(row * plan.pending).unwrap_or_default();
        Self { geometry: plan.geometry, predictions, pending, reference }
    }

    fn row_len(&self) -> usize {
        SITE * self.geometry.width
    }

    /// Makes the prediction of a row of sites; without a source it is `colour` everywhere.
    pub(super) fn predict(&mut self, row: usize, source: Option<Source<'_>>, colour: [u8; 3]) {
        let Geometry { width, height } = self.geometry;
        let area = width * height;
        let (luma, chroma) = self.reference.split_at_checked(4 * area).unwrap_or_default();
        let (u, v) = chroma.split_at_checked(area).unwrap_or_default();
        let len = SITE * width;
        let slots = self.predictions.len() / len.max(1);
        let Some(out) = self.predictions.get_mut((row % slots.max(1)) * len..).and_then(|rest| rest.get_mut(..len))
        else {
            return;
        };
        match source {
            None => {
                let [y, u, v] = colour;
                out.chunks_exact_mut(SITE).for_each(|site| site.copy_from_slice(&[y, y, y, y, u, v]));
            }
            Some(Source { interpolation, vectors }) => {
                let columns = self.geometry.motion().1;
                let block_row = (row >> crate::wire::ROOT_LOG2) * columns;
                let vectors = vectors.map(|plane| plane.get(block_row..block_row + columns).unwrap_or_default());
                let plane = |samples, width, height| Plane { samples, width, height };
                let reference = [plane(luma, 2 * width, 2 * height), plane(u, width, height), plane(v, width, height)];
                predict_row(reference, interpolation, self.geometry, row, vectors, out);
            }
        }
    }

    /// The prediction of a row, 6 samples a site.
    pub(super) fn prediction(&self, row: usize) -> &[u8] {
        let len = self.row_len();
        let slots = (self.predictions.len() / len.max(1)).max(1);
        self.predictions.get((row % slots) * len..).and_then(|rest| rest.get(..len)).unwrap_or_default()
    }

    fn slots(&self) -> usize {
        (self.pending.len() / self.row_len().max(1)).max(1)
    }

    /// The place for a finished row, after what waited there has entered the reference; and the row's prediction.
    ///
    /// The place holds the two luma rows, then the two chroma rows.
    pub(super) fn finish(&mut self, row: usize) -> (&mut [u8], &[u8]) {
        if let Some(oldest) = row.checked_sub(self.slots()) {
            self.commit(oldest);
        }
        let (len, slots) = (self.row_len(), self.slots());
        let waiting =
            self.pending.get_mut((row % slots) * len..).and_then(|rest| rest.get_mut(..len)).unwrap_or_default();
        let predictions = (self.predictions.len() / len.max(1)).max(1);
        let prediction =
            self.predictions.get((row % predictions) * len..).and_then(|rest| rest.get(..len)).unwrap_or_default();
        (waiting, prediction)
    }

    /// A finished row that has not been replaced.
    pub(super) fn finished(&self, row: usize) -> &[u8] {
        let len = self.row_len();
        self.pending.get((row % self.slots()) * len..).and_then(|rest| rest.get(..len)).unwrap_or_default()
    }

    /// The picture ends: all rows that wait enter the reference.
    pub(super) fn flush(&mut self) {
        let height = self.geometry.height;
        for row in height.saturating_sub(self.slots())..height {
            self.commit(row);
        }
    }

    /// Copies a row from the ring into the reference.
    fn commit(&mut self, row: usize) {
        let Geometry { width, height } = self.geometry;
        let (len, slots) = (self.row_len(), self.slots());
        let Some(waiting) = self.pending.get((row % slots) * len..).and_then(|rest| rest.get(..len)) else { return };
        let (luma, chroma) = waiting.split_at_checked(4 * width).unwrap_or_default();
        let (u, v) = chroma.split_at_checked(width).unwrap_or_default();
        let area = width * height;
        for (from, to) in [(luma, 4 * row * width), (u, 4 * area + row * width), (v, 5 * area + row * width)] {
            if let Some(to) = self.reference.get_mut(to..to + from.len()) {
                to.copy_from_slice(from);
            }
        }
    }
}
