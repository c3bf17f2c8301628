//! Damaged streams: what is shown is right, and the rest is said to be lost.

use decoder_core::{Corruption, Limits, Stream};
use nvl_stream::{Error, Forward, Seekable, Unchecked};
use nvl_tests::streams::clip;
use proptest::prelude::*;

use crate::pieces::Pieces;
use crate::{Run, play, smallest, whole};

const SEGMENTS: u32 = 5;
const SEGMENT_FRAMES: u32 = 3;

fn damaged(what: Corruption) -> Error<crate::pieces::Hiccup> {
    Error::Stream(decoder_core::Error::Corrupt(what))
}

/// Where the segments begin, and the end.
fn offsets(clip: &[u8]) -> Vec<usize> {
    let stream = Stream::open(clip, &Limits::HOST).unwrap();
    let begins = (0..SEGMENTS).map(|segment| stream.index_entry(segment).unwrap().offset as usize);
    begins.chain([clip.len()]).collect()
}

/// The same through the three ways of reading; the third may show what is damaged.
fn play_all(bytes: &[u8], buffer: usize, small: usize) -> [Run; 3] {
    let pieces = Pieces::new(bytes, &[1, 30, 200]);
    [
        play(Forward::new(pieces.clone()), buffer, Unchecked::Refused).unwrap(),
        play(Seekable::new(pieces.clone()).unwrap(), small, Unchecked::Refused).unwrap(),
        play(Forward::new(pieces), small, Unchecked::Shown).unwrap(),
    ]
}

#[test]
fn damage_costs_its_segment_and_no_other() {
    let clip = clip(21, SEGMENTS, SEGMENT_FRAMES);
    let (offsets, expected, small) = (offsets(&clip), whole(&clip).shown, smallest(&clip));
    // The sync word, the header, the last byte of the payload, for a segment in the middle, the first and the last.
    for segment in [2, 0, SEGMENTS as usize - 1] {
        let (begin, end) = (offsets[segment], offsets[segment + 1]);
        let frames = segment * SEGMENT_FRAMES as usize..(segment + 1) * SEGMENT_FRAMES as usize;
        let damages = [
            (begin, Corruption::Sync),
            (begin + 6, Corruption::SegmentChecksum),
            (end - 1, Corruption::PayloadChecksum),
        ];
        for (at, what) in damages {
            let mut bytes = clip.clone();
            bytes[at] ^= 0x10;
            for (way, run) in play_all(&bytes, clip.len(), small).into_iter().enumerate() {
                let shown: Vec<u32> = run.shown.iter().map(|(frame, _)| *frame).collect();
                let outside = |frame: &u32| !frames.contains(&(*frame as usize));
                assert!((0..expected.len() as u32).filter(outside).all(|frame| shown.contains(&frame)), "{what} {way}");
                assert!(run.shown.iter().filter(|(frame, _)| outside(frame)).all(|shown| expected.contains(shown)));
                assert_eq!(shown.len() + run.frames_lost as usize, expected.len());
                if way < 2 {
                    assert_eq!(run.lost, [(frames.start as u32, damaged(what))]);
                    assert_eq!(run.frames_lost, SEGMENT_FRAMES);
                }
            }
        }
    }
}

#[test]
fn bytes_that_are_missing_or_too_many_cost_no_other_segment() {
    let clip = clip(22, SEGMENTS, SEGMENT_FRAMES);
    let (offsets, expected) = (offsets(&clip), whole(&clip).shown);
    let middle = offsets[2].midpoint(offsets[3]);
    let without = [&clip[..middle], &clip[middle + 20..]].concat();
    let with = [&clip[..middle], &[0xf5; 300], &clip[middle..]].concat();
    let gone = [&clip[..offsets[2]], &clip[offsets[3]..]].concat();
    for bytes in [without, with, gone] {
        for run in &play_all(&bytes, clip.len(), smallest(&clip))[..2] {
            let frames = 2 * SEGMENT_FRAMES as usize..3 * SEGMENT_FRAMES as usize;
            assert_eq!(run.shown, [&expected[..frames.start], &expected[frames.end..]].concat());
            assert_eq!((run.lost.len(), run.frames_lost), (1, SEGMENT_FRAMES));
        }
    }
}

#[test]
fn a_stream_that_ends_early_shows_what_it_has() {
    let clip = clip(23, SEGMENTS, SEGMENT_FRAMES);
    let (offsets, expected, small) = (offsets(&clip), whole(&clip).shown, smallest(&clip));
    for cut in (offsets[0]..clip.len()).step_by(61).chain(offsets[1..].iter().copied()) {
        let complete = offsets[1..].iter().filter(|&&end| end <= cut).count() * SEGMENT_FRAMES as usize;
        for (way, run) in play_all(&clip[..cut], clip.len(), small).into_iter().enumerate() {
            assert!(run.shown.len() >= complete && (way == 2 || run.shown.len() == complete));
            assert_eq!(run.shown, expected[..run.shown.len()]);
            assert_eq!(run.shown.len() + run.frames_lost as usize, expected.len());
            let reasons: Vec<_> = run.lost.iter().map(|(_, error)| *error).collect();
            assert_eq!(reasons, if cut < clip.len() { vec![Error::Ended] } else { vec![] });
        }
    }
    let opening = play(Forward::new(Pieces::new(&clip[..offsets[0] - 1], &[8])), small, Unchecked::Shown);
    assert_eq!(opening, Err(Error::Ended));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn nothing_that_was_checked_is_wrong(
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0..3, any::<u8>(), 1..40usize), 1..6),
        small in 0..600usize,
    ) {
        let clip = clip(24, SEGMENTS, SEGMENT_FRAMES);
        let expected = whole(&clip).shown;
        let body = offsets(&clip)[0];
        let mut bytes = clip.clone();
        for (index, kind, value, count) in damages {
            let at = body + index.index(bytes.len() - body);
            let end = (at + count).min(bytes.len());
            match kind {
                0 => bytes[at] ^= value,
                1 => { bytes.drain(at..end); }
                _ => { bytes.splice(at..at, [value].repeat(count)); }
            }
        }
        for (way, run) in play_all(&bytes, clip.len(), smallest(&clip) + small).into_iter().enumerate() {
            prop_assert!(run.shown.is_sorted_by_key(|(frame, _)| *frame));
            prop_assert_eq!(run.shown.len() + run.frames_lost as usize, expected.len());
            if way < 2 {
                prop_assert!(run.shown.iter().all(|shown| expected.contains(shown)));
            }
        }
    }
}
