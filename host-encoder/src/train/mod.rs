//! Fitting a representation to a clip.

mod fit;
mod guard;
mod motion_search;
mod network;
mod presets;
mod quantise;
mod random;
mod schedule;

use decoder_core::Level;
use decoder_core::wire::FileHeader;

use crate::bitstream::{CodedBits, file_bytes, segment_bytes};
use crate::frame::Clip;
use crate::progress::{Observer, Step};
use crate::settings::EncodeSettings;

pub use presets::architecture;

/// Most pictures of a segment: memory while encoding, and what a lost segment costs.
const SEGMENT_FRAMES: usize = 128;

/// Bytes of a segment's header and index entry, about.
const SEGMENT_OVERHEAD: usize = 32;

/// Why a clip was not encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The clip has no pictures.
    #[error("the clip has no pictures")]
    Empty,
    /// The fitting went out of bounds.
    #[error("the fitting diverged at step {step}; try another --seed")]
    Diverged {
        /// Number of the step.
        step: u64,
    },
    /// The observer stopped it.
    #[error("stopped")]
    Stopped,
    /// The clip at this level asks for more than the level allows.
    #[error("{width}x{height} at {rate:.2} frames per second does not fit level {level}: {source}")]
    Level {
        /// Luma samples a row.
        width: usize,
        /// Luma rows.
        height: usize,
        /// Frames per second.
        rate: f64,
        /// Name of the level.
        level: &'static str,
        /// What is too much.
        source: decoder_core::Error,
    },
    /// The fitted values are not ones that the format has.
    #[error("the fitted segment cannot be written: {0}")]
    Unwritable(decoder_core::Error),
    /// The threads could not be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// A finished encode.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// What the segments' payloads are spent on.
    pub segments: Vec<CodedBits>,
    /// Bits of the file as the loss counted them at the end of each segment's fitting, headers included.
    pub counted_bits: Vec<f64>,
}

/// Encodes a clip. The same clip, settings and seed give the same bytes, whatever the number of threads.
///
/// # Errors
/// [`EncodeError`].
pub fn encode(clip: &Clip, settings: &EncodeSettings, observer: &mut dyn Observer) -> Result<Encoded, EncodeError> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(settings.threads.unwrap_or(0)).build()?;
    threads.install(|| encode_segments(clip, settings, observer))
}

fn encode_segments(
    clip: &Clip,
    settings: &EncodeSettings,
    observer: &mut dyn Observer,
) -> Result<Encoded, EncodeError> {
    if clip.frames.is_empty() {
        return Err(EncodeError::Empty);
    }
    let header = file_header(clip, settings)?;
    let geometry = header.geometry();
    let mut encoded = Encoded { bytes: vec![], segments: vec![], counted_bits: vec![] };
    let mut segments = vec![];
    let mut first = 0;
    let count = header.segments as usize;
    let container = 8.0 * (file_bytes(&header, &[]).len() + count * SEGMENT_OVERHEAD) as f64;
    let mut finished = 0.0;
    for (index, frames) in split(clip.frames.len()).enumerate() {
        observer.phase(&format!("fitting segment {} of {count}", index + 1));
        let frames = &clip.frames[first..first + frames];
        let mut counted = 0.0;
        let mut report = |progress: &fit::Progress| {
            counted = progress.bits + container / count as f64;
            observer.step(&Step {
                step: index as u64 * progress.steps + progress.step,
                steps: count as u64 * progress.steps,
                loss: progress.cost,
                psnr: 10.0 * (255.0 * 255.0 / progress.distortion.max(1e-9)).log10(),
                bytes: finished + counted / 8.0,
            })
        };
        let model = fit::fit(frames, &header.architecture, geometry, settings, index as u64, &mut report)?;
        let segment = segment_bytes(&header, index as u32, first as u32, &model).map_err(EncodeError::Unwritable)?;
        encoded.segments.push(segment.bits.clone());
        encoded.counted_bits.push(counted);
        finished += segment.bytes.len() as f64;
        first += frames.len();
        segments.push(segment);
    }
    encoded.bytes = file_bytes(&header, &segments);
    Ok(encoded)
}

/// Lengths of the segments of a clip: as few as fit, as equal as can be.
fn split(frames: usize) -> impl Iterator<Item = usize> {
    let count = frames.div_ceil(SEGMENT_FRAMES).max(1);
    (0..count).map(move |index| frames * (index + 1) / count - frames * index / count)
}

/// The header of the file, if the clip fits its level.
fn file_header(clip: &Clip, settings: &EncodeSettings) -> Result<FileHeader, EncodeError> {
    let (width, height) = (clip.width as u16, clip.height as u16);
    let geometry = decoder_core::wire::Geometry::new(width, height);
    let header = FileHeader {
        width,
        height,
        rate_num: clip.rate.0,
        rate_den: clip.rate.1,
        frames: clip.frames.len() as u32,
        segments: split(clip.frames.len()).count() as u32,
        level: settings.level,
        architecture: architecture(settings.level, geometry, settings.motion, settings.root_depth),
    };
    check_level(&header, settings.level).map_err(|source| EncodeError::Level {
        width: clip.width,
        height: clip.height,
        rate: f64::from(clip.rate.0) / f64::from(clip.rate.1),
        level: settings.level.name(),
        source,
    })?;
    Ok(header)
}

fn check_level(header: &FileHeader, level: Level) -> Result<(), decoder_core::Error> {
    level.limits().check(&header.check()?.limits)
}
