//! Encoder and decoder agree on random streams of every shape.

use decoder_core::synthesis::{Float, Integer};
use decoder_core::{Error, Limits, Stream};
use nvl_tests::frames::decode_with;
use nvl_tests::naive;
use nvl_tests::streams::{any_stream, for_seeds};
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
