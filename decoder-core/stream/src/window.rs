//! The part of the stream that is in memory.

use crate::error::Error;
use crate::source::Source;

/// A source seen through a buffer.
#[derive(Debug)]
pub(crate) struct Window<'b, S> {
    source: S,
    buffer: &'b mut [u8],
    /// What of the buffer is read and not yet consumed.
    start: usize,
    end: usize,
    /// Place of `start` in the stream.
    offset: u64,
}

impl<'b, S: Source> Window<'b, S> {
    pub(crate) fn new(source: S, buffer: &'b mut [u8]) -> Self {
        Self { source, buffer, start: 0, end: 0, offset: 0 }
    }

    /// Most bytes that can be in memory.
    pub(crate) fn capacity(&self) -> usize {
        self.buffer.len()
    }

    pub(crate) fn can_seek(&self) -> bool {
        self.source.can_seek()
    }

    /// Place of the first byte of [`Self::bytes`] in the stream.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// What is in memory.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Takes one byte out.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<u8> {
        let byte = *self.buffer.get(self.start..self.end)?.first()?;
        self.consume(1);
        Some(byte)
    }

    /// Takes bytes out that are in memory.
    #[inline(always)]
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads once, as much as there is room for; `false` at the end.
    pub(crate) fn read(&mut self) -> Result<bool, S::Error> {
        if self.end == self.buffer.len() {
            // Where it is full, `start` is not 0: the callers ask for more only when there can be more.
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let read = self.source.read(room)?.min(room.len());
        self.end += read;
        Ok(read > 0)
    }

    /// Reads until `count` bytes are in memory. After an error of the reader it can be called again.
    pub(crate) fn fill(&mut self, count: usize) -> Result<(), Error<S::Error>> {
        if count > self.capacity() {
            return Err(Error::BufferTooSmall { required: count, lent: self.capacity() });
        }
        if self.start + count > self.capacity() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < count {
            if !self.read().map_err(Error::Read)? {
                return Err(Error::Ended);
            }
        }
        Ok(())
    }

    /// Goes to a place of the stream; `false` if the source cannot.
    pub(crate) fn seek(&mut self, offset: u64) -> Result<bool, S::Error> {
        if !self.source.seek(offset)? {
            return Ok(false);
        }
        (self.start, self.end, self.offset) = (0, 0, offset);
        Ok(true)
    }
}
