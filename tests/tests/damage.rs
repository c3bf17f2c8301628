//! Every bit of a vector flipped, and every length that it can be cut to.
//!
//! `cargo xtask hostile` does it to all vectors, `cargo test` to small ones.

use std::ops::Range;

use decoder_core::entropy::Payload;
use decoder_core::synthesis::Integer;
use decoder_core::wire::{FILE_FRAME, SYNC};
use decoder_core::{Corruption, Error, FrameError, Limits, Stream, Unsupported};
use nvl_tests::frames::{Collector, Picture, decode_segment, with_decoder};
use nvl_tests::mend;
use nvl_tests::vectors::{self, Vector};

/// What a flipped bit at a place is reported as.
struct Region {
    place: Range<usize>,
    means: &'static [fn(Error) -> bool],
}

fn is_truncated(error: Error) -> bool {
    matches!(error, Error::NeedMoreData { .. })
}

macro_rules! corrupt {
    ($what:ident) => {
        |error| error == Error::Corrupt(Corruption::$what)
    };
}

/// The parts of a valid file, in order.
fn regions(bytes: &[u8]) -> Vec<Region> {
    let stream = Stream::open(bytes, &Limits::HOST).expect("a vector is valid");
    let (_, header) = mend::file_header(bytes).expect("a vector is valid");
    let mut regions = vec![
        Region { place: 0..3, means: &[corrupt!(Magic)] },
        Region { place: 3..4, means: &[|error| matches!(error, Error::Unsupported(Unsupported::Version(_)))] },
        Region { place: 4..FILE_FRAME, means: &[corrupt!(HeaderChecksum), is_truncated] },
        Region { place: FILE_FRAME..header, means: &[corrupt!(HeaderChecksum)] },
        Region { place: header..stream.head_len(), means: &[corrupt!(Index)] },
    ];
    let mut at = stream.head_len();
    while let Some((place, _)) = stream.find_segment(at) {
        let (_, payload) = mend::segment_header(bytes, place.start).expect("a vector is valid");
        let length = place.start + SYNC.len();
        regions.push(Region { place: place.start..length, means: &[corrupt!(Sync)] });
        regions.push(Region { place: length..length + 1, means: &[corrupt!(SegmentChecksum), is_truncated] });
        regions.push(Region { place: length + 1..payload, means: &[corrupt!(SegmentChecksum)] });
        regions.push(Region { place: payload..place.end, means: &[corrupt!(PayloadChecksum)] });
        at = place.end;
    }
    assert_eq!(at, bytes.len(), "the parts are the file");
    regions
}

/// The pictures before the first error, and that.
fn decode(bytes: &[u8]) -> (Vec<Picture>, Result<(), Error>) {
    let mut collector = Collector::default();
    let result = Stream::open(bytes, &Limits::HOST).and_then(|stream| {
        with_decoder::<Integer, _>(&stream, |decoder| {
            stream.segments().try_for_each(|segment| decode_segment(decoder, segment?, usize::MAX, &mut collector))
        })
    });
    (collector.pictures, result)
}

/// The same without pictures: what a segment with an intact payload shows is what the vector shows.
fn check(bytes: &[u8]) -> Result<(), Error> {
    let stream = Stream::open(bytes, &Limits::HOST)?;
    stream.segments().try_for_each(|segment| segment?.payload().map(drop))
}

