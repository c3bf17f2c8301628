//! Why a stream is not decoded.

use core::fmt;

/// Shorthand for results of this crate.
pub type Result<T> = core::result::Result<T, Error>;

/// Why a stream was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The bytes end before the structure does. More bytes may mend it.
    NeedMoreData {
        /// The length at which decoding can go on.
        at_least: usize,
    },
    /// The bytes contradict the format. No more bytes will mend it.
    Corrupt(Corruption),
    /// The format allows it, or reserves it; this decoder does not have it.
    Unsupported(Unsupported),
    /// The stream is valid and asks for more than the caller or its level allows.
    Limit {
        /// What is too large.
        what: Quantity,
        /// What the stream asks for.
        value: u64,
        /// What is allowed.
        max: u64,
    },
    /// The lent memory is too small.
    ScratchTooSmall {
        /// Bytes needed.
        required: usize,
        /// Bytes lent.
        lent: usize,
    },
}

/// What is wrong with a corrupt stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Corruption {
    /// The file does not begin with `NVL`.
    Magic,
    /// The file header's checksum does not match.
    HeaderChecksum,
    /// The file header has a value out of its range, or a contradiction.
    Header,
    /// The index's checksum does not match, or an entry points outside the file.
    Index,
    /// No sync word where a segment begins.
    Sync,
    /// A segment header's checksum does not match.
    SegmentChecksum,
    /// A segment header has a value out of its range, or out of order.
    SegmentHeader,
    /// The payload's checksum does not match.
    PayloadChecksum,
    /// The payload ended before its symbols did, or the other way round.
    PayloadLength,
    /// A coded number is longer than any valid one.
    Number,
    /// A weight, bias, gain or shift is out of its range.
    Weight,
    /// The weights of a layer could overflow its 32-bit sum.
    Overflow,
    /// A latent is out of its range.
    Latent,
    /// A motion vector reaches farther than the header says.
    Motion,
}

/// What this decoder does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unsupported {
    /// A version of the format.
    Version(u8),
    /// A base that the weights are coded against.
    WeightBase(u8),
}

/// A bounded quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Quantity {
    /// Luma samples a row.
    Width,
    /// Luma rows.
    Height,
    /// Multiply-accumulates per luma sample.
    MacPerPixel,
    /// Multiply-accumulates per second.
    MacPerSecond,
    /// Bytes of lent memory.
    Scratch,
}

/// A piece of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Some text.
    Text(&'static str),
    /// A number, which is shown in decimal digits.
    Number(u64),
}

impl Error {
    /// Says the message piece by piece, for programs in which there is no room for `core::fmt`.
    ///
    /// # Errors
    /// The first that `say` returns.
    pub fn say<E>(&self, say: impl FnMut(Word) -> core::result::Result<(), E>) -> core::result::Result<(), E> {
        use Word::{Number, Text};
        match *self {
            Self::NeedMoreData { at_least } => {
                [Text("the data ends too early: at least "), Number(at_least as u64), Text(" bytes are needed")]
                    .into_iter()
                    .try_for_each(say)
            }
            Self::Corrupt(what) => [Text("corrupt stream: "), Text(what.text())].into_iter().try_for_each(say),
            Self::Unsupported(Unsupported::Version(version)) => [
                Text("format version "),
                Number(version.into()),
                Text(" is not supported (this decoder reads version 0)"),
            ]
            .into_iter()
            .try_for_each(say),
            Self::Unsupported(Unsupported::WeightBase(base)) => {
                [Text("weight base "), Number(base.into()), Text(" is not supported")].into_iter().try_for_each(say)
            }
            Self::Limit { what, value, max } => {
                [Text(what.text()), Text(" is "), Number(value), Text(", the limit is "), Number(max)]
                    .into_iter()
                    .try_for_each(say)
            }
            Self::ScratchTooSmall { required, lent } => [
                Number(required as u64),
                Text(" bytes of memory are needed, "),
                Number(lent as u64),
                Text(" were lent"),
            ]
            .into_iter()
            .try_for_each(say),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.say(|word| match word {
            Word::Text(text) => f.write_str(text),
            Word::Number(number) => write!(f, "{number}"),
        })
    }
}

impl Corruption {
    const fn text(self) -> &'static str {
        match self {
            Self::Magic => "it does not begin with NVL",
            Self::HeaderChecksum => "the file header's checksum does not match",
            Self::Header => "the file header has a value out of range",
            Self::Index => "the index is damaged",
            Self::Sync => "a segment's sync word is missing",
            Self::SegmentChecksum => "a segment header's checksum does not match",
            Self::SegmentHeader => "a segment header has a value out of range",
            Self::PayloadChecksum => "a segment's checksum does not match",
            Self::PayloadLength => "a segment's payload has the wrong length",
            Self::Number => "a coded number is too long",
            Self::Weight => "a weight is out of range",
            Self::Overflow => "weights could overflow their sum",
            Self::Latent => "a latent is out of range",
            Self::Motion => "a motion vector is out of range",
        }
    }
}

impl Quantity {
    const fn text(self) -> &'static str {
        match self {
            Self::Width => "the width",
            Self::Height => "the height",
            Self::MacPerPixel => "the work per pixel (MAC)",
            Self::MacPerSecond => "the work per second (MAC)",
            Self::Scratch => "the memory (bytes)",
        }
    }
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for Error {}
