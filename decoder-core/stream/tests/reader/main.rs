//! Streams through small buffers against the decoder that has all in memory.

mod damage;
mod pieces;

use decoder_core::synthesis::Integer;
use decoder_core::wire::Head;
use decoder_core::{Corruption, Limits};
use nvl_stream::{Error, Event, Forward, Input, MIN_BUFFER, Seekable, Source, StreamDecoder, Unchecked};
use nvl_tests::frames::{Collector, Picture, decode_with};
use nvl_tests::streams::clip;
use nvl_tests::vectors::{Vector, load};

use pieces::{Hiccup, Pieces};

/// What a run gives: pictures with their numbers, and why others are missing.
#[derive(Debug, Default, PartialEq)]
pub struct Run {
    shown: Vec<(u32, Picture)>,
    lost: Vec<(u32, Error<Hiccup>)>,
    frames_lost: u32,
    hiccups: u32,
}

/// Plays a stream to its end.
fn play<S: Source<Error = Hiccup>>(source: S, buffer: usize, unchecked: Unchecked) -> Result<Run, Error<Hiccup>> {
    let mut buffer = vec![0; buffer];
    let input = Input::open(source, &mut buffer, &Limits::HOST)?.with_unchecked(unchecked);
    let mut scratch = vec![0x5a5a_a5a5; input.head().scratch_len() / 4];
    let mut decoder = StreamDecoder::new(input, &mut scratch)?;
    let (mut run, mut sink) = (Run::default(), Collector::default());
    loop {
        match decoder.next(&mut sink) {
            Ok(Event::Shown { frame }) => run.shown.push((frame, sink.pictures.pop().unwrap())),
            Ok(Event::Lost { frame, error }) => run.lost.push((frame, error)),
            Ok(Event::End) => break,
            Err(nvl_stream::Failure::Input(Error::Read(Hiccup))) => run.hiccups += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(matches!(decoder.next(&mut sink), Ok(Event::End)), "the end stays the end");
    run.frames_lost = decoder.frames_lost();
    Ok(run)
}

/// The smallest buffer for a clip.
fn smallest(clip: &[u8]) -> usize {
    Head::parse(clip, &Limits::HOST).unwrap().1.max(MIN_BUFFER)
}

fn whole(clip: &[u8]) -> Run {
    let pictures = decode_with::<Integer>(clip).unwrap();
    Run { shown: (0..).zip(pictures).collect(), ..Run::default() }
}

#[test]
fn golden_vectors_are_the_same_through_every_buffer() {
    for Vector { bytes, .. } in load().unwrap() {
        let (expected, small) = (whole(&bytes), smallest(&bytes));
        // Those that are long to decode are read in one way only.
        let samples: usize = expected.shown.iter().map(|(_, picture)| picture.0[0].len()).sum();
        let ways = if samples > 100_000 { 1 } else { 3 };
        for sizes in [&[7, 1, 64, 3][..], &[1], &[512]].into_iter().take(ways) {
            let pieces = Pieces::new(&bytes, sizes);
            assert_eq!(play(Forward::new(pieces.clone()), bytes.len(), Unchecked::Refused).unwrap(), expected);
            assert_eq!(play(Forward::new(pieces.clone()), small, Unchecked::Shown).unwrap(), expected);
            let seekable = Seekable::new(pieces).unwrap();
            assert_eq!(play(seekable, small, Unchecked::Refused).unwrap(), expected);
        }
    }
}

#[test]
fn a_clip_may_begin_anywhere_in_a_reader() {
    let bytes = clip(3, 3, 4);
    let mut reader = Pieces::new(&[&[7; 1000][..], &bytes].concat(), &[100]);
    reader.at = 1000;
    let run = play(Seekable::new(reader).unwrap(), smallest(&bytes), Unchecked::Refused).unwrap();
    assert_eq!(run, whole(&bytes));
}

#[test]
fn a_failing_read_is_taken_up_again_where_nothing_is_shown_yet() {
    let bytes = clip(5, 3, 4);
    let mut pieces = Pieces::new(&bytes, &[9]);
    // The opening must not fail.
    pieces.hiccup_every = bytes.len() / 9 / 4;
    let run = play(Forward::new(pieces), bytes.len(), Unchecked::Refused).unwrap();
    assert!(run.hiccups > 1);
    assert_eq!(run.shown, whole(&bytes).shown);
    assert_eq!((run.lost, run.frames_lost), (vec![], 0));
}

#[test]
fn a_read_that_fails_inside_a_payload_costs_its_segment() {
    let bytes = clip(5, 3, 4);
    let small = smallest(&bytes);
    let mut pieces = Pieces::new(&bytes, &[small]);
    pieces.hiccup_every = bytes.len() * 2 / 5 / small;
    let run = play(Forward::new(pieces), small, Unchecked::Shown).unwrap();
    assert!(run.lost.iter().any(|(_, error)| *error == Error::Read(Hiccup)), "{:?}", run.lost);
    assert!(!run.shown.is_empty());
    let expected = whole(&bytes).shown;
    assert!(run.shown.iter().all(|shown| expected.contains(shown)));
    assert_eq!(run.shown.len() + run.frames_lost as usize, expected.len());
}

#[test]
fn a_read_that_fails_in_any_picture_is_told_as_what_it_is() {
    // Most of its pictures are decoded before the one before them is shown.
    let vectors = load().unwrap();
    let bytes = &vectors.iter().find(|vector| vector.name == "both-sides-7").expect("it is there").bytes;
    let (expected, small) = (whole(bytes).shown, smallest(bytes));
    let size = 8;
    let mut lost = 0;
    // Past the half of them only one read of all fails.
    for read in bytes.len() / size / 2 + 1..bytes.len() / size {
        let mut pieces = Pieces::new(bytes, &[size]);
        pieces.hiccup_every = read;
        let run = play(Forward::new(pieces), small, Unchecked::Shown).unwrap();
        assert!(run.lost.iter().all(|(_, error)| *error == Error::Read(Hiccup)), "{read}: {:?}", run.lost);
        assert!(run.shown.iter().all(|shown| expected.contains(shown)));
        assert_eq!(run.shown.len() + run.frames_lost as usize, expected.len());
        lost += run.lost.len();
    }
    assert!(lost > 10, "{lost} segments lost");
}

#[test]
fn a_buffer_that_is_too_small_is_told_the_size_that_is_enough() {
    let bytes = clip(8, 4, 4);
    let small = smallest(&bytes);
    let Err(Error::BufferTooSmall { required, lent }) =
        play(Forward::new(Pieces::new(&bytes, &[50])), small, Unchecked::Refused)
    else {
        panic!("it is too small")
    };
    assert_eq!(lent, small);
    let run = play(Forward::new(Pieces::new(&bytes, &[50])), required, Unchecked::Refused).unwrap();
    // The index does not tell how long the last segment is.
    let full = run.lost.is_empty()
        || matches!(run.lost[..], [(12, Error::BufferTooSmall { required: more, .. })] if more > required);
    assert!(full, "{:?}", run.lost);
    assert_eq!(run.shown[..12], whole(&bytes).shown[..12]);

    for buffer in [0, MIN_BUFFER - 1] {
        let refused = play(Forward::new(Pieces::new(&bytes, &[50])), buffer, Unchecked::Shown);
        assert_eq!(refused, Err(Error::BufferTooSmall { required: MIN_BUFFER, lent: buffer }));
    }
}

#[test]
fn seeking_goes_to_any_segment_in_any_order() {
    let bytes = clip(9, 4, 4);
    let expected = whole(&bytes).shown;
    let mut buffer = vec![0; smallest(&bytes)];
    let source = Seekable::new(Pieces::new(&bytes, &[33])).unwrap();
    let input = Input::open(source, &mut buffer, &Limits::HOST).unwrap();
    let mut scratch = vec![0; input.head().scratch_len() / 4];
    let mut decoder = StreamDecoder::new(input, &mut scratch).unwrap();
    let mut sink = Collector::default();
    for segment in [2, 0, 3, 3, 1] {
        decoder.seek_segment(segment).unwrap();
        for frame in 4 * segment..(4 * segment + 6).min(16) {
            assert_eq!(decoder.next(&mut sink).unwrap(), Event::Shown { frame });
            assert_eq!(sink.pictures.pop().unwrap(), expected[frame as usize].1);
        }
    }
    assert_eq!(decoder.frames_lost(), 0);
    assert_eq!(decoder.seek_segment(4), Err(Error::Stream(decoder_core::Error::Corrupt(Corruption::Index))));
}
