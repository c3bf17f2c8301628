//! Segments: independent runs of pictures.

use serde::{Deserialize, Serialize};

use super::file::{read_u32, take};
use super::{CRC, FileHeader, read};
use crate::error::{Corruption, Error, Result, Unsupported};

/// What a segment begins with.
pub const SYNC: [u8; 4] = [0xf5, b'N', b'V', b'S'];

/// How far luma samples with a residual move towards those around them (SPEC section 8, "Loop filter").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopFilter {
    /// In 1/64 of a small difference to each of the four samples around, 0 to [`Self::MAX_STRENGTH`]; at 0 there is no filter.
    pub strength: u8,
    /// The difference from which on there is an edge, across which nothing moves, 0 to [`Self::MAX_REACH`].
    pub reach: u8,
}

impl LoopFilter {
    /// With more a sample could leave the range of those around it.
    pub const MAX_STRENGTH: u8 = 16;
    /// What samples move by fits into a byte.
    pub const MAX_REACH: u8 = 127;
}

/// What a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentHeader {
    /// Its number.
    pub index: u32,
    /// Number of its first picture in the file.
    pub first_frame: u32,
    /// Pictures in it.
    pub frames: u16,
    /// Whether pictures after the first are predicted.
    pub predicted: bool,
    /// The pyramid of their [order](crate::order::Order).
    pub pyramid: u8,
    /// Y, U and V that a picture without prediction is predicted to have.
    pub colour: [u8; 3],
    /// What is done to luma where a residual was added.
    pub loop_filter: LoopFilter,
    /// What the weights are coded against: 0 is nothing.
    pub base: u8,
    /// Bytes of its payload.
    pub payload_len: u32,
    /// CRC-32 of its payload.
    pub payload_crc: u32,
}

/// A segment whose header has been checked; its payload has not.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// What it is.
    pub header: SegmentHeader,
    payload: &'a [u8],
}

impl SegmentHeader {
    /// Reads the header of the segment that begins at `at`; returns it and where its payload begins.
    ///
    /// # Errors
    /// [`Error::NeedMoreData`] if the bytes end within it, otherwise what is wrong with it.
    pub fn parse(bytes: &[u8], at: usize, file: &FileHeader) -> Result<(Self, usize)> {
        let head = at.saturating_add(SYNC.len());
        if take(bytes, at, head)? != SYNC {
            return Err(Error::Corrupt(Corruption::Sync));
        }
        let body = head + 1;
        let length = take(bytes, head, body)?.first().copied().unwrap_or(0);
        let end = body + usize::from(length);
        let checksum = read_u32(bytes, end)?;
        if CRC.checksum(take(bytes, at, end)?) != checksum {
            return Err(Error::Corrupt(Corruption::SegmentChecksum));
        }
        let invalid = Error::Corrupt(Corruption::SegmentHeader);
        let header: Self = read::whole(take(bytes, body, end)?).ok_or(invalid)?;
        let last = header.first_frame.checked_add(header.frames.into()).ok_or(invalid)?;
        let ok = header.frames > 0
            && header.index < file.segments
            && last <= file.frames
            && (file.architecture.motion.is_some() || !header.predicted)
            && header.loop_filter.strength <= LoopFilter::MAX_STRENGTH
            && header.loop_filter.reach <= LoopFilter::MAX_REACH
            && header.pyramid <= if header.predicted { file.architecture.pyramid() } else { 0 };
        if !ok {
            return Err(invalid);
        }
        if header.base != 0 {
            return Err(Error::Unsupported(Unsupported::WeightBase(header.base)));
        }
        Ok((header, end + 4))
    }
}

impl<'a> Segment<'a> {
    /// Reads the segment at `at`; returns it and where it ends.
    pub(super) fn parse(bytes: &'a [u8], at: usize, file: &FileHeader) -> Result<(Self, usize)> {
        let (header, start) = SegmentHeader::parse(bytes, at, file)?;
        let invalid = Error::Corrupt(Corruption::SegmentHeader);
        let stop = start.checked_add(header.payload_len as usize).ok_or(invalid)?;
        Ok((Self { header, payload: take(bytes, start, stop)? }, stop))
    }

    /// Its payload, if the checksum matches.
    ///
    /// # Errors
    /// [`Corruption::PayloadChecksum`].
    pub fn payload(&self) -> Result<&'a [u8]> {
        if CRC.checksum(self.payload) != self.header.payload_crc {
            return Err(Error::Corrupt(Corruption::PayloadChecksum));
        }
        Ok(self.payload)
    }
}

/// The segments of a stream in order.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    next: u32,
    frame: u32,
    file: FileHeader,
}

impl<'a> Segments<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, file: &FileHeader) -> Self {
        Self { bytes, at, next: 0, frame: 0, file: file.clone() }
    }

    fn read(&mut self) -> Result<Segment<'a>> {
        let (segment, end) = Segment::parse(self.bytes, self.at, &self.file)?;
        if segment.header.index != self.next || segment.header.first_frame != self.frame {
            return Err(Error::Corrupt(Corruption::SegmentHeader));
        }
        self.next += 1;
        self.frame += u32::from(segment.header.frames);
        self.at = end;
        let complete = self.frame == self.file.frames && self.at == self.bytes.len();
        if self.next == self.file.segments && !complete {
            return Err(Error::Corrupt(Corruption::SegmentHeader));
        }
        Ok(segment)
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.file.segments {
            return None;
        }
        let segment = self.read();
        if segment.is_err() {
            self.next = self.file.segments;
        }
        Some(segment)
    }
}
