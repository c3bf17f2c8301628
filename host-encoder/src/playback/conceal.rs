//! Decoding of what is left of a damaged file.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use decoder_core::wire::FileHeader;
use decoder_core::{Decoder, Error, FrameError, Limits, Segment, Stream};

use super::{PlaybackError, WholeFrames};
use crate::frame::Frame;

/// How often the bytes of a file are read at most. Once is enough for an intact file, twice for an honest one; headers that claim
/// one another's payloads could ask for any number.
const READINGS: usize = 4;

/// The intact segments of a file of which only the header has to be intact.
#[derive(Clone, Debug)]
pub struct Salvage<'a> {
    stream: Stream<'a>,
    /// By the numbers of their first pictures.
    segments: BTreeMap<u32, Segment<'a>>,
}

/// What was shown of a damaged file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concealed {
    /// Numbers of the segments of which not all pictures were shown.
    pub lost_segments: Vec<RangeInclusive<u32>>,
    /// Pictures in whose place the last good one was shown.
    pub held_frames: u32,
    /// Time spent in the decoder, without the caller's function.
    pub decoding: Duration,
}

impl<'a> Salvage<'a> {
    /// Looks for segments everywhere behind the file header: the index is not needed, and segments may have moved.
    ///
    /// # Errors
    /// If the file header is damaged, or asks for too much.
    pub fn find(bytes: &'a [u8]) -> Result<Self, Error> {
        let stream = Stream::open_damaged(bytes, &Limits::HOST)?;
        let mut segments = BTreeMap::new();
        let (mut from, mut budget) = (0, bytes.len().saturating_mul(READINGS));
        while let Some((place, segment)) = stream.find_segment(from) {
            let Some(rest) = budget.checked_sub(place.len()) else { break };
            budget = rest;
            let intact = segment.payload().is_ok();
            if intact {
                segments.entry(segment.header.first_frame).or_insert(segment);
            }
            // In a damaged payload there may be the next segment, if bytes are missing.
            from = if intact { place.end } else { place.start + 1 };
        }
        Ok(Self { stream, segments })
    }

    /// Whether nothing is intact but the header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// What the file header says.
    #[must_use]
    pub fn header(&self) -> &FileHeader {
        self.stream.header()
    }

    /// Shows every picture of the file, in the place of a lost one the last good one; before the first good one that is black.
    ///
    /// # Errors
    /// [`PlaybackError::Consumer`] from `on_frame`.
    pub fn play<E>(
        &self,
        on_frame: &mut dyn FnMut(usize, &Frame) -> Result<(), E>,
    ) -> Result<Concealed, PlaybackError<E>> {
        let header = self.header();
        let mut scratch = vec![0; self.stream.scratch_len().div_ceil(4)];
        let mut decoder = Decoder::new(&self.stream, &mut scratch)?;
        let mut sink = WholeFrames(Frame::black(header.width.into(), header.height.into()));
        let (mut shown, mut held, mut decoding) = (0, 0, Duration::ZERO);
        let mut good = vec![];
        for (&first_frame, &segment) in &self.segments {
            if first_frame < shown {
                continue;
            }
            held += hold(&mut shown, first_frame, &sink.0, on_frame)?;
            let mut started = Instant::now();
            if decoder.begin(segment).is_err() {
                continue;
            }
            // Whoever writes valid checksums around nonsense gets here; the segment ends then.
            while decoder.next_frame(&mut sink).map_err(FrameError::into_stream_error) == Ok(true) {
                decoding += started.elapsed();
                on_frame(shown as usize, &sink.0).map_err(PlaybackError::Consumer)?;
                shown += 1;
                started = Instant::now();
            }
            if shown == first_frame + u32::from(segment.header.frames) {
                good.push(segment.header.index);
            }
        }
        held += hold(&mut shown, header.frames, &sink.0, on_frame)?;
        Ok(Concealed { lost_segments: missing(&mut good, header.segments), held_frames: held, decoding })
    }
}

/// Shows a picture until picture `end` is due; how often.
fn hold<E>(
    shown: &mut u32,
    end: u32,
    frame: &Frame,
    on_frame: &mut dyn FnMut(usize, &Frame) -> Result<(), E>,
) -> Result<u32, PlaybackError<E>> {
    let first = *shown;
    while *shown < end {
        on_frame(*shown as usize, frame).map_err(PlaybackError::Consumer)?;
        *shown += 1;
    }
    Ok(*shown - first)
}

/// The numbers below `count` that are not among `numbers`.
fn missing(numbers: &mut [u32], count: u32) -> Vec<RangeInclusive<u32>> {
    numbers.sort_unstable();
    let mut next = 0;
    let mut gaps = vec![];
    for &number in numbers.iter().chain([&count]) {
        if number > next {
            gaps.push(next..=number - 1);
        }
        next = number.saturating_add(1).max(next);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_found_at_both_ends_and_between() {
        assert_eq!(missing(&mut [], 3), [0..=2]);
        assert_eq!(missing(&mut [4, 1, 2], 7), [0..=0, 3..=3, 5..=6]);
        assert!(missing(&mut [0, 1], 2).is_empty());
    }
}
