//! Decoding on the host. Every decoded pixel and every reported byte of this crate comes through here, from
//! `decoder-core`.

mod conceal;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use decoder_core::wire::{Architecture, FileHeader};
use decoder_core::{Decoder, Error, FrameError, Limits, RowPair, RowSink, SegmentBits, Stream};

use crate::bitstream::file_bytes;
use crate::frame::Frame;

pub use conceal::{Concealed, Salvage};

/// Why a file was not decoded to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaybackError<E> {
    /// The file is at fault.
    #[error("{0}")]
    Stream(Error),
    /// The caller's function is.
    #[error("{0}")]
    Consumer(E),
}

impl<E> From<Error> for PlaybackError<E> {
    fn from(error: Error) -> Self {
        Self::Stream(error)
    }
}

/// What a file is and where its bytes go.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamInfo {
    /// The file header.
    pub header: FileHeader,
    /// Multiply-accumulates for one luma sample.
    pub mac_per_pixel: u32,
    /// Bytes of memory that the decoder needs.
    pub scratch_bytes: usize,
    /// Size of the file in bytes.
    pub bytes: usize,
    /// Bytes by kind; they add up to `bytes`.
    pub parts: BytesByKind,
}

/// Bytes by kind. The payload is one arithmetic code, so that parts of it are no whole numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BytesByKind {
    /// File header, index, segment headers, checksums, and what the arithmetic coder rounds up.
    pub header: f64,
    /// Weights, biases, gains and context models.
    pub weights: f64,
    /// Motion fields.
    pub motion: f64,
    /// Latents of each grid, coarse to fine.
    pub grids: Vec<f64>,
}

impl StreamInfo {
    /// Playing time in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        f64::from(self.header.frames) * f64::from(self.header.rate_den) / f64::from(self.header.rate_num)
    }

    /// Thousands of bits for a second of playing time.
    #[must_use]
    pub fn kilobits_per_second(&self) -> f64 {
        8.0 * self.bytes as f64 / self.seconds() / 1000.0
    }

    /// Bits of the whole file for each luma sample.
    #[must_use]
    pub fn bits_per_pixel(&self) -> f64 {
        let pixels = f64::from(self.header.width) * f64::from(self.header.height) * f64::from(self.header.frames);
        8.0 * self.bytes as f64 / pixels
    }

    /// What the file is made of.
    #[must_use]
    pub fn architecture(&self) -> &Architecture {
        &self.header.architecture
    }
}

/// What a finished decode tells.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeReport {
    /// What the file is.
    pub info: StreamInfo,
    /// Time spent in the decoder, without the caller's function.
    pub decoding: Duration,
    /// Bytes of each picture. What a segment begins with stands with its first picture, headers with none.
    pub pictures: Vec<BytesByKind>,
}

/// Reads the header and checks every checksum, without decoding.
///
/// # Errors
/// What is wrong with the file.
pub fn check(bytes: &[u8]) -> Result<FileHeader, Error> {
    let stream = Stream::open(bytes, &Limits::HOST)?;
    for segment in stream.segments() {
        segment?.payload()?;
    }
    Ok(stream.header().clone())
}

