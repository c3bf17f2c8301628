//! One number for a picture, to compare two machines.

use core::convert::Infallible;

use crc::{Crc, Digest};
use decoder_core::{RowPair, RowSink};

static CRC: Crc<u32> = decoder_core::wire::CRC;

/// CRC-32 (that of zip) of a picture's rows in the order in which they come: for each pair its luma rows, then Cb, then Cr.
#[derive(Clone)]
pub struct RowChecksum(Digest<'static, u32>);

impl RowChecksum {
    /// Of no rows yet.
    #[must_use]
    pub fn new() -> Self {
        Self(CRC.digest())
    }

    /// The checksum of the rows since the last call.
    pub fn take(&mut self) -> u32 {
        core::mem::replace(&mut self.0, CRC.digest()).finalize()
    }
}

impl Default for RowChecksum {
    fn default() -> Self {
        Self::new()
    }
}

impl RowSink for RowChecksum {
    type Error = Infallible;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Infallible> {
        for samples in [rows.luma[0], rows.luma[1], rows.u, rows.v] {
            self.0.update(samples);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_count_in_their_order_and_each_picture_for_itself() {
        let pair = RowPair { frame: 0, row: 0, column: 0, luma: [b"12", b"345"], u: b"67", v: b"89" };
        let mut checksum = RowChecksum::new();
        for _ in 0..2 {
            let Ok(()) = checksum.row_pair(pair);
            assert_eq!(checksum.take(), 0xcbf4_3926, "the check value of CRC-32/ISO-HDLC");
        }
    }
}