/// Flips each bit; where pictures are asked for, those that are shown must be the first of the vector's.
fn flip_all(vector: &Vector, pictures: bool) {
    let whole = if pictures { decode(&vector.bytes).0 } else { vec![] };
    let mut bytes = vector.bytes.clone();
    for Region { place, means } in regions(&vector.bytes) {
        for bit in place.start * 8..place.end * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let result = if pictures {
                let (shown, result) = decode(&bytes);
                assert!(whole.starts_with(&shown), "{}, bit {bit}: it shows something else", vector.name);
                result
            } else {
                check(&bytes)
            };
            let right = result.is_err_and(|error| means.iter().any(|means| means(error)));
            assert!(right, "{}, bit {bit}: {result:?}", vector.name);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

fn cut_all(vector: &Vector) {
    let bytes = &vector.bytes;
    for len in 0..bytes.len() {
        match check(&bytes[..len]) {
            Err(Error::NeedMoreData { at_least }) if (len + 1..=bytes.len()).contains(&at_least) => {}
            other => panic!("{}, {len} of {} bytes: {other:?}", vector.name, bytes.len()),
        }
    }
}

/// Counts the bytes that a decoder asks for.
struct Counted<'a>(&'a [u8], usize);

impl Payload for Counted<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn byte(&mut self, position: usize) -> Option<u8> {
        self.1 = self.1.max(position);
        self.0.get(position).copied()
    }
}

/// Flips bits of payloads and mends the checksums, as somebody would who means harm: whatever comes out, it comes in bounded time.
fn flip_behind_checksums(vector: &Vector, step: usize) {
    let stream = Stream::open(&vector.bytes, &Limits::HOST).expect("a vector is valid");
    // A symbol has at most 53 decisions of at most 16 bits, and a decoder looks at the end of the payload after each chunk.
    let beyond = stream.scratch_len() * 53 * 2;
    for segment in stream.segments() {
        let segment = segment.expect("a vector is valid");
        let mut payload = segment.payload().expect("a vector is valid").to_vec();
        for bit in (0..payload.len() * 8).step_by(step) {
            payload[bit / 8] ^= 1 << (bit % 8);
            let mut counted = Counted(&payload, 0);
            let mut collector = Collector::default();
            let result = with_decoder::<Integer, _>(&stream, |decoder| {
                decoder.begin_from(&segment.header, &mut counted)?;
                while decoder.next_frame_from(&mut counted, &mut collector).map_err(FrameError::into_stream_error)? {}
                Ok(())
            });
            assert!(matches!(result, Ok(()) | Err(Error::Corrupt(_))), "{}, bit {bit}: {result:?}", vector.name);
            assert!(counted.1 <= payload.len() + beyond, "{}, bit {bit}: {} bytes read", vector.name, counted.1);
            assert!(collector.pictures.len() <= segment.header.frames.into());
            payload[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// Vectors that are no larger.
fn vectors_up_to(bytes: usize, least: usize) -> Vec<Vector> {
    let mut vectors = vectors::load().expect("the vectors are there");
    vectors.retain(|vector| vector.bytes.len() <= bytes);
    assert!(vectors.len() >= least, "only {} vectors of at most {bytes} bytes", vectors.len());
    vectors
}

#[test]
fn a_flipped_bit_is_named_and_never_shown() {
    for vector in vectors_up_to(1600, 10) {
        flip_all(&vector, vector.bytes.len() < 700);
    }
}

#[test]
fn every_truncation_asks_for_more() {
    for vector in vectors_up_to(1600, 10) {
        cut_all(&vector);
    }
}

#[test]
fn a_flipped_bit_behind_checksums_does_no_harm() {
    for vector in vectors_up_to(1000, 4) {
        // The pictures of the largest take long.
        if vector.name != "largest" {
            flip_behind_checksums(&vector, 31);
        }
    }
}

#[test]
#[ignore = "minutes: cargo xtask hostile"]
fn all_flips_and_truncations_of_all_vectors() {
    for vector in vectors_up_to(usize::MAX, 18) {
        flip_all(&vector, false);
        cut_all(&vector);
        println!("{}: {} flips, {} truncations", vector.name, 8 * vector.bytes.len(), vector.bytes.len());
    }
}

#[test]
#[ignore = "minutes: cargo xtask hostile"]
fn all_flips_behind_checksums_of_small_vectors() {
    for vector in vectors_up_to(1000, 4) {
        if vector.name != "largest" {
            flip_behind_checksums(&vector, 1);
            println!("{}: every bit of its payloads", vector.name);
        }
    }
}
