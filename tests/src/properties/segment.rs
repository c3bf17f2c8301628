//! What is found behind the headers of a valid file is a segment of that file, or an error.

use decoder_core::wire::CRC;
use decoder_core::{Limits, Segment, Stream};

use super::seed;
use crate::mend;

/// The first byte names a vector, the others stand in the place of its segments.
pub(super) fn check(data: &[u8]) {
    let Some((vector, data)) = seed(data) else { return };
    let mut bytes = vector.bytes.clone();
    let Some(body) = mend::front(&mut bytes) else { return };
    bytes.truncate(body);
    bytes.extend(data);
    are_segments_or_errors(&bytes);
    mend::segment_headers(&mut bytes, body);
    are_segments_or_errors(&bytes);
}

fn are_segments_or_errors(bytes: &[u8]) {
    let stream = Stream::open(bytes, &Limits::HOST).expect("the front is valid");
    let (mut frames, mut failed) = (0, false);
    for segment in stream.segments() {
        assert!(!failed, "a segment after an error");
        match segment {
            Ok(segment) => {
                assert_eq!(segment.header.first_frame, frames, "segments follow one another");
                frames += u32::from(segment.header.frames);
                is_of(&segment, &stream, bytes);
            }
            Err(_) => failed = true,
        }
    }
    assert!(failed || frames == stream.header().frames, "{frames} frames of {}", stream.header().frames);
    for number in 0..stream.header().segments {
        if let Ok(segment) = stream.segment(number) {
            assert_eq!(segment.header.index, number);
            is_of(&segment, &stream, bytes);
        }
    }
    let mut from = 0;
    while let Some((place, segment)) = stream.find_segment(from) {
        assert!(place.start >= from && place.end <= bytes.len() && place.start < place.end);
        is_of(&segment, &stream, bytes);
        from = place.start + 1;
    }
}

fn is_of(segment: &Segment<'_>, stream: &Stream<'_>, bytes: &[u8]) {
    let (header, file) = (segment.header, stream.header());
    assert!(header.index < file.segments && header.frames > 0 && header.base == 0);
    assert!(u64::from(header.first_frame) + u64::from(header.frames) <= u64::from(file.frames));
    assert!(file.architecture.motion.is_some() || !header.predicted);
    if let Ok(payload) = segment.payload() {
        assert_eq!(payload.len(), header.payload_len as usize);
        assert_eq!(CRC.checksum(payload), header.payload_crc);
        assert!(bytes.as_ptr_range().start <= payload.as_ptr() && payload.len() <= bytes.len());
    }
}
