//! How a clip is cut into segments.

use decoder_core::Level;
use decoder_core::wire::{Architecture, FileHeader, Geometry};
use serde::{Deserialize, Serialize};

use crate::frame::{Clip, Frame};
use crate::scenes;
use crate::settings::EncodeSettings;

use super::random::segment_seed;
use super::{EncodeError, architecture};

/// Fewest frames of a segment that a cut ends or begins, if segments may be as long: every segment pays for its weights.
const LEAST_FRAMES: usize = 12;

/// A segment's place in the clip and the seed of its random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Number of its first frame in the clip.
    pub first: u32,
    /// Frames, at least one.
    pub frames: u32,
    /// Start of its random numbers.
    pub seed: u64,
}

impl Span {
    /// The segment's frames of all the clip's frames.
    #[must_use]
    pub fn of<'a>(&self, frames: &'a [Frame]) -> &'a [Frame] {
        &frames[self.first as usize..][..self.frames as usize]
    }
}

/// The header of a file and the segments that follow it.
#[derive(Clone, Debug)]
pub struct Outline {
    /// The file's header.
    pub header: FileHeader,
    /// The segments, in order, without gaps.
    pub segments: Vec<Span>,
}

impl Outline {
    /// Cuts a clip at its scenes, and scenes that are too long into equal parts.
    ///
    /// # Errors
    /// [`EncodeError::Empty`], [`EncodeError::Level`].
    pub fn new(clip: &Clip, settings: &EncodeSettings) -> Result<Self, EncodeError> {
        let longest = usize::from(settings.segment_frames.max(1));
        let cuts = if settings.scene_cuts { scenes::cuts(&clip.frames) } else { vec![] };
        let mut first = 0;
        let lengths = lengths(clip.frames.len(), &cuts, longest).into_iter().zip(0..);
        let spans = lengths.map(|(frames, index)| {
            let span = Span { first, frames: frames as u32, seed: segment_seed(settings.seed, index) };
            first += span.frames;
            span
        });
        Self::of_segments((clip.width, clip.height), clip.rate, spans.collect(), settings)
    }

    /// The outline with given segments, of a clip of `(width, height)` luma samples and `rate` frames per second.
    ///
    /// # Errors
    /// [`EncodeError::Empty`], [`EncodeError::Level`].
    pub fn of_segments(
        (width, height): (usize, usize),
        rate: (u32, u32),
        segments: Vec<Span>,
        settings: &EncodeSettings,
    ) -> Result<Self, EncodeError> {
        let frames = segments.iter().map(|span| span.frames).sum();
        if frames == 0 {
            return Err(EncodeError::Empty);
        }
        let level = settings.level;
        let geometry = Geometry::new(width as u16, height as u16);
        let header = FileHeader {
            width: width as u16,
            height: height as u16,
            rate_num: rate.0,
            rate_den: rate.1,
            frames,
            segments: segments.len() as u32,
            level,
            architecture: architecture(settings, geometry),
        };
        let checked = header.check().and_then(|demand| level.limits().check(&demand.limits));
        checked.map_err(|source| EncodeError::Level {
            width,
            height,
            rate: f64::from(rate.0) / f64::from(rate.1),
            level: level.name(),
            source,
        })?;
        Ok(Self { header, segments })
    }

    /// The same segments made of something else than what the presets have, at the least level that allows it.
    ///
    /// # Errors
    /// If the format or the largest level does not allow it.
    pub fn with_architecture(mut self, architecture: Architecture) -> Result<Self, decoder_core::Error> {
        self.header.architecture = architecture;
        let limits = self.header.check()?.limits;
        let allows = |level: &Level| level.limits().check(&limits).is_ok();
        self.header.level = Level::ALL.into_iter().find(allows).unwrap_or(Level::Full);
        self.header.level.limits().check(&limits)?;
        Ok(self)
    }
}

/// Lengths of the segments of `frames` frames: a segment begins at each of `cuts` that leaves both sides long enough, and no
/// segment is longer than `longest`.
fn lengths(frames: usize, cuts: &[usize], longest: usize) -> Vec<usize> {
    let least = LEAST_FRAMES.min(longest);
    let mut borders = vec![0];
    for &cut in cuts {
        if cut - borders[borders.len() - 1] >= least && frames - cut >= least {
            borders.push(cut);
        }
    }
    borders.push(frames);
    borders.windows(2).flat_map(|pair| split(pair[1] - pair[0], longest)).collect()
}

/// As few parts as fit, as equal as can be.
fn split(frames: usize, longest: usize) -> impl Iterator<Item = usize> {
    let count = frames.div_ceil(longest);
    (0..count).map(move |index| frames * (index + 1) / count - frames * index / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{SampleSettings, sample_clip};

    #[test]
    fn another_architecture_has_the_least_level_that_allows_it() {
        let clip = sample_clip(&SampleSettings { width: 64, height: 48, frames: 2, rate: (24, 1) });
        let at = |level| EncodeSettings { level, ..EncodeSettings::default() };
        let outline = Outline::new(&clip, &at(Level::Edge)).expect("it fits");
        let mut nano = architecture(&at(Level::Nano), outline.header.geometry());
        let changed = outline.clone().with_architecture(nano.clone()).expect("it fits");
        assert_eq!((changed.header.level, &changed.header.architecture), (Level::Nano, &nano));
        nano.stages.pop();
        assert!(outline.with_architecture(nano).is_err(), "a grid has no stage");
    }

    #[test]
    fn segments_begin_at_cuts_and_keep_their_bounds() {
        assert_eq!(lengths(300, &[], 128), [100, 100, 100]);
        assert_eq!(lengths(128, &[], 128), [128]);
        assert_eq!(lengths(300, &[40, 290], 128), [40, 86, 87, 87]);
        assert_eq!(lengths(60, &[20, 25, 33], 128), [20, 13, 27], "a cut too near to the one before does not count");
        assert_eq!(lengths(7, &[3], 2), [1, 2, 2, 2]);
        assert_eq!(lengths(0, &[], 128), [0; 0]);
    }
}
