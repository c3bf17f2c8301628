//! Rows from the core that decodes to the core that draws.

use core::convert::Infallible;

use decoder_core::{RowPair, RowSink};
use heapless::spsc::{Consumer, Producer};

/// Luma samples of a row at most.
pub const WIDTH: usize = 320;

/// A [`RowPair`] that owns its samples.
#[derive(Clone)]
pub struct Strip {
    frame: u32,
    row: u16,
    column: u16,
    /// Luma samples of each row; chroma samples.
    luma_len: [usize; 2],
    chroma_len: usize,
    luma: [[u8; WIDTH]; 2],
    chroma: [[u8; WIDTH / 2]; 2],
}

impl Strip {
    /// Copies rows; what is beyond [`WIDTH`] is left out.
    fn new(rows: &RowPair<'_>) -> Self {
        let mut strip = Self {
            frame: rows.frame,
            row: rows.row,
            column: rows.column,
            luma_len: rows.luma.map(|row| row.len().min(WIDTH)),
            chroma_len: rows.u.len().min(WIDTH / 2),
            luma: [[0; WIDTH]; 2],
            chroma: [[0; WIDTH / 2]; 2],
        };
        let copy = |to: &mut [u8], from: &[u8]| to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
        strip.luma.iter_mut().zip(rows.luma).for_each(|(to, from)| copy(to, from));
        strip.chroma.iter_mut().zip([rows.u, rows.v]).for_each(|(to, from)| copy(to, from));
        strip
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> RowPair<'_> {
        let [upper, lower] = &self.luma;
        let [above, below] = self.luma_len;
        let part = |samples, len| <[u8]>::get(samples, ..len).unwrap_or_default();
        let [u, v] = self.chroma.each_ref().map(|samples| part(samples, self.chroma_len));
        let luma = [part(upper, above), part(lower, below)];
        RowPair { frame: self.frame, row: self.row, column: self.column, luma, u, v }
    }
}

/// A sink that waits until there is room in the queue.
pub struct QueueRows<'q>(Producer<'q, Strip>);

impl<'q> QueueRows<'q> {
    /// Into this queue.
    #[must_use]
    pub fn new(queue: Producer<'q, Strip>) -> Self {
        Self(queue)
    }
}

impl RowSink for QueueRows<'_> {
    type Error = Infallible;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Infallible> {
        let mut strip = Strip::new(&rows);
        while let Err(refused) = self.0.enqueue(strip) {
            strip = refused;
            core::hint::spin_loop();
        }
        Ok(())
    }

    fn takes_changes(&self) -> bool {
        true
    }
}

/// Hands the strips that wait to a sink; how many there were.
///
/// # Errors
/// The sink's.
pub fn drain<S: RowSink>(queue: &mut Consumer<'_, Strip>, sink: &mut S) -> Result<usize, S::Error> {
    let mut drained = 0;
    while let Some(strip) = queue.peek() {
        sink.row_pair(strip.rows())?;
        let _ = queue.dequeue();
        drained += 1;
    }
    Ok(drained)
}
