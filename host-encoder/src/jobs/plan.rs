//! The plan: everything that a segment depends on, in JSON.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::failure::JobError;
use super::record::Key;
use crate::frame::{Clip, Frame};
use crate::io::{ClipRange, Conversion, Input, OutputError, OutputFile, read_converted};
use crate::settings::EncodeSettings;
use crate::train::{Cost, EncodeError, Outline, Span};

/// Version of the plan's fields.
const VERSION: u32 = 1;

/// How a clip is to be encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of these fields.
    nvl_plan: u32,
    /// Version of the encoder that made the plan and has to follow it.
    pub encoder: String,
    /// Where the pictures come from.
    pub input: PlannedInput,
    /// Luma samples a row.
    pub width: usize,
    /// Luma rows.
    pub height: usize,
    /// Frames per second: numerator and denominator.
    pub rate: (u32, u32),
    /// What was chosen.
    pub settings: EncodeSettings,
    /// The segments, in order.
    pub segments: Vec<PlannedSegment>,
}

/// The input of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedInput {
    /// The file, absolute; none for standard input.
    pub path: Option<PathBuf>,
    /// Its size.
    pub bytes: Option<u64>,
    /// Frames that are left out at its start.
    pub skip: usize,
    /// Frames that are taken at most.
    pub frames: Option<usize>,
    /// What is done to them.
    pub conversion: Conversion,
}

/// A segment of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedSegment {
    /// Its place, and the seed of its random numbers.
    #[serde(flatten)]
    pub span: Span,
    /// SHA-256 of its pictures, Y, U and V one picture after another, in hexadecimal digits.
    pub sha256: String,
    /// What fitting it will take, about.
    pub expected: Cost,
}

impl PlannedInput {
    /// Describes an input.
    #[must_use]
    pub fn new(input: &Input, range: ClipRange, conversion: Conversion) -> Self {
        let path = match input {
            Input::Stdin => None,
            Input::File(path) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        };
        let bytes = path.as_ref().and_then(|path| fs::metadata(path).ok()).map(|metadata| metadata.len());
        Self { path, bytes, skip: range.skip, frames: range.frames, conversion }
    }

    /// Reads a segment's frames and makes sure that they are those of the plan. `path` takes the place of the plan's.
    pub(super) fn read(&self, segment: &PlannedSegment, path: Option<&Path>) -> Result<Vec<Frame>, JobError> {
        let path = path.or(self.path.as_deref()).ok_or(JobError::NoInput)?;
        let changed = |problem| JobError::Changed { input: path.display().to_string(), problem };
        if let (Some(planned), Ok(metadata)) = (self.bytes, fs::metadata(path))
            && metadata.len() != planned
        {
            return Err(changed(format!("it had {planned} bytes and has {}", metadata.len())));
        }
        let Span { first, frames, .. } = segment.span;
        // Where frames are left out, only the whole tells which are the segment's.
        let (range, first_read) = match self.conversion.rate {
            None => (ClipRange { skip: self.skip + first as usize, frames: Some(frames as usize) }, 0),
            Some(_) => (ClipRange { skip: self.skip, frames: self.frames }, first as usize),
        };
        let clip = read_converted(&Input::from(OsStr::new(path)), range, &mut |_| self.conversion)?.clip;
        let own: Vec<Frame> = clip.frames.into_iter().skip(first_read).take(frames as usize).collect();
        if hash(&own) != segment.sha256 {
            return Err(changed(format!("frames {first} to {} are other pictures", first + frames - 1)));
        }
        Ok(own)
    }
}

impl Plan {
    /// Plans the encode of a clip that was read from `input`.
    ///
    /// # Errors
    /// Those of [`Outline::new`].
    pub fn new(clip: &Clip, input: PlannedInput, settings: &EncodeSettings) -> Result<Self, EncodeError> {
        let outline = Outline::new(clip, settings)?;
        let segment = |(index, span): (usize, &Span)| PlannedSegment {
            span: *span,
            sha256: hash(span.of(&clip.frames)),
            expected: outline.cost(index, settings),
        };
        Ok(Self {
            nvl_plan: VERSION,
            encoder: encoder_version(),
            input,
            width: clip.width,
            height: clip.height,
            rate: clip.rate,
            settings: settings.clone(),
            segments: outline.segments.iter().enumerate().map(segment).collect(),
        })
    }

    /// Reads a plan and makes sure that this program can follow it.
    ///
    /// # Errors
    /// [`JobError`], naming the file.
    pub fn read(path: &Path) -> Result<Self, JobError> {
        let text = fs::read_to_string(path).map_err(|source| JobError::Read { path: path.into(), source })?;
        let wrong = |problem: String| JobError::Plan { path: path.into(), problem };
        let plan: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if plan.nvl_plan != VERSION {
            return Err(wrong(format!("its version is {}, and this program knows {VERSION}", plan.nvl_plan)));
        }
        if plan.encoder != encoder_version() {
            return Err(JobError::Version { path: path.into(), planned: plan.encoder, own: encoder_version() });
        }
        let mut first = 0;
        for segment in &plan.segments {
            let Span { first: begins, frames, .. } = segment.span;
            if begins != first || frames == 0 || frames > plan.settings.segment_frames.into() {
                return Err(wrong(format!("the segment at frame {begins} with {frames} frames is not in its place")));
            }
            first += frames;
        }
        plan.outline().map_err(|error| wrong(error.to_string()))?;
        Ok(plan)
    }

    /// Writes the plan.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn write(&self, path: &Path, overwrite: bool) -> Result<(), OutputError> {
        let failed = |source| OutputError::Write { target: path.into(), source };
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(std::io::Error::other(error)))?;
        let mut file = OutputFile::create(path, overwrite)?;
        file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
        file.commit()
    }

    /// The header of the file and where its segments are.
    ///
    /// # Errors
    /// [`EncodeError::Level`], [`EncodeError::Empty`].
    pub fn outline(&self) -> Result<Outline, EncodeError> {
        let spans = self.segments.iter().map(|segment| segment.span).collect();
        Outline::of_segments((self.width, self.height), self.rate, spans, &self.settings)
    }

    /// A hash of everything that a segment's bytes depend on.
    pub(super) fn key(&self, index: usize) -> Key {
        let segment = &self.segments[index];
        let place = (index, self.segments.len(), segment.span, &segment.sha256);
        let all = (&self.encoder, self.width, self.height, self.rate, &self.settings, place);
        // JSON of plain data cannot fail; an empty text would only make all keys the same.
        Sha256::digest(serde_json::to_vec(&all).unwrap_or_default()).into()
    }
}

/// What has to be the same for two runs to give the same bytes: the program's version and the format's.
fn encoder_version() -> String {
    format!("{} (format {})", env!("CARGO_PKG_VERSION"), decoder_core::wire::VERSION)
}

fn hash(frames: &[Frame]) -> String {
    let mut hash = Sha256::new();
    for frame in frames {
        frame.planes().into_iter().for_each(|plane| hash.update(plane));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
