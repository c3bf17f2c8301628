//! Codes that the functions return, and their names.

use core::ffi::CStr;

use decoder_core::{Corruption, Error};

/// What a function has to say. All but `NVL_OK` and `NVL_END` are errors.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nvl {
    /// It is done.
    Ok = 0,
    /// There are no more pictures.
    End = 1,
    /// A callback did not return 0; the rest of the segment is given up.
    Stopped = 2,
    /// A pointer is null that must not be.
    NullPointer = 10,
    /// A length, an alignment or a flag is impossible, or two buffers overlap.
    BadArgument = 11,
    /// The decoder was never opened, is closed, or its memory was moved or overwritten.
    NotOpen = 12,
    /// The decoder was called from within one of its own callbacks.
    Busy = 13,
    /// The clip does not have this segment.
    NoSuchSegment = 14,
    /// The lent memory is too small: `nvl_probe` says how much is needed.
    MemoryTooSmall = 15,
    /// The strip has less than two rows of the picture.
    StripTooSmall = 16,
    /// The data end too early.
    NeedMoreData = 20,
    /// The clip asks for more than the format or its own level allows.
    Limit = 21,
    /// The format has it, this decoder does not: a version that is too new.
    Unsupported = 22,
    /// The clip is damaged in a way that has no code of its own.
    Corrupt = 30,
    /// The data do not begin with `NVL`.
    CorruptMagic = 31,
    /// The file header's checksum does not match.
    CorruptHeaderChecksum = 32,
    /// The file header has a value out of its range.
    CorruptHeader = 33,
    /// The index is damaged.
    CorruptIndex = 34,
    /// There is no sync word where a segment begins.
    CorruptSync = 35,
    /// A segment header's checksum does not match.
    CorruptSegmentChecksum = 36,
    /// A segment header has a value out of its range or out of order.
    CorruptSegmentHeader = 37,
    /// A segment's checksum does not match.
    CorruptPayloadChecksum = 38,
    /// A segment has more or fewer bytes than its pictures.
    CorruptPayloadLength = 39,
    /// A coded number is too long.
    CorruptNumber = 40,
    /// A weight is out of its range.
    CorruptWeight = 41,
    /// Weights could overflow their sum.
    CorruptOverflow = 42,
    /// A latent is out of its range.
    CorruptLatent = 43,
    /// A motion vector is out of its range.
    CorruptMotion = 44,
}

impl Nvl {
    /// All codes.
    const ALL: [Self; 28] = [
        Self::Ok,
        Self::End,
        Self::Stopped,
        Self::NullPointer,
        Self::BadArgument,
        Self::NotOpen,
        Self::Busy,
        Self::NoSuchSegment,
        Self::MemoryTooSmall,
        Self::StripTooSmall,
        Self::NeedMoreData,
        Self::Limit,
        Self::Unsupported,
        Self::Corrupt,
        Self::CorruptMagic,
        Self::CorruptHeaderChecksum,
        Self::CorruptHeader,
        Self::CorruptIndex,
        Self::CorruptSync,
        Self::CorruptSegmentChecksum,
        Self::CorruptSegmentHeader,
        Self::CorruptPayloadChecksum,
        Self::CorruptPayloadLength,
        Self::CorruptNumber,
        Self::CorruptWeight,
        Self::CorruptOverflow,
        Self::CorruptLatent,
        Self::CorruptMotion,
    ];

    /// Its name in the header file.
    #[must_use]
    pub const fn name(self) -> &'static CStr {
        match self {
            Self::Ok => c"NVL_OK",
            Self::End => c"NVL_END",
            Self::Stopped => c"NVL_STOPPED",
            Self::NullPointer => c"NVL_NULL_POINTER",
            Self::BadArgument => c"NVL_BAD_ARGUMENT",
            Self::NotOpen => c"NVL_NOT_OPEN",
            Self::Busy => c"NVL_BUSY",
            Self::NoSuchSegment => c"NVL_NO_SUCH_SEGMENT",
            Self::MemoryTooSmall => c"NVL_MEMORY_TOO_SMALL",
            Self::StripTooSmall => c"NVL_STRIP_TOO_SMALL",
            Self::NeedMoreData => c"NVL_NEED_MORE_DATA",
            Self::Limit => c"NVL_LIMIT",
            Self::Unsupported => c"NVL_UNSUPPORTED",
            Self::Corrupt => c"NVL_CORRUPT",
            Self::CorruptMagic => c"NVL_CORRUPT_MAGIC",
            Self::CorruptHeaderChecksum => c"NVL_CORRUPT_HEADER_CHECKSUM",
            Self::CorruptHeader => c"NVL_CORRUPT_HEADER",
            Self::CorruptIndex => c"NVL_CORRUPT_INDEX",
            Self::CorruptSync => c"NVL_CORRUPT_SYNC",
            Self::CorruptSegmentChecksum => c"NVL_CORRUPT_SEGMENT_CHECKSUM",
            Self::CorruptSegmentHeader => c"NVL_CORRUPT_SEGMENT_HEADER",
            Self::CorruptPayloadChecksum => c"NVL_CORRUPT_PAYLOAD_CHECKSUM",
            Self::CorruptPayloadLength => c"NVL_CORRUPT_PAYLOAD_LENGTH",
            Self::CorruptNumber => c"NVL_CORRUPT_NUMBER",
            Self::CorruptWeight => c"NVL_CORRUPT_WEIGHT",
            Self::CorruptOverflow => c"NVL_CORRUPT_OVERFLOW",
            Self::CorruptLatent => c"NVL_CORRUPT_LATENT",
            Self::CorruptMotion => c"NVL_CORRUPT_MOTION",
        }
    }

    /// The name of a code, also of one that does not exist.
    #[must_use]
    pub fn name_of(code: i32) -> &'static CStr {
        Self::ALL.into_iter().find(|status| *status as i32 == code).map_or(c"NVL_UNKNOWN", Self::name)
    }
}

impl From<Error> for Nvl {
    fn from(error: Error) -> Self {
        match error {
            Error::NeedMoreData { .. } => Self::NeedMoreData,
            Error::Corrupt(what) => what.into(),
            Error::Unsupported(_) => Self::Unsupported,
            Error::Limit { .. } => Self::Limit,
            Error::ScratchTooSmall { .. } => Self::MemoryTooSmall,
            _ => Self::Corrupt,
        }
    }
}

impl From<Corruption> for Nvl {
    fn from(what: Corruption) -> Self {
        match what {
            Corruption::Magic => Self::CorruptMagic,
            Corruption::HeaderChecksum => Self::CorruptHeaderChecksum,
            Corruption::Header => Self::CorruptHeader,
            Corruption::Index => Self::CorruptIndex,
            Corruption::Sync => Self::CorruptSync,
            Corruption::SegmentChecksum => Self::CorruptSegmentChecksum,
            Corruption::SegmentHeader => Self::CorruptSegmentHeader,
            Corruption::PayloadChecksum => Self::CorruptPayloadChecksum,
            Corruption::PayloadLength => Self::CorruptPayloadLength,
            Corruption::Number => Self::CorruptNumber,
            Corruption::Weight => Self::CorruptWeight,
            Corruption::Overflow => Self::CorruptOverflow,
            Corruption::Latent => Self::CorruptLatent,
            Corruption::Motion => Self::CorruptMotion,
            _ => Self::Corrupt,
        }
    }
}
