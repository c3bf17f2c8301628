//! Fitting a representation to a clip.

mod archive;
mod bench;
mod blocks;
mod cost;
mod fit;
mod guard;
mod memory;
mod motion;
mod network;
mod outline;
mod parallel;
mod parameters;
mod presets;
mod prior;
mod quantise;
mod random;
mod rdoq;
mod recentre;
mod refit;
mod run;
mod schedule;
mod source;
mod state;
mod target;

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::thread::available_parallelism;

use crate::bitstream::{CodedBits, EncodedSegment, file_bytes, segment_bytes};
use crate::frame::{Clip, Frame};
use crate::progress::Observer;
use crate::settings::EncodeSettings;

pub use archive::{Archive, Fleeting};
pub use bench::{StepCost, measure_steps};
pub use cost::{Cost, Load, SOURCE_BYTES, Work, expected_cost};
pub use fit::Progress;
pub use outline::{Outline, Span};
pub use parameters::Parameters;
pub use presets::architecture;
pub use prior::{PriorTraining, cost_from, train_prior};
pub use state::{FitState, Forgetful, Keeper};
pub use target::{Found, Target, encode_to_target};

use parallel::{Board, Shares};

/// Bytes of a segment's header and index entry, about.
const SEGMENT_OVERHEAD: usize = 32;

/// Why a clip was not encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The clip has no pictures.
    #[error("the clip has no pictures")]
    Empty,
    /// The fitting went out of bounds, and going back did not help.
    #[error(
        "the fitting of segment {segment} diverged at step {step} and did not recover: nothing was written; \
         try another --seed"
    )]
    Diverged {
        /// Number of the segment.
        segment: usize,
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
    /// A finished segment could not be put where it is kept.
    #[error("{0}")]
    Shelf(Box<dyn std::error::Error + Send + Sync>),
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

/// A finished segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// What goes into the file.
    pub segment: EncodedSegment,
    /// Its bits and its part of the headers as the loss counted them at the end.
    pub counted_bits: f64,
    /// How often the fit was lost and taken up again.
    pub returns: u32,
}

/// What outlives a run: finished segments, and the states of those that are not.
pub trait Shelf: Sync {
    /// A segment that was finished before.
    fn take(&self, index: usize) -> Option<Fitted>;

    /// Where a segment's state is kept while it is fitted. `note` tells a person something.
    fn keeper<'a>(&'a self, index: usize, note: &'a (dyn Fn(&str) + Sync)) -> Box<dyn Keeper + 'a>;

    /// Keeps a finished segment.
    ///
    /// # Errors
    /// If that is not possible.
    fn put(&self, index: usize, fitted: &Fitted) -> Result<(), EncodeError>;
}

/// A run that nothing outlives.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoShelf;

impl Shelf for NoShelf {
    fn take(&self, _: usize) -> Option<Fitted> {
        None
    }

    fn keeper<'a>(&'a self, _: usize, _: &'a (dyn Fn(&str) + Sync)) -> Box<dyn Keeper + 'a> {
        Box::new(Forgetful)
    }

