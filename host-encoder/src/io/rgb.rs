//! From YUV 4:2:0 to RGB for looking.

use crate::frame::Frame;

/// A picture with 8 bits of red, green and blue for each pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green, blue, row by row: `3 * width * height` bytes.
    pub pixels: Vec<u8>,
}

impl RgbImage {
    /// A picture of one colour.
    #[must_use]
    pub fn filled(width: usize, height: usize, colour: [u8; 3]) -> Self {
        Self { width, height, pixels: colour.repeat(width * height) }
    }
}

impl From<&Frame> for RgbImage {
    /// BT.601, limited range; chroma is interpolated linearly, its samples in the middle of four luma samples.
    fn from(frame: &Frame) -> Self {
        let mut pixels = Vec::with_capacity(3 * frame.y.len());
        for row in 0..frame.height {
            for column in 0..frame.width {
                let luma = f32::from(frame.y[row * frame.width + column]) - 16.0;
                let [u, v] = [&frame.u, &frame.v].map(|plane| chroma_at(frame, plane, row, column) - 128.0);
                let scaled = luma * (255.0 / 219.0);
                let red = scaled + 1.596_027 * v;
                let green = scaled - 0.391_762 * u - 0.812_968 * v;
                let blue = scaled + 2.017_232 * u;
                pixels.extend([red, green, blue].map(|value| (value + 0.5).clamp(0.0, 255.0) as u8));
            }
        }
        Self { width: frame.width, height: frame.height, pixels }
    }
}

/// The chroma at a luma sample: 9, 3, 3 and 1 sixteenths of the four nearest samples.
fn chroma_at(frame: &Frame, plane: &[u8], row: usize, column: usize) -> f32 {
    let nearest = |position: usize, len: usize| {
        let near = position / 2;
        let far = if position.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(len - 1) };
        [near, far]
    };
    let width = frame.chroma_width();
    let [near, far] = nearest(column, width);
    let [above, below] = nearest(row, frame.chroma_height());
    let line = |row: usize| 3.0 * f32::from(plane[row * width + near]) + f32::from(plane[row * width + far]);
    (3.0 * line(above) + line(below)) / 16.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_out_as_they_are() {
        let mut frame = Frame::black(9, 9);
        assert_eq!(RgbImage::from(&frame), RgbImage::filled(9, 9, [0, 0, 0]));
        frame.y.fill(235);
        assert_eq!(RgbImage::from(&frame), RgbImage::filled(9, 9, [255, 255, 255]));
        (frame.y, frame.u, frame.v) = (vec![81; 81], vec![90; 25], vec![240; 25]);
        assert_eq!(RgbImage::from(&frame).pixels[..3], [254, 0, 0]);
    }
}
