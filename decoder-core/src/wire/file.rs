//! The file header and the index.

use serde::{Deserialize, Serialize};

use super::{Architecture, CRC, Geometry, read};
use crate::error::{Corruption, Error, Quantity, Result, Unsupported};
use crate::limits::Level;
use crate::synthesis::Demand;

/// What a file begins with.
pub const MAGIC: [u8; 3] = *b"NVL";
/// The version of the format that this crate reads.
pub const VERSION: u8 = 0;
/// Bytes before the header: magic, version, length.
pub const FILE_FRAME: usize = 6;
/// Largest width and height.
pub const MAX_DIMENSION: (u16, u16) = (1920, 1080);
/// Bytes of an index entry.
const ENTRY: usize = 8;
/// Bytes of a checksum.
const CHECKSUM: usize = 4;

/// What the file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHeader {
    /// Luma samples a row, 8..=1920.
    pub width: u16,
    /// Luma rows, 8..=1080.
    pub height: u16,
    /// Frames per second, numerator.
    pub rate_num: u32,
    /// Frames per second, denominator.
    pub rate_den: u32,
    /// Pictures in the file.
    pub frames: u32,
    /// Segments in the file.
    pub segments: u32,
    /// What it promises to cost at most.
    pub level: Level,
    /// What it is made of.
    pub architecture: Architecture,
}

impl FileHeader {
    /// Reads the file frame; returns the header and where it ends.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, usize)> {
        let magic = bytes.get(..3).unwrap_or(bytes);
        if !MAGIC.starts_with(magic) {
            return Err(Error::Corrupt(Corruption::Magic));
        }
        let frame = take(bytes, 0, FILE_FRAME)?;
        let &[_, _, _, version, low, high] = frame else { return Err(Error::NeedMoreData { at_least: FILE_FRAME }) };
        if version != VERSION {
            return Err(Error::Unsupported(Unsupported::Version(version)));
        }
        let end = FILE_FRAME + usize::from(u16::from_le_bytes([low, high]));
        let checksum = read_u32(bytes, end)?;
        let covered = take(bytes, 0, end)?;
        if CRC.checksum(covered) != checksum {
            return Err(Error::Corrupt(Corruption::HeaderChecksum));
        }
        let header = covered.get(FILE_FRAME..).unwrap_or_default();
        let header = read::whole(header).ok_or(Error::Corrupt(Corruption::Header))?;
        Ok((header, end + CHECKSUM))
    }

    /// Sizes that follow from the picture's.
    #[must_use]
    pub fn geometry(&self) -> Geometry {
        Geometry::new(self.width, self.height)
    }

    /// Refuses values that the format does not have; says what the stream costs.
    ///
    /// # Errors
    /// [`Error::Limit`] for a picture that is too large, else [`Corruption::Header`].
    pub fn check(&self) -> Result<Demand> {
        for (what, value, max) in
            [(Quantity::Width, self.width, MAX_DIMENSION.0), (Quantity::Height, self.height, MAX_DIMENSION.1)]
        {
            if value > max {
                return Err(Error::Limit { what, value: value.into(), max: max.into() });
            }
        }
        let million = 1..=1_000_000;
        let ok = self.width >= 8
            && self.height >= 8
            && million.contains(&self.rate_num)
            && million.contains(&self.rate_den)
            && (1..=10_000_000).contains(&self.frames)
            && (1..=self.frames).contains(&self.segments);
        if !ok {
            return Err(Error::Corrupt(Corruption::Header));
        }
        self.architecture.check()?;
        Demand::new(self)
    }
}

/// Where a segment begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Offset of its sync word in the file.
    pub offset: u32,
    /// Number of its first picture in the file.
    pub first_frame: u32,
}

impl IndexEntry {
    /// The bytes of the entry.
    #[must_use]
    pub fn to_bytes(self) -> [u8; ENTRY] {
        (u64::from(self.offset) | (u64::from(self.first_frame) << 32)).to_le_bytes()
    }

    /// The entry of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; ENTRY]) -> Self {
        let packed = u64::from_le_bytes(bytes);
        Self { offset: packed as u32, first_frame: (packed >> 32) as u32 }
    }

    pub(super) fn at(index: &[u8], number: u32) -> Option<Self> {
        let at = (number as usize).checked_mul(ENTRY)?;
        Some(Self::from_bytes(*index.get(at..)?.first_chunk()?))
    }
}

/// The index that begins at `at`, and where it ends.
pub(super) fn index(bytes: &[u8], at: usize, segments: u32) -> Result<(&[u8], usize)> {
    let len = (segments as usize).checked_mul(ENTRY).ok_or(Error::Corrupt(Corruption::Index))?;
    let end = at.checked_add(len).ok_or(Error::Corrupt(Corruption::Index))?;
    let checksum = read_u32(bytes, end)?;
    let index = take(bytes, at, end)?;
    if CRC.checksum(index) != checksum {
        return Err(Error::Corrupt(Corruption::Index));
    }
    Ok((index, end + CHECKSUM))
}

/// `bytes[from..to]`.
pub(super) fn take(bytes: &[u8], from: usize, to: usize) -> Result<&[u8]> {
    bytes.get(from..to).ok_or(Error::NeedMoreData { at_least: to })
}

/// The little-endian number at `at`.
pub(super) fn read_u32(bytes: &[u8], at: usize) -> Result<u32> {
    let end = at.checked_add(CHECKSUM).ok_or(Error::Corrupt(Corruption::Header))?;
    let number = take(bytes, at, end)?.first_chunk().ok_or(Error::NeedMoreData { at_least: end })?;
    Ok(u32::from_le_bytes(*number))
}
