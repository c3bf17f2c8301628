//! Decoding into plain arrays.

use std::convert::Infallible;

use decoder_core::synthesis::{Arithmetic, Integer};
use decoder_core::{Decoder, DecoderWith, Error, FrameError, Limits, RowPair, RowSink, Segment, Stream, Tiles};

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

/// What lies in lent memory at first: garbage, which must not matter.
const GARBAGE: u32 = 0x5a5a_a5a5;
/// Words behind the lent memory that must survive.
const CANARIES: usize = 4;

/// Lends memory to a decoder, with garbage in it and canaries behind it.
///
/// # Errors
/// The decoder's.
///
/// # Panics
/// If the decoder writes beyond what it is lent.
pub fn with_decoder<'b, A: Arithmetic, T>(
    stream: &Stream<'b>,
    work: impl FnOnce(&mut DecoderWith<'_, 'b, A>) -> Result<T, Error>,
) -> Result<T, Error> {
    let words = stream.scratch_len_with::<A>() / 4;
    let mut scratch = vec![GARBAGE; words + CANARIES];
    let (lent, canaries) = scratch.split_at_mut(words);
    let result = work(&mut DecoderWith::<A>::new(stream, lent)?);
    assert!(canaries.iter().all(|&word| word == GARBAGE), "the decoder wrote beyond the memory that it was lent");
    result
}

/// Decodes at most `most` pictures of a segment into `collector`.
///
/// # Errors
/// The decoder's.
pub fn decode_segment<'b, A: Arithmetic>(
    decoder: &mut DecoderWith<'_, 'b, A>,
    segment: Segment<'b>,
    most: usize,
    collector: &mut Collector,
) -> Result<(), Error> {
    decoder.begin(segment)?;
    for _ in 0..most {
        if !decoder.next_frame(collector).map_err(FrameError::into_stream_error)? {
            break;
        }
    }
    Ok(())
}

/// Decodes a whole file with the arithmetic `A`.
///
/// # Errors
/// The decoder's.
pub fn decode_with<A: Arithmetic>(bytes: &[u8]) -> Result<Vec<Picture>, Error> {
    let stream = Stream::open(bytes, &Limits::HOST)?;
    let mut collector = Collector::default();
    with_decoder::<A, _>(&stream, |decoder| {
        stream.segments().try_for_each(|segment| decode_segment(decoder, segment?, usize::MAX, &mut collector))
    })?;
    Ok(collector.pictures)
}

/// Decodes a whole file.
///
/// # Errors
/// The decoder's.
pub fn decode(bytes: &[u8]) -> Result<Vec<Picture>, Error> {
    decode_with::<Integer>(bytes)
}

/// A picture of which only the changes are written.
#[derive(Clone, Debug)]
pub struct Canvas {
    width: usize,
    /// What it shows.
    pub picture: Picture,
}

impl Canvas {
    /// Full of garbage, which the first picture has to cover.
    #[must_use]
    pub fn new(stream: &Stream<'_>) -> Self {
        let (width, height) = (usize::from(stream.header().width), usize::from(stream.header().height));
        let plane = |width: usize, height: usize| vec![0x5a; width * height];
        let chroma = plane(width.div_ceil(2), height.div_ceil(2));
        Self { width, picture: Picture([plane(width, height), chroma.clone(), chroma]) }
    }
}

impl RowSink for Canvas {
    type Error = Infallible;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Infallible> {
        let (row, column) = (usize::from(rows.row), usize::from(rows.column));
        let mut put = |plane: usize, from: usize, samples: &[u8]| {
            self.picture.0[plane][from..][..samples.len()].copy_from_slice(samples);
        };
        put(0, 2 * row * self.width + column, rows.luma[0]);
        if !rows.luma[1].is_empty() {
            put(0, (2 * row + 1) * self.width + column, rows.luma[1]);
        }
        for (plane, samples) in [(1, rows.u), (2, rows.v)] {
            put(plane, row * self.width.div_ceil(2) + column / 2, samples);
        }
        Ok(())
    }

    fn takes_changes(&self) -> bool {
        true
    }
}

/// Decodes a whole file into a sink that takes changes only; the pictures, and how much of them was worked on.
///
/// # Errors
/// The decoder's.
pub fn decode_changes(bytes: &[u8]) -> Result<(Vec<Picture>, Tiles), Error> {
    let stream = Stream::open(bytes, &Limits::HOST)?;
    let mut scratch = vec![0x5a5a_a5a5; stream.scratch_len() / 4];
    let mut decoder = Decoder::new(&stream, &mut scratch)?;
    let mut canvas = Canvas::new(&stream);
    let (mut pictures, mut sum) = (vec![], Tiles::default());
    for segment in stream.segments() {
        decoder.begin(segment?)?;
        while decoder.next_frame(&mut canvas).map_err(FrameError::into_stream_error)? {
            pictures.push(canvas.picture.clone());
            let tiles = decoder.tiles();
            sum.all += tiles.all;
            sum.synthesised += tiles.synthesised;
            sum.unchanged += tiles.unchanged;
        }
    }
    Ok((pictures, sum))
}
