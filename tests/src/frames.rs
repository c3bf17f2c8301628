//! Decoding into plain arrays.

use std::convert::Infallible;

use decoder_core::synthesis::Arithmetic;
use decoder_core::{DecoderWith, Error, FrameError, Limits, RowPair, RowSink, Stream};

/// A decoded picture: Y, U and V.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture(pub [Vec<u8>; 3]);

/// Collects pictures, and checks that rows come in order.
#[derive(Debug, Default)]
pub struct Collector {
    /// The pictures so far.
    pub pictures: Vec<Picture>,
}

impl RowSink for Collector {
    type Error = Infallible;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Infallible> {
        if rows.row == 0 {
            self.pictures.push(Picture::default());
        }
        let picture = self.pictures.last_mut().expect("row 0 comes first");
        assert_eq!(picture.0[1].len(), usize::from(rows.row) * rows.u.len(), "rows come in order");
        picture.0[0].extend(rows.luma.concat());
        picture.0[1].extend(rows.u);
        picture.0[2].extend(rows.v);
        Ok(())
    }
}

/// Decodes a whole file with the arithmetic `A`.
///
/// # Errors
/// The decoder's.
pub fn decode_with<A: Arithmetic>(bytes: &[u8]) -> Result<Vec<Picture>, Error> {
    let stream = Stream::open(bytes, &Limits::HOST)?;
    // Garbage in the memory must not matter; canaries behind it must survive.
    let words = stream.scratch_len_with::<A>() / 4;
    let mut scratch = vec![0x5a5a_a5a5; words + 4];
    let (lent, canaries) = scratch.split_at_mut(words);
    let mut decoder = DecoderWith::<A>::new(&stream, lent)?;
    let mut collector = Collector::default();
    for segment in stream.segments() {
        decoder.begin(segment?)?;
        while decoder.next_frame(&mut collector).map_err(FrameError::into_stream_error)? {}
    }
    assert!(canaries.iter().all(|&word| word == 0x5a5a_a5a5));
    Ok(collector.pictures)
}
