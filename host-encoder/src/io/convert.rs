//! Other sizes and fewer frames, while a clip is read.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

use crate::frame::Frame;

/// Most samples of a side that NVL takes: width and height.
pub(super) const SIZE_MAX: (u64, u64) = (1920, 1080);
/// Fewest samples of a side.
pub(super) const SIZE_MIN: u64 = 8;

/// What a clip is like before it is converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original {
    /// Luma samples a row.
    pub width: usize,
    /// Luma rows.
    pub height: usize,
    /// Frames per second, numerator and denominator.
    pub rate: (u32, u32),
}

/// What a clip is to be like; nothing is changed where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversion {
    /// Width and height in luma samples. Another aspect stretches the picture.
    pub size: Option<(usize, usize)>,
    /// Frames per second, numerator and denominator: frames are left out, never made.
    pub rate: Option<(u32, u32)>,
}

impl Original {
    /// A size of this width with nearly the same aspect, even so that no chroma sample stands for half a pixel.
    #[must_use]
    pub fn scaled_to_width(&self, width: usize) -> (usize, usize) {
        let height = (self.height as f64 * width as f64 / self.width as f64 / 2.0).round() as usize * 2;
        (width, height.max(2))
    }

    /// Frames per second.
    #[must_use]
    pub fn frames_per_second(&self) -> f64 {
        f64::from(self.rate.0) / f64::from(self.rate.1)
    }
}

/// Chooses which frames stay when there are to be fewer.
#[derive(Debug)]
pub(super) struct Decimator {
    /// Frames of the source for one that stays, as a fraction.
    ratio: (u64, u64),
    taken: u64,
}

impl Decimator {
    /// From one rate to another that is not higher.
    pub(super) fn new(from: (u32, u32), to: (u32, u32)) -> Self {
        let product = |a: u32, b: u32| u64::from(a) * u64::from(b);
        Self { ratio: (product(from.0, to.1), product(from.1, to.0)), taken: 0 }
    }

    /// Whether the source's frame with this number stays. Ask in order.
    pub(super) fn takes(&mut self, number: u64) -> bool {
        let takes = number == self.taken * self.ratio.0 / self.ratio.1;
        self.taken += u64::from(takes);
        takes
    }
}

/// Changes the size of frames: Lanczos, each plane by itself.
#[derive(Debug)]
pub(super) struct Scaler {
    size: (usize, usize),
    resizer: Resizer,
}

impl Scaler {
    pub(super) fn new(size: (usize, usize)) -> Self {
        Self { size, resizer: Resizer::new() }
    }

    pub(super) fn scale(&mut self, frame: &Frame) -> Frame {
        let mut scaled = Frame::black(self.size.0, self.size.1);
        let chroma = |frame: &Frame| (frame.chroma_width(), frame.chroma_height());
        let (from, to) = (chroma(frame), chroma(&scaled));
        self.plane(&frame.y, (frame.width, frame.height), &mut scaled.y, self.size);
        self.plane(&frame.u, from, &mut scaled.u, to);
        self.plane(&frame.v, from, &mut scaled.v, to);
        scaled
    }

    fn plane(&mut self, from: &[u8], from_size: (usize, usize), to: &mut [u8], to_size: (usize, usize)) {
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
        let source = TypedImageRef::<U8>::from_buffer(from_size.0 as u32, from_size.1 as u32, from);
        let target = TypedImage::<U8>::from_buffer(to_size.0 as u32, to_size.1 as u32, to);
        // Planes have the sizes of their frames, so that both are there; grey has no alpha that could fail.
        if let (Ok(source), Ok(mut target)) = (source, target) {
            let resized = self.resizer.resize_typed(&source, &mut target, &options);
            debug_assert!(resized.is_ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_stay_at_even_distances() {
        let taken = |from, to, count: u64| {
            let mut decimator = Decimator::new(from, to);
            (0..count).filter(|&number| decimator.takes(number)).collect::<Vec<_>>()
        };
        assert_eq!(taken((30, 1), (10, 1), 10), [0, 3, 6, 9]);
        assert_eq!(taken((30, 1), (20, 1), 7), [0, 1, 3, 4, 6]);
        assert_eq!(taken((30000, 1001), (30000, 1001), 4), [0, 1, 2, 3]);
        assert_eq!(taken((25, 1), (15, 1), 1000).len(), 600);
    }

    #[test]
    fn a_picture_keeps_its_look_in_another_size() {
        let mut frame = Frame::black(64, 48);
        for (at, y) in frame.y.iter_mut().enumerate() {
            *y = (40 + 2 * (at % 64)) as u8;
        }
        frame.u.fill(90);
        let small = Scaler::new((31, 25)).scale(&frame);
        assert_eq!((small.width, small.height, small.y.len(), small.u.len()), (31, 25, 31 * 25, 16 * 13));
        // The middle column of the ramp, and flat chroma.
        assert!(small.y[12 * 31 + 15].abs_diff(40 + 63) <= 2);
        assert!(small.u.iter().all(|&u| u == 90));
        let original = Original { width: 320, height: 180, rate: (25, 1) };
        assert_eq!(original.scaled_to_width(240), (240, 136));
    }
}
