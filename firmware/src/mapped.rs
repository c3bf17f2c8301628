//! A clip in memory: flash that the processor reads like its RAM.

use core::convert::Infallible;

use embedded_io::{ErrorType, Read, Seek, SeekFrom};

/// Reads bytes that are in memory.
#[derive(Clone, Copy, Debug)]
pub struct Mapped<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Mapped<'a> {
    /// From the first byte on.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

/// Where a seek leads in something of `len` bytes at `at`. Before the start is the start.
pub(crate) fn destination(position: SeekFrom, at: usize, len: usize) -> usize {
    let from = |origin: usize, offset: i64| usize::try_from((origin as i64).saturating_add(offset)).unwrap_or(0);
    match position {
        SeekFrom::Start(offset) => usize::try_from(offset).unwrap_or(usize::MAX),
        SeekFrom::Current(offset) => from(at, offset),
        SeekFrom::End(offset) => from(len, offset),
    }
}

impl ErrorType for Mapped<'_> {
    type Error = Infallible;
}

impl Read for Mapped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        self.at += len;
        Ok(len)
    }
}

impl Seek for Mapped<'_> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64, Infallible> {
        self.at = destination(position, self.at, self.bytes.len());
        Ok(self.at as u64)
    }
}
