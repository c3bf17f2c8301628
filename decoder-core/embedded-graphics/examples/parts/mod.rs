//! What the examples share: a clip on a display, and a picture in a file.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use decoder_core::{Decoder, Limits, Stream};
use embedded_graphics_core::draw_target::DrawTarget;
use embedded_graphics_core::pixelcolor::{Rgb565, Rgb888, RgbColor};
use nvl_embedded_graphics::DisplayRows;

/// Draws pictures 0 to `last` in the middle of a display, each over the one before; gives the display back.
pub fn draw<D>(clip: &[u8], last: u32, display: D) -> Result<D>
where
    D: DrawTarget<Color: From<Rgb565>, Error: std::fmt::Debug>,
{
    let stream = Stream::open(clip, &Limits::HOST)?;
    let header = stream.header();
    ensure!(last < header.frames, "the clip has {} pictures, counted from 0", header.frames);
    let mut scratch = vec![0; stream.scratch_len() / 4];
    let mut decoder = Decoder::new(&stream, &mut scratch)?;
    let mut line = vec![0; header.width.into()];
    let mut rows = DisplayRows::centred(display, &mut line, header.width, header.height);
    let mut shown = 0;
    for segment in stream.segments() {
        decoder.begin(segment?)?;
        while shown <= last && decoder.next_frame(&mut rows).map_err(|error| anyhow!("{error:?}"))? {
            shown += 1;
        }
    }
    Ok(rows.release())
}

/// Writes a PNG file.
pub fn write_png(path: &Path, [width, height]: [u32; 2], pixels: &[Rgb565]) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Rgb);
    let rgb = pixels.iter().map(|&pixel| Rgb888::from(pixel)).flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()]);
    encoder.write_header()?.write_image_data(&rgb.collect::<Vec<_>>())?;
    Ok(())
}

/// A clip, a PNG file, and the number of a picture: the arguments of an example.
pub fn run(example: fn(&[u8], &Path, u32) -> Result<()>) -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [clip, png, picture] = &arguments[..] else {
        return Err(anyhow!("arguments: CLIP.nvl OUT.png PICTURE"));
    };
    let bytes = std::fs::read(clip).with_context(|| format!("cannot read {clip}"))?;
    example(&bytes, Path::new(png), picture.parse().with_context(|| format!("`{picture}` is no number"))?)
}

/// Runs an example on a clip; the size of the picture that it writes, and its bytes of red, green and blue.
#[cfg(test)]
pub fn written(example: fn(&[u8], &Path, u32) -> Result<()>, clip: &[u8], picture: u32) -> ([u32; 2], Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.png");
    example(clip, &path, picture).unwrap();
    let mut reader = png::Decoder::new(std::io::BufReader::new(File::open(path).unwrap())).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut rgb).unwrap();
    ([info.width, info.height], rgb)
}

/// A golden vector with several pictures, and what its picture `number` is in red, green and blue.
#[cfg(test)]
pub fn vector(number: u32) -> (Vec<u8>, [u32; 2], Vec<u8>) {
    use decoder_core::{Place, Rgb565Rows};
    use embedded_graphics_core::pixelcolor::raw::RawU16;

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let clips = files.filter(|path| path.extension().is_some_and(|extension| extension == "nvl"));
    let clips = clips.map(|path| std::fs::read(path).unwrap());
    let header = |clip: &[u8]| Stream::open(clip, &Limits::HOST).unwrap().header().clone();
    let clip = clips.filter(|clip| header(clip).frames > number).min_by_key(Vec::len).unwrap();
    let size = [header(&clip).width, header(&clip).height].map(u32::from);
    let stream = Stream::open(&clip, &Limits::HOST).unwrap();
    let mut pixels = vec![0; (size[0] * size[1]) as usize];
    let (mut scratch, mut line) = (vec![0; stream.scratch_len() / 4], vec![0; size[0] as usize]);
    let mut decoder = Decoder::new(&stream, &mut scratch).unwrap();
    let mut rows = Rgb565Rows::new(&mut line, |place: Place, row: &[u16]| {
        let begin = usize::from(place.row) * size[0] as usize + usize::from(place.column);
        pixels[begin..][..row.len()].copy_from_slice(row);
        Ok::<_, std::convert::Infallible>(())
    });
    let mut shown = 0;
    for segment in stream.segments() {
        decoder.begin(segment.unwrap()).unwrap();
        while shown <= number && decoder.next_frame(&mut rows).unwrap() {
            shown += 1;
        }
    }
    let rgb = pixels.iter().map(|&pixel| Rgb888::from(Rgb565::from(RawU16::new(pixel))));
    let rgb = rgb.flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()]).collect();
    drop(decoder);
    (clip, size, rgb)
}
