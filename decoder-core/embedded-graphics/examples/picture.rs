//! Draws a clip on a display in memory and writes what it shows into a PNG file.
//!
//! `cargo run -p nvl-embedded-graphics --example picture -- clip.nvl out.png 12`

use std::convert::Infallible;
use std::path::Path;

use anyhow::Result;
use decoder_core::{Limits, Stream};
use embedded_graphics_core::Pixel;
use embedded_graphics_core::draw_target::DrawTarget;
use embedded_graphics_core::geometry::{OriginDimensions, Size};
use embedded_graphics_core::pixelcolor::{Rgb565, RgbColor};

mod parts;

/// A display in memory.
struct Memory {
    size: Size,
    pixels: Vec<Rgb565>,
}

impl OriginDimensions for Memory {
    fn size(&self) -> Size {
        self.size
    }
}

impl DrawTarget for Memory {
    type Color = Rgb565;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb565>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            if (0..self.size.width as i32).contains(&at.x) && (0..self.size.height as i32).contains(&at.y) {
                self.pixels[at.y as usize * self.size.width as usize + at.x as usize] = colour;
            }
        }
        Ok(())
    }
}

fn picture(clip: &[u8], png: &Path, number: u32) -> Result<()> {
    let stream = Stream::open(clip, &Limits::HOST)?;
    let size = [stream.header().width, stream.header().height].map(u32::from);
    let pixels = vec![Rgb565::BLACK; (size[0] * size[1]) as usize];
    let display = parts::draw(clip, number, Memory { size: Size::new(size[0], size[1]), pixels })?;
    parts::write_png(png, size, &display.pixels)
}

fn main() -> Result<()> {
    parts::run(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_shows_the_decoded_picture() {
        for number in [0, 5] {
            let (clip, size, rgb) = parts::vector(number);
            assert!(parts::written(picture, &clip, number) == (size, rgb), "picture {number}");
        }
        let (clip, ..) = parts::vector(0);
        assert!(picture(&clip, Path::new("out.png"), u32::MAX).unwrap_err().to_string().contains("the clip has"));
    }
}
