//! A file is decoded within the memory that is lent, the same each time, or refused with a reason.

use decoder_core::synthesis::Integer;
use decoder_core::{Error, Stream};

use super::{LIMITS, PICTURES};
use crate::frames::{Canvas, Collector, Picture, decode_segment, with_decoder};
use crate::mend;

pub(super) fn check(data: &[u8]) {
    let _ = pictures(data);
    if let Some(mended) = mend::whole(data) {
        let _ = pictures(&mended);
    }
}

/// The pictures of each segment and what ended it.
fn pictures(bytes: &[u8]) -> Result<(), Error> {
    let stream = Stream::open(bytes, &LIMITS)?;
    shows_changes(&stream)?;
    with_decoder::<Integer, _>(&stream, |decoder| {
        let mut left = PICTURES;
        for segment in stream.segments() {
            let segment = segment?;
            // The second time the memory holds what the first has left.
            let [once, again] = [(); 2].map(|()| {
                let mut collector = Collector::default();
                let result = decode_segment(decoder, segment, left, &mut collector);
                (result, collector.pictures)
            });
            assert!(once == again, "the second time it is something else");
            let (result, shown) = once;
            assert!(matches!(result, Ok(()) | Err(Error::Corrupt(_))), "{result:?}");
            assert!(shown.len() <= usize::from(segment.header.frames));
            assert!(segment.payload().is_ok() || shown.is_empty(), "pictures from a damaged payload");
            shown.iter().for_each(|picture| has_size(picture, &stream));
            left -= shown.len();
            if left == 0 {
                break;
            }
        }
        Ok(())
    })
}

fn has_size(picture: &Picture, stream: &Stream<'_>) {
    let [width, height] = [stream.header().width, stream.header().height].map(usize::from);
    let chroma = width.div_ceil(2) * height.div_ceil(2);
    assert_eq!(picture.0.each_ref().map(Vec::len), [width * height, chroma, chroma]);
}

/// A sink that takes changes only shows the pictures of one that takes all, also behind a segment that does not decode.
fn shows_changes(stream: &Stream<'_>) -> Result<(), Error> {
    with_decoder::<Integer, _>(stream, |whole| {
        with_decoder::<Integer, _>(stream, |changes| {
            let mut canvas = Canvas::new(stream);
            for number in 0..stream.header().segments.min(4) {
                let Ok(segment) = stream.segment(number) else { continue };
                let begun = [whole.begin(segment), changes.begin(segment)];
                assert_eq!(begun[0], begun[1], "segment {number}");
                for picture in 0..PICTURES {
                    let mut collector = Collector::default();
                    let result = whole.next_frame(&mut collector);
                    assert_eq!(changes.next_frame(&mut canvas), result, "segment {number}, picture {picture}");
                    if result != Ok(true) {
                        break;
                    }
                    let same = collector.pictures.last() == Some(&canvas.picture);
                    assert!(same, "segment {number}, picture {picture}: not all changes were shown");
                }
            }
            Ok(())
        })
    })
}
