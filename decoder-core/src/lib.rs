//! The decoder of NVL, neural video for small machines.
//!
//! A stream is decoded with integers only, in memory that the caller lends, so that the same bytes give the same pixels
//! on every machine. `SPEC.md` beside this crate is the normative description; the modules cite its sections.
//!
//! ```
//! # fn play(bytes: &[u8]) -> Result<(), decoder_core::Error> {
//! use decoder_core::{Decoder, Limits, RowPair, RowSink, Stream};
//!
//! struct Brightness(u64);
//! impl RowSink for Brightness {
//!     type Error = core::convert::Infallible;
//!     fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Self::Error> {
//!         self.0 += rows.luma[0].iter().map(|&y| u64::from(y)).sum::<u64>();
//!         Ok(())
//!     }
//! }
//!
//! let stream = Stream::open(bytes, &Limits::HOST)?;
//! let mut scratch = vec![0; stream.scratch_len() / 4];
//! let mut decoder = Decoder::new(&stream, &mut scratch)?;
//! let mut sink = Brightness(0);
//! for segment in stream.segments() {
//!     decoder.begin(segment?)?;
//!     while decoder.next_frame(&mut sink).map_err(|error| error.into_stream_error())? {}
//! }
//! # Ok(()) }
//! # assert!(play(b"not a video").is_err());
//! ```
#![no_std]
#![deny(unsafe_code)]
#![deny(clippy::float_arithmetic)]

mod arena;
mod buffer;
mod decoder;
mod dsp;
pub mod entropy;
mod error;
pub mod fixed;
pub mod latents;
mod limits;
mod mask;
pub mod octree;
pub mod order;
mod sink;
pub mod splits;
pub mod synthesis;
pub mod weights;
pub mod wire;

pub use decoder::{Decoder, DecoderWith, FrameError, SegmentBits};
pub use error::{Corruption, Error, Quantity, Result, Unsupported, Word};
pub use limits::{Level, Limits};
pub use sink::{Place, Rgb565Rows, RowPair, RowSink, portable_rgb565_row};
pub use synthesis::Tiles;
pub use wire::{Segment, Stream};
