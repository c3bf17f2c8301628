//! NVL video from a reader: an SD card, a UART, a socket, anything with the traits of [`embedded_io`].
//!
//! [`decoder_core`] wants a clip in memory. Here only a buffer of the caller's is in memory, of any size from
//! [`MIN_BUFFER`]; what is larger passes through it while it is decoded. Nothing is allocated.
//!
//! A segment's checksum stands in its header and covers all of its payload, so before a picture is shown
//!
//! - a payload that fits into the buffer is read as a whole and checked;
//! - one that does not is read twice where the reader can seek ([`Seekable`]): once to be checked, once to be decoded;
//! - else ([`Forward`]) the caller chooses with [`Unchecked`] whether such a payload is refused, or its pictures are shown
//!   as they come and damage is found at the segment's end.
//!
//! Damage costs the segment in which it is: the bytes are searched for the next intact segment header.
//!
//! ```
//! # fn play(uart: impl embedded_io::Read) -> Result<(), Box<dyn std::error::Error>> {
//! # struct Screen;
//! # impl decoder_core::RowSink for Screen {
//! #     type Error = core::convert::Infallible;
//! #     fn row_pair(&mut self, _: decoder_core::RowPair<'_>) -> Result<(), Self::Error> { Ok(()) }
//! # }
//! # let mut screen = Screen;
//! use decoder_core::Limits;
//! use nvl_stream::{Event, Forward, Input, StreamDecoder};
//!
//! let mut buffer = [0; 4096];
//! let input = Input::open(Forward::new(uart), &mut buffer, &Limits::HOST).map_err(|error| error.to_string())?;
//! let mut scratch = vec![0; input.head().scratch_len() / 4];
//! let mut decoder = StreamDecoder::new(input, &mut scratch).map_err(|error| error.to_string())?;
//! while !matches!(decoder.next(&mut screen).map_err(|error| error.to_string())?, Event::End) {}
//! # Ok(()) }
//! # assert!(play(&b"not a video"[..]).is_err());
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod decoder;
mod error;
mod input;
mod payload;
mod source;
mod window;

pub use decoder::{Event, StreamDecoder};
pub use error::{Error, Failure};
pub use input::{Input, MIN_BUFFER, Unchecked};
pub use source::{Forward, Seekable, Source};
