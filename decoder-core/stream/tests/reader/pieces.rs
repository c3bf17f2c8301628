//! A reader as bad as real ones are.

use embedded_io::{Error, ErrorKind, ErrorType, Read, Seek, SeekFrom};

/// A failure that goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hiccup;

impl core::fmt::Display for Hiccup {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("hiccup")
    }
}

impl core::error::Error for Hiccup {}

impl Error for Hiccup {
    fn kind(&self) -> ErrorKind {
        ErrorKind::TimedOut
    }
}

/// Gives a few bytes at a time.
#[derive(Clone)]
pub struct Pieces {
    pub bytes: Vec<u8>,
    pub at: usize,
    /// Bytes of the reads, one after the other and again.
    pub sizes: Vec<usize>,
    /// Reads between two failures; 0 for none.
    pub hiccup_every: usize,
    pub reads: usize,
}

impl Pieces {
    pub fn new(bytes: &[u8], sizes: &[usize]) -> Self {
        Self { bytes: bytes.to_vec(), at: 0, sizes: sizes.to_vec(), hiccup_every: 0, reads: 0 }
    }
}

impl ErrorType for Pieces {
    type Error = Hiccup;
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Hiccup> {
        assert!(!buffer.is_empty(), "a read of nothing cannot be told from the end");
        self.reads += 1;
        if self.hiccup_every > 0 && self.reads.is_multiple_of(self.hiccup_every) {
            return Err(Hiccup);
        }
        let size = self.sizes[self.reads % self.sizes.len()];
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let count = size.min(buffer.len()).min(rest.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Seek for Pieces {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, Hiccup> {
        self.at = match to {
            SeekFrom::Start(at) => at as usize,
            SeekFrom::Current(by) => (self.at as i64 + by) as usize,
            SeekFrom::End(by) => (self.bytes.len() as i64 + by) as usize,
        };
        Ok(self.at as u64)
    }
}
