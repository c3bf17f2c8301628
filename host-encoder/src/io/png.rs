//! Still pictures.

use std::io::{self, Write};

use super::rgb::RgbImage;

/// Writes a picture as PNG, marked as sRGB.
///
/// # Errors
/// Those of the writer.
pub fn write_rgb_png(writer: impl Write, image: &RgbImage) -> io::Result<()> {
    let too_large = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let width = u32::try_from(image.width).map_err(too_large)?;
    let height = u32::try_from(image.height).map_err(too_large)?;
    let mut encoder = png::Encoder::new(writer, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&image.pixels)?;
    Ok(writer.finish()?)
}

/// Writes `width` by `height` samples of grey as PNG, row by row, small rather than fast.
///
/// # Errors
/// Those of the writer.
pub fn write_grey_png(writer: impl Write, width: usize, height: usize, samples: &[u8]) -> io::Result<()> {
    let too_large = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let mut encoder =
        png::Encoder::new(writer, u32::try_from(width).map_err(too_large)?, u32::try_from(height).map_err(too_large)?);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::Adaptive);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(samples)?;
    Ok(writer.finish()?)
}
