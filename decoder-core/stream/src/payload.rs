//! A payload that passes through the window while it is decoded.

use crc::Digest;
use decoder_core::entropy::Payload;
use decoder_core::wire::SegmentHeader;

use crate::error::Error;
use crate::input::CHECKSUMS;
use crate::source::Source;
use crate::window::Window;

/// What is known of a payload that is being read.
#[derive(Clone)]
pub(crate) struct Progress {
    pub(crate) header: SegmentHeader,
    /// Of the bytes that have been in memory; `None` where the payload was checked as a whole.
    digest: Option<Digest<'static, u32>>,
    /// How many bytes have been in memory.
    seen: usize,
}

impl Progress {
    /// Of a payload that has been checked and is in memory.
    pub(crate) fn checked(header: SegmentHeader) -> Self {
        Self { header, digest: None, seen: 0 }
    }

    /// Of a payload of which nothing has been read yet.
    pub(crate) fn unchecked(header: SegmentHeader) -> Self {
        Self { header, digest: Some(CHECKSUMS.digest()), seen: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.header.payload_len as usize
    }

    /// Shows the digest what is in memory from the place where it stopped, `at` bytes from the payload's start.
    pub(crate) fn update(&mut self, bytes: &[u8], at: usize) {
        let end = self.len().min(at + bytes.len());
        let new = bytes.get(self.seen.saturating_sub(at)..end.saturating_sub(at)).unwrap_or_default();
        if let Some(digest) = &mut self.digest {
            digest.update(new);
        }
        self.seen += new.len();
    }

    /// Whether all bytes have been seen and do not give the checksum.
    pub(crate) fn is_damaged(&self) -> bool {
        let complete = self.is_complete();
        self.digest.clone().is_some_and(|digest| complete && digest.finalize() != self.header.payload_crc)
    }

    /// How many bytes have been in memory.
    pub(crate) fn seen(&self) -> usize {
        self.seen
    }

    /// Whether all have.
    pub(crate) fn is_complete(&self) -> bool {
        self.seen == self.len()
    }
}

/// The payload for the decoder.
pub(crate) struct Passing<'p, 'b, S: Source> {
    pub(crate) window: &'p mut Window<'b, S>,
    pub(crate) progress: &'p mut Progress,
    /// Why a byte could not be had.
    pub(crate) error: Option<Error<S::Error>>,
}

impl<S: Source> Payload for Passing<'_, '_, S> {
    fn len(&self) -> usize {
        self.progress.len()
    }

    #[inline(always)]
    fn byte(&mut self, position: usize) -> Option<u8> {
        if position >= self.progress.len() {
            return None;
        }
        match self.window.pop() {
            Some(byte) => Some(byte),
            None => self.refill(position),
        }
    }

    fn is_broken(&self) -> bool {
        self.error.is_some() || self.progress.is_damaged()
    }
}

impl<S: Source> Passing<'_, '_, S> {
    #[cold]
    fn refill(&mut self, position: usize) -> Option<u8> {
        if self.error.is_some() {
            return None;
        }
        match self.window.read() {
            Ok(true) => {
                self.progress.update(self.window.bytes(), position);
                self.window.pop()
            }
            Ok(false) => {
                self.error = Some(Error::Ended);
                None
            }
            Err(error) => {
                self.error = Some(Error::Read(error));
                None
            }
        }
    }
}