    fn put(&self, _: usize, _: &Fitted) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// Encodes a clip. The same clip, settings and seed give the same bytes, whatever the number of threads.
///
/// # Errors
/// [`EncodeError`].
///
/// # Examples
/// ```
/// use host_encoder::{progress::Silent, sample, settings::{Effort, EncodeSettings}, train};
/// let clip = sample::sample_clip(&sample::SampleSettings { width: 16, height: 16, frames: 2, rate: (24, 1) });
/// let settings = EncodeSettings { effort: Effort::Draft, ..EncodeSettings::default() };
/// let encoded = train::encode(&clip, &settings, &mut Silent)?;
/// assert!(encoded.bytes.starts_with(b"NVL"));
/// # Ok::<(), train::EncodeError>(())
/// ```
pub fn encode(clip: &Clip, settings: &EncodeSettings, observer: &mut dyn Observer) -> Result<Encoded, EncodeError> {
    encode_outline(&clip.frames, &Outline::new(clip, settings)?, settings, &NoShelf, observer)
}

/// Encodes the segments of `outline` that `shelf` does not have, as many at a time as the machine has cores and memory for, and
/// puts the file together. `frames` are the whole clip's.
///
/// # Errors
/// [`EncodeError`].
pub fn encode_outline(
    frames: &[Frame],
    outline: &Outline,
    settings: &EncodeSettings,
    shelf: &dyn Shelf,
    observer: &mut dyn Observer,
) -> Result<Encoded, EncodeError> {
    let stop = AtomicBool::new(false);
    let board = Board::new(outline.segments.iter().map(|span| span.frames), observer, &stop);
    let mut fitted: Vec<Option<Fitted>> = (0..outline.segments.len()).map(|index| shelf.take(index)).collect();
    let mut missing = Vec::new();
    for (index, fitted) in fitted.iter().enumerate() {
        match fitted {
            Some(fitted) => board.finished(index, fitted.segment.bytes.len()),
            None => missing.push(index),
        }
    }
    // The longest first, so that the last to end are short.
    missing.sort_by_key(|&index| std::cmp::Reverse(outline.segments[index].frames));
    let memory = missing.iter().map(|&index| outline.cost(index, settings).memory_bytes).max();
    let threads = settings.threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
    let shares = Shares::new(threads, memory::available(), memory.unwrap_or(0));
    let note = |text: &str| board.note(text);
    let results = parallel::for_each(&missing, shares, &stop, |index| {
        let mut keeper = shelf.keeper(index, &note);
        let source = outline.segments[index].of(frames);
        let report = &mut |progress: &Progress| board.step(index, progress);
        let fitted = encode_segment(source, outline, index, settings, &mut *keeper, report)?;
        if fitted.returns > 0 {
            board.note(&format!("the fitting of segment {index} was lost {} times and taken up again", fitted.returns));
        }
        if let Err(error) = shelf.put(index, &fitted) {
            board.note(&format!("{error}; the encode goes on, but could not be resumed from here"));
        }
        board.finished(index, fitted.segment.bytes.len());
        Ok::<_, EncodeError>(fitted)
    })?;
    for (index, result) in missing.into_iter().zip(results) {
        fitted[index] = Some(result);
    }
    let all: Vec<Fitted> = fitted.into_iter().flatten().collect();
    if all.len() < outline.segments.len() {
        return Err(EncodeError::Stopped);
    }
    Ok(assemble(outline, all))
}

/// Fits one segment of an outline to its `frames`. The result depends on nothing else, and not on the threads of the pool
/// that this runs in. It goes on from what `keeper` has.
///
/// # Errors
/// [`EncodeError::Diverged`]; [`EncodeError::Stopped`] if `report` says so, after the state has been kept.
pub fn encode_segment(
    frames: &[Frame],
    outline: &Outline,
    index: usize,
    settings: &EncodeSettings,
    keeper: &mut dyn Keeper,
    report: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Fitted, EncodeError> {
    let (header, span) = (&outline.header, outline.segments[index]);
    let count = outline.segments.len();
    let container = 8.0 * (file_bytes(header, &[]).len() + count * SEGMENT_OVERHEAD) as f64 / count as f64;
    let mut returns = 0;
    let mut watch = |progress: &Progress| {
        returns = progress.returns;
        report(progress)
    };
    let fitted = fit::fit(frames, &header.architecture, header.geometry(), settings, span.seed, keeper, &mut watch);
    let (model, bits) = fitted.map_err(|error| match error {
        EncodeError::Diverged { step, .. } => EncodeError::Diverged { segment: index, step },
        other => other,
    })?;
    let segment = segment_bytes(header, index as u32, span.first, &model).map_err(EncodeError::Unwritable)?;
    Ok(Fitted { segment, counted_bits: bits + container, returns })
}

/// Puts the segments of an outline, all and in order, together to a file.
#[must_use]
pub fn assemble(outline: &Outline, fitted: Vec<Fitted>) -> Encoded {
    let segments: Vec<EncodedSegment> = fitted.iter().map(|fitted| fitted.segment.clone()).collect();
    Encoded {
        bytes: file_bytes(&outline.header, &segments),
        segments: segments.into_iter().map(|segment| segment.bits).collect(),
        counted_bits: fitted.into_iter().map(|fitted| fitted.counted_bits).collect(),
    }
}