/// Whether files with this header are within the format and the level that it names.
///
/// # Errors
/// The limit that is exceeded, or what is wrong.
pub fn check_header(header: &FileHeader) -> Result<(), Error> {
    match Stream::open(&file_bytes(header, &[]), &Limits::HOST) {
        // Only the index is missing.
        Ok(_) | Err(Error::NeedMoreData { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Decodes a whole file; `on_frame` gets each picture and its number.
///
/// # Errors
/// [`PlaybackError::Stream`] if the file is damaged or too large, [`PlaybackError::Consumer`] from `on_frame`.
///
/// # Examples
/// ```
/// use host_encoder::playback::decode_file;
/// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/many-segments.nvl"));
/// let mut brightest = 0_u8;
/// let report = decode_file(bytes, &mut |_, frame| {
///     brightest = brightest.max(frame.y.iter().copied().max().unwrap_or(0));
///     Ok::<(), std::convert::Infallible>(())
/// })?;
/// assert_eq!(report.pictures.len(), report.info.header.frames as usize);
/// # Ok::<(), host_encoder::playback::PlaybackError<std::convert::Infallible>>(())
/// ```
pub fn decode_file<E>(
    bytes: &[u8],
    on_frame: &mut dyn FnMut(usize, &Frame) -> Result<(), E>,
) -> Result<DecodeReport, PlaybackError<E>> {
    let stream = Stream::open(bytes, &Limits::HOST)?;
    let header = stream.header().clone();
    let mut scratch = vec![0; stream.scratch_len().div_ceil(4)];
    let mut decoder = Decoder::new(&stream, &mut scratch)?;
    let mut sink = WholeFrames(Frame::black(header.width.into(), header.height.into()));
    let mut parts = BytesByKind { grids: vec![0.0; header.architecture.grids.len()], ..BytesByKind::default() };
    let mut decoding = Duration::ZERO;
    // The header may promise more pictures than there are.
    let mut pictures = Vec::new();
    for segment in stream.segments() {
        let mut started = Instant::now();
        decoder.begin(segment?)?;
        let mut before = BytesByKind::of(&SegmentBits::default(), &header);
        while decoder.next_frame(&mut sink).map_err(FrameError::into_stream_error)? {
            decoding += started.elapsed();
            let now = BytesByKind::of(&decoder.bits(), &header);
            on_frame(pictures.len(), &sink.0).map_err(PlaybackError::Consumer)?;
            pictures.push(now.since(&before));
            before = now;
            started = Instant::now();
        }
        parts.add(&before);
    }
    parts.header = bytes.len() as f64 - parts.weights - parts.motion - parts.grids.iter().sum::<f64>();
    let info = StreamInfo {
        header,
        mac_per_pixel: stream.mac_per_pixel(),
        scratch_bytes: stream.scratch_len(),
        bytes: bytes.len(),
        parts,
    };
    Ok(DecodeReport { info, decoding, pictures })
}

/// What a file is and where its bytes go. Decodes all of it, because only that tells.
///
/// # Errors
/// What is wrong with the file.
///
/// # Examples
/// ```
/// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/many-segments.nvl"));
/// let info = host_encoder::playback::inspect(bytes)?;
/// let parts = &info.parts;
/// let sum = parts.header + parts.weights + parts.motion + parts.grids.iter().sum::<f64>();
/// assert!((sum - bytes.len() as f64).abs() < 1e-6);
/// # Ok::<(), decoder_core::Error>(())
/// ```
pub fn inspect(bytes: &[u8]) -> Result<StreamInfo, Error> {
    match decode_file::<Infallible>(bytes, &mut |_, _| Ok(())) {
        Ok(report) => Ok(report.info),
        Err(PlaybackError::Stream(error)) => Err(error),
        Err(PlaybackError::Consumer(never)) => match never {},
    }
}

impl BytesByKind {
    /// What the decoder has counted in a segment so far.
    fn of(bits: &SegmentBits, header: &FileHeader) -> Self {
        // The core counts in 1/256 of a bit.
        let bytes = |bits: u64| bits as f64 / (8.0 * 256.0);
        let grids = bits.grids[..header.architecture.grids.len()].iter().map(|&bits| bytes(bits)).collect();
        Self { header: 0.0, weights: bytes(bits.weights), motion: bytes(bits.motion), grids }
    }

    fn since(&self, before: &Self) -> Self {
        let grids = self.grids.iter().zip(&before.grids).map(|(now, before)| now - before).collect();
        Self { header: 0.0, weights: self.weights - before.weights, motion: self.motion - before.motion, grids }
    }

    fn add(&mut self, other: &Self) {
        self.weights += other.weights;
        self.motion += other.motion;
        self.grids.iter_mut().zip(&other.grids).for_each(|(grid, bytes)| *grid += bytes);
    }
}

/// Puts rows together to pictures.
struct WholeFrames(Frame);

impl RowSink for WholeFrames {
    type Error = Infallible;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Infallible> {
        let frame = &mut self.0;
        let (width, chroma_width, row) = (frame.width, frame.chroma_width(), usize::from(rows.row));
        for (luma, row) in rows.luma.into_iter().zip([2 * row, 2 * row + 1]) {
            if !luma.is_empty() {
                frame.y[row * width..][..width].copy_from_slice(luma);
            }
        }
        frame.u[row * chroma_width..][..chroma_width].copy_from_slice(rows.u);
        frame.v[row * chroma_width..][..chroma_width].copy_from_slice(rows.v);
        Ok(())
    }
}
