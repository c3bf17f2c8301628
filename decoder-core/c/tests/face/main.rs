//! The header, and programs in C against it: on this machine and on an emulated Cortex-M4.

mod cortex_m;
mod header;
mod host;
mod toolchain;

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use decoder_core::{Decoder, Limits, Place, Rgb565Rows, RowPair, RowSink, Stream, wire};

/// The golden vectors.
fn vectors() -> Vec<PathBuf> {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")).unwrap();
    let mut vectors: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    vectors.retain(|path| path.extension().is_some_and(|extension| extension == "nvl"));
    vectors.sort();
    assert!(!vectors.is_empty());
    vectors
}

/// Pixels of whole rows.
struct Pixels(Vec<u8>);

impl RowSink for Pixels {
    type Error = Infallible;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Infallible> {
        let mut line = vec![0; rows.luma[0].len()];
        Rgb565Rows::new(&mut line, |_: Place, pixels: &[u16]| {
            self.0.extend(pixels.iter().flat_map(|pixel| pixel.to_le_bytes()));
            Ok(())
        })
        .row_pair(rows)
    }
}

/// What the example prints for a clip, according to the decoder in Rust: a line for each picture.
fn expected(clip: &Path) -> Vec<String> {
    let bytes = std::fs::read(clip).unwrap();
    let stream = Stream::open(&bytes, &Limits::HOST).unwrap();
    let mut scratch = vec![0; stream.scratch_len() / 4];
    let mut decoder = Decoder::new(&stream, &mut scratch).unwrap();
    let mut lines = vec![];
    for segment in stream.segments() {
        decoder.begin(segment.unwrap()).unwrap();
        loop {
            let mut pixels = Pixels(vec![]);
            if !decoder.next_frame(&mut pixels).unwrap() {
                break;
            }
            lines.push(format!("picture {} crc {:08x}", lines.len(), wire::CRC.checksum(&pixels.0)));
        }
    }
    lines
}

/// The pictures' lines of what the example printed.
fn pictures(output: &str) -> Vec<String> {
    output.lines().skip(1).map(str::to_owned).collect()
}
