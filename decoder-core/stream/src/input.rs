//! The beginning of a stream: its header and its index.

use crc::Crc;
use decoder_core::wire::{CRC, Head, IndexEntry};
use decoder_core::{Corruption, Limits};

use crate::error::Error;
use crate::source::Source;
use crate::window::Window;

/// The smallest buffer: it holds a segment header, and the file header of most clips.
pub const MIN_BUFFER: usize = 64;

/// Bytes of an index entry, and of a checksum.
const ENTRY: usize = 8;
const CHECKSUM: usize = 4;

pub(crate) static CHECKSUMS: Crc<u32> = CRC;

/// What becomes of a payload that does not fit into the buffer, where the reader cannot go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// It is refused.
    Refused,
    /// Its pictures are shown as they come. If it is damaged they may look like anything, until the segment ends.
    Shown,
}

/// A reader whose stream has been opened.
#[derive(Debug)]
pub struct Input<'b, S> {
    pub(crate) window: Window<'b, S>,
    pub(crate) head: Head,
    /// Place of the index in the stream.
    index: u64,
    largest_segment: u32,
    pub(crate) unchecked: Unchecked,
}

impl<'b, S: Source> Input<'b, S> {
    /// Reads the file header and the index; the index may be larger than the buffer.
    ///
    /// # Errors
    /// [`Error::Stream`] as `decoder_core::Stream::open`; [`Error::Read`]; [`Error::Ended`]; [`Error::BufferTooSmall`] if the buffer
    /// has less than [`MIN_BUFFER`] bytes or does not hold the file header.
    pub fn open(source: S, buffer: &'b mut [u8], limits: &Limits) -> Result<Self, Error<S::Error>> {
        let mut window = Window::new(source, buffer);
        if window.capacity() < MIN_BUFFER {
            return Err(Error::BufferTooSmall { required: MIN_BUFFER, lent: window.capacity() });
        }
        let (head, len) = loop {
            match Head::parse(window.bytes(), limits) {
                Err(decoder_core::Error::NeedMoreData { at_least }) => window.fill(at_least)?,
                result => break result?,
            }
        };
        window.consume(len);
        let index = window.offset();
        let largest_segment = read_index(&mut window, head.header().segments)?;
        Ok(Self { window, head, index, largest_segment, unchecked: Unchecked::Refused })
    }

    /// Says what becomes of payloads that cannot be checked before they are shown; without this they are refused.
    #[must_use]
    pub fn with_unchecked(self, unchecked: Unchecked) -> Self {
        Self { unchecked, ..self }
    }

    /// What the stream is, and how much memory it needs.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Bytes of the largest segment but the last: the index does not tell where that ends. A buffer of this size holds them.
    #[must_use]
    pub fn largest_segment(&self) -> u32 {
        self.largest_segment
    }

    /// Fails where a segment could only be shown unchecked, and must not be.
    pub(crate) fn check_buffer(&self) -> Result<(), Error<S::Error>> {
        let (required, lent) = (self.largest_segment as usize, self.window.capacity());
        if required > lent && !self.window.can_seek() && self.unchecked == Unchecked::Refused {
            return Err(Error::BufferTooSmall { required, lent });
        }
        Ok(())
    }

    /// Reads an index entry again and goes to its segment; `false` if the source cannot go back.
    pub(crate) fn seek(&mut self, number: u32) -> Result<Option<IndexEntry>, Error<S::Error>> {
        if !self.window.seek(self.index + (ENTRY as u64) * u64::from(number)).map_err(Error::Read)? {
            return Ok(None);
        }
        let entry = entry(&mut self.window)?;
        self.window.seek(entry.offset.into()).map_err(Error::Read)?;
        Ok(Some(entry))
    }
}

/// Reads the next entry.
fn entry<S: Source>(window: &mut Window<'_, S>) -> Result<IndexEntry, Error<S::Error>> {
    window.fill(ENTRY)?;
    let entry = window
        .bytes()
        .first_chunk()
        .map_or(IndexEntry { offset: 0, first_frame: 0 }, |&bytes| IndexEntry::from_bytes(bytes));
    window.consume(ENTRY);
    Ok(entry)
}

/// Checks the index; the bytes of its largest segment but the last.
fn read_index<S: Source>(window: &mut Window<'_, S>, segments: u32) -> Result<u32, Error<S::Error>> {
    let mut digest = CHECKSUMS.digest();
    let mut largest = 0;
    let mut before: Option<u32> = None;
    for _ in 0..segments {
        let entry = entry(window)?;
        digest.update(&entry.to_bytes());
        largest = largest.max(before.map_or(0, |before| entry.offset.saturating_sub(before)));
        before = Some(entry.offset);
    }
    window.fill(CHECKSUM)?;
    let checksum = window.bytes().first_chunk().map(|&bytes| u32::from_le_bytes(bytes));
    if checksum != Some(digest.finalize()) {
        return Err(decoder_core::Error::Corrupt(Corruption::Index).into());
    }
    window.consume(CHECKSUM);
    Ok(largest)
}
