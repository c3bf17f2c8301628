//! Pictures inside a page.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::frame::Frame;
use crate::io::write_grey_png;

/// Most luma samples of a film that a page takes: about 10 MB of it.
pub(super) const SAMPLES_MAX: usize = 12_000_000;

/// Pictures as PNG in base64. A PNG is grey: luma on top, the two chroma planes side by side below. So a picture has
/// half the samples that it has in RGB, and the page has the decoder's own numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Film(Vec<String>);

impl Film {
    /// Packs the pictures.
    #[must_use]
    pub fn new(frames: &[Frame]) -> Self {
        Self(frames.iter().map(|frame| BASE64_STANDARD.encode(png(frame))).collect())
    }
}

fn png(frame: &Frame) -> Vec<u8> {
    let chroma_width = frame.chroma_width();
    let width = 2 * chroma_width;
    let mut samples = Vec::with_capacity(width * (frame.height + frame.chroma_height()));
    for row in frame.y.chunks_exact(frame.width) {
        samples.extend_from_slice(row);
        samples.resize(samples.len() + width - frame.width, row[frame.width - 1]);
    }
    for (u, v) in frame.u.chunks_exact(chroma_width).zip(frame.v.chunks_exact(chroma_width)) {
        samples.extend_from_slice(u);
        samples.extend_from_slice(v);
    }
    let mut bytes = Vec::new();
    // Into memory, with sizes that a frame has: there is nothing that could fail.
    write_grey_png(&mut bytes, width, frame.height + frame.chroma_height(), &samples)
        .unwrap_or_else(|error| unreachable!("{error}"));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_planes_stand_in_the_png_as_they_are() {
        let mut frame = Frame::black(9, 11);
        frame.y.iter_mut().enumerate().for_each(|(at, y)| *y = at as u8);
        frame.u.iter_mut().enumerate().for_each(|(at, u)| *u = 100 + at as u8);
        let bytes = png(&frame);
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut samples = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut samples).unwrap();
        assert_eq!((info.width, info.height), (10, 17));
        assert_eq!(samples[10..19], frame.y[9..18]);
        assert_eq!((samples[19], samples[11 * 10], samples[11 * 10 + 5]), (17, 100, 128));
    }
}
