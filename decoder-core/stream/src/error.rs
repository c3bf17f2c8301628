//! What can go wrong between a reader and a picture.

use core::fmt;

/// Why bytes did not become pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error<R> {
    /// The stream is at fault.
    Stream(decoder_core::Error),
    /// The reader is.
    Read(R),
    /// The reader came to its end before the stream did.
    Ended,
    /// A header or payload does not fit into the buffer, and the reader cannot go back.
    BufferTooSmall {
        /// Bytes needed.
        required: usize,
        /// Bytes lent.
        lent: usize,
    },
}

/// Why [`StreamDecoder::next`](crate::StreamDecoder::next) stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<R, S> {
    /// The input is at fault. After [`Error::Read`] nothing is lost: the next call goes on where this one stopped.
    Input(Error<R>),
    /// The sink is; the rest of the segment is lost.
    Sink(S),
}

impl<R> From<decoder_core::Error> for Error<R> {
    fn from(error: decoder_core::Error) -> Self {
        Self::Stream(error)
    }
}

impl<R, S> From<Error<R>> for Failure<R, S> {
    fn from(error: Error<R>) -> Self {
        Self::Input(error)
    }
}

impl<R: fmt::Debug> fmt::Display for Error<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => error.fmt(f),
            Self::Read(error) => write!(f, "the reader failed: {error:?}"),
            Self::Ended => f.write_str("the reader ended before the stream did"),
            Self::BufferTooSmall { required, lent } => write!(
                f,
                "the buffer has {lent} bytes and {required} are needed: lend more, use a reader that can seek, or allow \
                 pictures before their checksum"
            ),
        }
    }
}

impl<R: fmt::Debug, S: fmt::Display> fmt::Display for Failure<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl<R: fmt::Debug> core::error::Error for Error<R> {}
impl<R: fmt::Debug, S: fmt::Debug + fmt::Display> core::error::Error for Failure<R, S> {}
