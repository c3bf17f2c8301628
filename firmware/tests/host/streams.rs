//! Streams for the player's tests.

use decoder_core::{Limits, Stream};
use nvl_tests::frames::{Picture, decode_with};

/// Pictures of a segment.
pub const SEGMENT_FRAMES: u32 = 4;

/// Bytes that a clip is read through.
pub const BUFFER: usize = 256;

/// A clip of `segments` segments.
pub fn clip(seed: u64, segments: u32) -> Vec<u8> {
    nvl_tests::streams::clip(seed, segments, SEGMENT_FRAMES)
}

/// Memory for a clip.
pub fn scratch(clip: &[u8]) -> Vec<u32> {
    vec![0; Stream::open(clip, &Limits::HOST).expect("the clip is valid").scratch_len() / 4]
}

/// The pictures that the decoder alone gives.
pub fn pictures(clip: &[u8]) -> Vec<Picture> {
    decode_with::<decoder_core::synthesis::Integer>(clip).expect("the clip is valid")
}
