//! Streams for the player's tests.

use decoder_core::wire::{FileHeader, Geometry};
use decoder_core::{Level, Limits, Stream};
use host_encoder::bitstream::{file_bytes, segment_bytes};
use nvl_tests::frames::{Picture, decode_with};
use nvl_tests::streams::{Numbers, architecture, segment};

/// Pictures of a segment.
pub const SEGMENT_FRAMES: u32 = 4;

/// A clip of `segments` segments at 30000/1001 pictures a second.
pub fn clip(seed: u64, segments: u32) -> Vec<u8> {
    let numbers = &mut Numbers::new(seed);
    let architecture = architecture(numbers);
    let (width, height) = (32, 24);
    let frames = segments * SEGMENT_FRAMES;
    let header = FileHeader {
        width,
        height,
        rate_num: 30_000,
        rate_den: 1001,
        frames,
        segments,
        level: Level::Full,
        architecture,
    };
    let geometry = Geometry::new(width, height);
    let payloads: Vec<_> = (0..segments)
        .map(|index| {
            let model = segment(numbers, &header.architecture, geometry, SEGMENT_FRAMES as usize);
            segment_bytes(&header, index, index * SEGMENT_FRAMES, &model).expect("the model is valid")
        })
        .collect();
    file_bytes(&header, &payloads)
}

/// Memory for a clip.
pub fn scratch(clip: &[u8]) -> Vec<u32> {
    vec![0; Stream::open(clip, &Limits::HOST).expect("the clip is valid").scratch_len() / 4]
}

/// The pictures that the decoder alone gives.
pub fn pictures(clip: &[u8]) -> Vec<Picture> {
    decode_with::<decoder_core::synthesis::Integer>(clip).expect("the clip is valid")
}
