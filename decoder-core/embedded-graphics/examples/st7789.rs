//! Draws a clip on an ST7789 panel of 240x240 with `mipidsi`. The panel is one in memory: what it shows goes into a PNG file.
//!
//! `show` is what a board would run: it knows only the traits of `embedded-hal`.
//!
//! `cargo run -p nvl-embedded-graphics --example st7789 -- clip.nvl out.png 12`

use std::fmt::Debug;
use std::path::Path;

use anyhow::{Result, anyhow};
use embedded_hal::delay::DelayNs;
use embedded_hal::digital::OutputPin;
use embedded_hal::spi::SpiDevice;
use mipidsi::Builder;
use mipidsi::interface::SpiInterface;
use mipidsi::models::ST7789;
use mipidsi::options::ColorInversion;

#[path = "parts/panel.rs"]
mod panel;
mod parts;

const SIZE: u16 = 240;

/// Starts the panel and draws on it.
fn show<S, D, R>(clip: &[u8], last: u32, spi: S, data: D, reset: R, delay: &mut impl DelayNs) -> Result<()>
where
    S: SpiDevice<Error: Debug>,
    D: OutputPin<Error: Debug>,
    R: OutputPin<Error: Debug>,
{
    // Pixels are collected here on their way to the bus.
    let mut buffer = [0; 480];
    let interface = SpiInterface::new(spi, data, &mut buffer);
    let panel = Builder::new(ST7789, interface).display_size(SIZE, SIZE).invert_colors(ColorInversion::Inverted);
    let display = panel.reset_pin(reset).init(delay).map_err(|error| anyhow!("{error:?}"))?;
    parts::draw(clip, last, display)?;
    Ok(())
}

fn st7789(clip: &[u8], png: &Path, number: u32) -> Result<()> {
    let panel = panel::Panel::new(SIZE.into(), SIZE.into());
    show(clip, number, panel::Spi(&panel), panel::DataPin(&panel), panel::Nothing, &mut panel::Nothing)?;
    parts::write_png(png, [SIZE.into(); 2], &panel.pixels())
}

fn main() -> Result<()> {
    parts::run(st7789)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_panel_shows_the_decoded_picture_in_its_middle() {
        for number in [0, 5] {
            let (clip, [width, height], rgb) = parts::vector(number);
            let (size, shown) = parts::written(st7789, &clip, number);
            assert_eq!(size, [240, 240]);
            let [left, top] = [(240 - width) / 2, (240 - height) / 2].map(|margin| margin as usize);
            let row = 3 * width as usize;
            let inside = shown.chunks(3 * 240).skip(top).take(height as usize).map(|line| &line[3 * left..][..row]);
            assert!(inside.eq(rgb.chunks(row)), "picture {number}");
            let lit = |pixels: &[u8]| pixels.iter().filter(|&&sample| sample != 0).count();
            assert_eq!(lit(&shown), lit(&rgb), "the rest of the panel stays as it is");
        }
    }
}
