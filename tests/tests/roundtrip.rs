//! Encoder and decoder agree on random streams of every shape.

use decoder_core::synthesis::{Float, Integer};
use decoder_core::{Decoder, Error, Limits, Stream, Tiles};
use host_encoder::bitstream::SegmentModel;
use nvl_tests::frames::{Collector, decode_changes, decode_with};
use nvl_tests::naive;
use nvl_tests::streams::{any_stream, for_seeds, sparse_stream};
use proptest::prelude::*;

#[test]
fn the_decoder_and_the_naive_one_show_the_same_pictures() {
    for_seeds(100, |seed| {
        let stream = any_stream(seed);
        let expected: Vec<_> = stream.models.iter().flat_map(|model| naive::decode(&stream.header, model)).collect();
        let pictures = decode_with::<Integer>(&stream.bytes);
        prop_assert!(pictures.as_ref() == Ok(&expected), "{:?}", pictures.map(|pictures| pictures.len()));
        Ok(())
    });
}

#[test]
fn what_is_written_is_read_back() {
    for_seeds(40, |seed| {
        let stream = any_stream(seed);
        let opened = Stream::open(&stream.bytes, &Limits::HOST).expect("it opens");
        let read = opened.segments().map(|segment| SegmentModel::read(&stream.header, &segment?));
        prop_assert_eq!(read.collect::<Result<Vec<_>, _>>(), Ok(stream.models));
        Ok(())
    });
}

/// Decodes a stream in which much may be skipped, and says what was not.
fn skipping(seed: u64) -> Result<Tiles, TestCaseError> {
    let stream = sparse_stream(seed);
    let expected: Vec<_> = stream.models.iter().flat_map(|model| naive::decode(&stream.header, model)).collect();
    prop_assert!(decode_with::<Integer>(&stream.bytes).as_ref() == Ok(&expected), "whole rows");
    let (pictures, tiles) = decode_changes(&stream.bytes).expect("the stream is valid");
    prop_assert!(pictures == expected, "changes only");
    Ok(tiles)
}

#[test]
fn nothing_that_is_skipped_is_missed() {
    for_seeds(60, |seed| skipping(seed).map(|_| ()));
}

/// Of the same streams in each run: how much can be skipped differs from one to the next.
#[test]
fn much_is_skipped() {
    let sum = |sum: Tiles, seed: u64| {
        let tiles = skipping(seed).expect("nothing is missed");
        Tiles {
            all: sum.all + tiles.all,
            synthesised: sum.synthesised + tiles.synthesised,
            unchanged: sum.unchanged + tiles.unchanged,
        }
    };
    let Tiles { all, synthesised, unchanged } = (0..40).fold(Tiles::default(), sum);
    println!("of {all} tiles {synthesised} are synthesised and {unchanged} unchanged");
    assert!(10 * synthesised < 9 * all && 10 * unchanged > all, "of {all} {synthesised}, {unchanged} unchanged");
}

#[test]
fn every_truncation_is_an_error() {
    for seed in 0..4 {
        let bytes = any_stream(seed).bytes;
        for len in 0..bytes.len() {
            let result = decode_with::<Integer>(&bytes[..len]);
            assert!(
                matches!(result, Err(Error::NeedMoreData { .. })),
                "seed {seed}, {len} of {} bytes: {result:?}",
                bytes.len()
            );
        }
    }
}

#[test]
fn a_flipped_bit_is_never_shown() {
    for seed in 0..3 {
        let bytes = any_stream(seed).bytes;
        for bit in (0..bytes.len() * 8).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let result = decode_with::<Integer>(&damaged);
            assert!(result.is_err(), "seed {seed}, bit {bit}");
        }
    }
}

#[test]
fn the_float_twin_takes_every_stream() {
    for_seeds(20, |seed| {
        let stream = any_stream(seed);
        let frames: usize = stream.models.iter().map(|model| model.frames).sum();
        prop_assert_eq!(decode_with::<Float>(&stream.bytes).map(|pictures| pictures.len()), Ok(frames));
        Ok(())
    });
}

#[test]
fn limits_are_kept_from_the_header() {
    let stream = any_stream(1);
    let header = stream.header;
    let limits = Limits { width: header.width - 1, ..Limits::HOST };
    assert!(matches!(Stream::open(&stream.bytes, &limits), Err(Error::Limit { .. })));
    let needed = Stream::open(&stream.bytes, &Limits::HOST).map(|stream| stream.scratch_len());
    let limits = Limits { scratch: needed.unwrap_or(0) - 1, ..Limits::HOST };
    assert!(matches!(Stream::open(&stream.bytes, &limits), Err(Error::Limit { .. })));
}

/// A reader that holds the head and one segment at a time shows what one that holds the file shows.
#[test]
fn segments_are_read_one_at_a_time() {
    let mut longest = 0;
    for seed in 0..20 {
        let bytes = any_stream(seed).bytes;
        let whole = Stream::open(&bytes, &Limits::HOST).expect("it opens");
        let head = &bytes[..whole.head_len()];
        let stream = Stream::open(head, &Limits::HOST).expect("the head is enough");
        assert!(Stream::open(&head[..head.len() - 1], &Limits::HOST).is_err(), "seed {seed}: and all of it is needed");
        let mut pictures = Collector::default();
        let mut scratch = vec![0; stream.scratch_len() / 4];
        let segments = stream.header().segments;
        longest = longest.max(segments);
        for number in 0..segments {
            let offset = |number| stream.index_entry(number).map_or(bytes.len(), |entry| entry.offset as usize);
            let piece = bytes[offset(number)..offset(number + 1)].to_vec();
            assert!(matches!(stream.segment_in(number, &piece[..piece.len() - 1]), Err(Error::NeedMoreData { .. })));
            assert!(number == 0 || stream.segment_in(number - 1, &piece).is_err(), "seed {seed}: the wrong segment");
            let mut decoder = Decoder::new(&stream, &mut scratch).expect("the memory is enough");
            decoder.begin(stream.segment_in(number, &piece).expect("it is whole")).expect("it begins");
            while decoder.next_frame(&mut pictures).expect("it decodes") {}
        }
        assert_eq!(Ok(pictures.pictures), decode_with::<Integer>(&bytes), "seed {seed}");
    }
    assert!(longest > 1, "no stream has more than one segment");
}
