//! The container: headers, index, segments (SPEC section 2). Only this module knows byte offsets.

mod architecture;
mod file;
mod head;
mod read;
mod segment;

use core::ops::Range;

pub use architecture::{
    Architecture, Geometry, Grid, Interpolation, Layer, LayerKind, MAX_CHANNELS, MAX_GRIDS, MAX_LAYERS, MAX_STAGES,
    Motion, ROOT_LOG2, SITE, Stage, Temporal,
};
pub use file::{FILE_FRAME, FileHeader, IndexEntry, MAGIC, MAX_DIMENSION, VERSION};
pub use head::Head;
pub use segment::{LoopFilter, SYNC, Segment, SegmentHeader, Segments};

use crate::error::{Corruption, Error, Result};
use crate::limits::Limits;

/// CRC-32 of the container's checksums.
pub const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// A stream whose header and index have been read and checked.
#[derive(Clone, Debug)]
pub struct Stream<'a> {
    bytes: &'a [u8],
    head: Head,
    index: &'a [u8],
    body: usize,
}

impl<'a> Stream<'a> {
    /// Reads the file header and the index; does no other work.
    ///
    /// # Errors
    /// [`Error::NeedMoreData`] if the bytes end within them, [`Error::Limit`] if the stream costs more than `limits` or than its own level
    /// allows, otherwise what is wrong with it.
    ///
    /// # Examples
    /// ```
    /// use decoder_core::{Error, Level, Limits, Stream};
    /// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/many-segments.nvl"));
    /// let stream = Stream::open(bytes, &Limits::HOST)?;
    /// assert_eq!(stream.segments().count(), stream.header().segments as usize);
    /// // A machine that has less than the stream needs refuses it before any work.
    /// let little = Limits { scratch: 1000, ..Level::Nano.limits() };
    /// assert!(matches!(Stream::open(bytes, &little), Err(Error::Limit { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self> {
        let (head, at) = Head::parse(bytes, limits)?;
        let (index, body) = file::index(bytes, at, head.header().segments)?;
        Ok(Self { bytes, head, index, body })
    }

    /// Reads the file header only: of a file with a damaged index, [`Self::find_segment`] finds what is left.
    ///
    /// # Errors
    /// Those of [`Self::open`] that do not concern the index.
    pub fn open_damaged(bytes: &'a [u8], limits: &Limits) -> Result<Self> {
        let (head, body) = Head::parse(bytes, limits)?;
        Ok(Self { bytes, head, index: &[], body })
    }

    /// What stands before the index.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What the header says.
    #[must_use]
    pub fn header(&self) -> &FileHeader {
        self.head.header()
    }

    /// Bytes of memory that [`Decoder::new`](crate::Decoder::new) needs, a multiple of 4.
    #[must_use]
    pub fn scratch_len(&self) -> usize {
        self.head.scratch_len()
    }

    /// Bytes of memory that a decoder with other activations needs, a multiple of 4.
    #[must_use]
    pub fn scratch_len_with<A: crate::synthesis::Arithmetic>(&self) -> usize {
        crate::arena::Layout::new::<A>(self.header(), &self.head.demand().plan).bytes()
    }

    /// Work for one luma sample, in multiply-accumulates, rounded up.
    #[must_use]
    pub fn mac_per_pixel(&self) -> u32 {
        self.head.mac_per_pixel()
    }

    /// Where segment `number` lies.
    ///
    /// # Errors
    /// [`Corruption::Index`] if there is no such segment or it lies outside the file.
    pub fn index_entry(&self, number: u32) -> Result<IndexEntry> {
        let entry = IndexEntry::at(self.index, number).ok_or(Error::Corrupt(Corruption::Index))?;
        if (entry.offset as usize) < self.body {
            return Err(Error::Corrupt(Corruption::Index));
        }
        Ok(entry)
    }

    /// The segments in order. After an error nothing follows.
    #[must_use]
    pub fn segments(&self) -> Segments<'a> {
        Segments::new(self.bytes, self.body, self.header())
    }

    /// One segment by its number, through the index.
    ///
    /// # Errors
    /// If the index or the segment is damaged.
    pub fn segment(&self, number: u32) -> Result<Segment<'a>> {
        let entry = self.index_entry(number)?;
        self.check_segment(number, Segment::parse(self.bytes, entry.offset as usize, self.header())?.0)
    }

    /// One segment by its number from `bytes` that begin with it, for a reader that has opened the stream with nothing but its
    /// header and index and gets the rest piece by piece, from the offsets of [`Stream::index_entry`].
    ///
    /// # Errors
    /// [`Error::NeedMoreData`] if the segment is longer than `bytes`, otherwise as for [`Stream::segment`].
    pub fn segment_in<'b>(&self, number: u32, bytes: &'b [u8]) -> Result<Segment<'b>> {
        self.check_segment(number, Segment::parse(bytes, 0, self.header())?.0)
    }

    fn check_segment<'b>(&self, number: u32, segment: Segment<'b>) -> Result<Segment<'b>> {
        if segment.header.index != number || segment.header.first_frame != self.index_entry(number)?.first_frame {
            return Err(Error::Corrupt(Corruption::Index));
        }
        Ok(segment)
    }

    /// Bytes of the header and the index: what [`Stream::open`] needs of the file.
    #[must_use]
    pub fn head_len(&self) -> usize {
        self.body
    }

    /// The first segment with an intact header whose sync word lies at `from` or behind it, and the bytes that it takes. It needs no
    /// index, and looks at each byte a bounded number of times. What it finds may be of any number, and its payload may be damaged.
    ///
    /// # Examples
    /// ```
    /// use decoder_core::{Limits, Stream};
    /// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/many-segments.nvl"));
    /// let stream = Stream::open(bytes, &Limits::HOST)?;
    /// // Where the second segment begins, for a reader that lost its way in the first.
    /// let (first, _) = stream.find_segment(0).expect("there is a segment");
    /// let (_, second) = stream.find_segment(first.end).expect("there is another");
    /// assert_eq!(second.header.index, 1);
    /// # Ok::<(), decoder_core::Error>(())
    /// ```
    #[must_use]
    pub fn find_segment(&self, from: usize) -> Option<(Range<usize>, Segment<'a>)> {
        let mut from = from.max(self.body);
        loop {
            let at = from + self.bytes.get(from..)?.windows(SYNC.len()).position(|word| word == SYNC)?;
            if let Ok((segment, end)) = Segment::parse(self.bytes, at, self.header()) {
                return Some((at..end, segment));
            }
            from = at + 1;
        }
    }
}
