//! The header, and programs in C against it: on this machine and on an emulated Cortex-M4.

mod cortex_m;
mod header;
mod host;
mod toolchain;

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use decoder_core::{Decoder, Limits, Place, Rgb565Rows, RowPair, RowSink, Stream, wire};

/// The golden vectors that fit into the example's memory, those with the least work first, as far as `macs` multiply-accumulates go.
fn vectors(macs: u64) -> Vec<PathBuf> {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")).unwrap();
    let clips = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "nvl"));
    let mut vectors: Vec<_> = clips.map(|path| (demand(&path), path)).collect();
    vectors.retain(|((_, scratch), _)| *scratch < 1_000_000);
    vectors.sort();
    let mut left = macs;
    vectors.retain(|((work, _), _)| {
        left = left.saturating_sub(*work);
        left > 0
    });
    assert!(vectors.len() > 3);
    vectors.into_iter().map(|(_, path)| path).collect()
}

/// The work and the scratch of a clip.
fn demand(clip: &Path) -> (u64, usize) {
    let bytes = std::fs::read(clip).unwrap();
    let stream = Stream::open(&bytes, &Limits::HOST).unwrap();
    let header = stream.header();
    let samples = u64::from(header.width) * u64::from(header.height) * u64::from(header.frames);
    (samples * u64::from(stream.mac_per_pixel()), stream.scratch_len())
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
