//! Drawing: pictures and words on a picture.

use host_encoder::io::RgbImage;

use super::font;

/// How large a pixel of a letter is drawn.
const LETTER: usize = 2;
/// Height of a line of text in pixels.
pub const LINE: usize = font::HEIGHT * LETTER;

/// Puts `source` at column `x` and row `y`, each of its pixels as a square of `scale`.
pub fn paste(target: &mut RgbImage, source: &RgbImage, x: usize, y: usize, scale: usize) {
    for row in 0..source.height * scale {
        for column in 0..source.width * scale {
            let from = 3 * (row / scale * source.width + column / scale);
            let pixel = [source.pixels[from], source.pixels[from + 1], source.pixels[from + 2]];
            set(target, x + column, y + row, pixel);
        }
    }
}

/// Writes a line with its upper left corner at column `x` and row `y`.
pub fn write(target: &mut RgbImage, text: &str, x: usize, y: usize, colour: [u8; 3]) {
    for (number, letter) in text.chars().enumerate() {
        let left = x + number * (font::WIDTH + 1) * LETTER;
        for (column, bits) in font::columns(letter).into_iter().enumerate() {
            for row in (0..font::HEIGHT).filter(|row| bits >> row & 1 == 1) {
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    set(target, left + LETTER * column + dx, y + LETTER * row + dy, colour);
                }
            }
        }
    }
}

/// What is outside is left out.
fn set(target: &mut RgbImage, x: usize, y: usize, colour: [u8; 3]) {
    if x < target.width && y < target.height {
        target.pixels[3 * (y * target.width + x)..][..3].copy_from_slice(&colour);
    }
}
