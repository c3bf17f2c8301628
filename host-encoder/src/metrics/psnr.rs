//! Peak signal-to-noise ratio, as ffmpeg's `psnr` filter counts it.

use crate::frame::Frame;

/// PSNR of the planes in dB; infinite where two planes are equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Psnr {
    /// Luma.
    pub y: f64,
    /// First chroma plane.
    pub u: f64,
    /// Second chroma plane.
    pub v: f64,
}

impl Psnr {
    /// From the mean squared errors of Y, U and V in squared code values.
    #[must_use]
    pub fn from_mse(mse: [f64; 3]) -> Self {
        let [y, u, v] = mse.map(|mse| 10.0 * (255.0 * 255.0 / mse).log10());
        Self { y, u, v }
    }

    /// The three planes in one number: `(6 Y + U + V) / 8`.
    #[must_use]
    pub fn yuv(&self) -> f64 {
        (6.0 * self.y + self.u + self.v) / 8.0
    }
}

/// Collects squared errors over the frames of a clip.
#[derive(Clone, Debug, Default)]
pub struct PsnrMeter {
    squares: [u64; 3],
    samples: [u64; 3],
    frames: Vec<Psnr>,
}

impl PsnrMeter {
    /// Adds one frame and returns its PSNR.
    ///
    /// # Panics
    /// If the frames differ in size.
    ///
    /// # Examples
    /// ```
    /// use host_encoder::{frame::Frame, metrics::PsnrMeter};
    /// let mut decoded = Frame::black(16, 16);
    /// decoded.y[0] += 16;
    /// let mut meter = PsnrMeter::default();
    /// meter.add(&Frame::black(16, 16), &decoded);
    /// assert!((meter.total().y - 48.13).abs() < 0.01);
    /// ```
    pub fn add(&mut self, source: &Frame, decoded: &Frame) -> Psnr {
        assert_eq!((source.width, source.height), (decoded.width, decoded.height));
        let mut mse = [0.0; 3];
        for (plane, (a, b)) in source.planes().into_iter().zip(decoded.planes()).enumerate() {
            let squares: u64 = a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
            mse[plane] = squares as f64 / a.len() as f64;
            self.squares[plane] += squares;
            self.samples[plane] += a.len() as u64;
        }
        let psnr = Psnr::from_mse(mse);
        self.frames.push(psnr);
        psnr
    }

    /// PSNR of the mean squared error over all frames so far; not a mean of dB.
    #[must_use]
    pub fn total(&self) -> Psnr {
        Psnr::from_mse([0, 1, 2].map(|plane| self.squares[plane] as f64 / self.samples[plane] as f64))
    }

    /// PSNR frame by frame.
    #[must_use]
    pub fn frames(&self) -> &[Psnr] {
        &self.frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_averaged_before_the_logarithm() {
        let source = Frame::black(8, 8);
        let mut off_by_two = source.clone();
        off_by_two.y.iter_mut().for_each(|y| *y += 2);
        let mut meter = PsnrMeter::default();
        assert_eq!(meter.add(&source, &source).y, f64::INFINITY);
        let second = meter.add(&source, &off_by_two);
        assert!((second.y - 10.0 * (65025.0f64 / 4.0).log10()).abs() < 1e-12);
        assert!((meter.total().y - 10.0 * (65025.0f64 / 2.0).log10()).abs() < 1e-12);
        assert_eq!(meter.total().u, f64::INFINITY);
        assert_eq!(meter.frames().len(), 2);
    }
}
