//! The sheet: three moments, each as source, decoded and difference.

use host_encoder::cli::{Encoded, grouped};
use host_encoder::frame::Frame;
use host_encoder::io::RgbImage;

use super::canvas::{LINE, paste, write};

const SCALE: usize = 2;
/// Space between the parts.
const GAP: usize = 12;
/// How many times the difference is enlarged.
const GAIN: i32 = 4;

const PAPER: [u8; 3] = [24, 26, 31];
const INK: [u8; 3] = [226, 228, 233];
const FAINT: [u8; 3] = [140, 145, 156];

/// Draws the sheet.
pub fn draw(source: &[Frame], decoded: &[Frame], encoded: &Encoded) -> RgbImage {
    let (width, height) = (source[0].width * SCALE, source[0].height * SCALE);
    let top = GAP + LINE + 2 * GAP;
    let row_height = LINE + GAP / 2 + height + GAP;
    let mut sheet = RgbImage::filled(3 * width + 4 * GAP, top + 3 * row_height, PAPER);
    let info = &encoded.info;
    let title = format!(
        "{} bytes   {:.1} kb/s   {:.3} bits/pixel   PSNR-Y {:.2} dB   {} MAC/pixel",
        grouped(info.bytes as u64),
        info.kilobits_per_second(),
        info.bits_per_pixel(),
        encoded.psnr.total().y,
        info.mac_per_pixel,
    );
    write(&mut sheet, &title, GAP, GAP, INK);
    for row in 0..3 {
        // In the middle of each third of the clip.
        let number = (2 * row + 1) * source.len() / 6;
        let y = top + row * row_height;
        let [original, result] = [&source[number], &decoded[number]].map(RgbImage::from);
        let psnr = encoded.psnr.frames()[number].y;
        let labels =
            [format!("source, frame {number}"), format!("decoded, {psnr:.2} dB"), format!("difference x{GAIN}")];
        let difference = difference(&original, &result);
        for (column, (label, image)) in labels.iter().zip([&original, &result, &difference]).enumerate() {
            let x = GAP + column * (width + GAP);
            write(&mut sheet, label, x, y, FAINT);
            paste(&mut sheet, image, x, y + LINE + GAP / 2, SCALE);
        }
    }
    sheet
}

/// Grey where nothing differs.
fn difference(source: &RgbImage, decoded: &RgbImage) -> RgbImage {
    let pairs = source.pixels.iter().zip(&decoded.pixels);
    let enlarged = pairs.map(|(&a, &b)| (128 + GAIN * (i32::from(b) - i32::from(a))).clamp(0, 255) as u8);
    RgbImage { pixels: enlarged.collect(), ..*source }
}
