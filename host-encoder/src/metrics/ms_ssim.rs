//! Multi-scale structural similarity of luma (Wang, Simoncelli, Bovik 2003).
//!
//! Gaussian windows of 11x11 samples with a standard deviation of 1.5, only where they lie within the picture; between
//! two scales means of 2x2 samples, a last odd row or column left out. Where a scale has less than 11 samples a side, it
//! and those below are left out and the exponents of the others are divided by their sum: five scales from 176 samples
//! of the smaller side, four from 88, three from 44, two from 22, one below. Pictures with a side under 11 get a window
//! that is as large as they are.

use crate::frame::Frame;

/// Exponents of the scales, fine to coarse.
pub(crate) const EXPONENTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// Samples of a window's side.
pub(crate) const WINDOW: usize = 11;
/// Standard deviation of the window in samples.
const DEVIATION: f64 = 1.5;
/// Keeps the luminance term finite, squared code values.
pub(crate) const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
/// Keeps the contrast and structure term finite, squared code values.
pub(crate) const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// MS-SSIM of the luma of two pictures: 1 where they are equal, towards 0 the more they differ.
///
/// # Panics
/// If the frames differ in size.
#[must_use]
pub fn ms_ssim(source: &Frame, decoded: &Frame) -> f64 {
    assert_eq!((source.width, source.height), (decoded.width, decoded.height));
    let plane = |frame: &Frame| Plane {
        width: frame.width,
        height: frame.height,
        samples: frame.y.iter().map(|&sample| f64::from(sample)).collect(),
    };
    let (mut a, mut b) = (plane(source), plane(decoded));
    let scales = scales(source.width.min(source.height));
    let sum: f64 = EXPONENTS[..scales].iter().sum();
    let mut product = 1.0;
    for (scale, exponent) in EXPONENTS[..scales].iter().enumerate() {
        let similarity = similarity(&a, &b);
        let last = scale + 1 == scales;
        let term = if last { similarity.whole } else { similarity.structure };
        product *= term.max(0.0).powf(exponent / sum);
        if !last {
            (a, b) = (a.halved(), b.halved());
        }
    }
    product
}

/// MS-SSIM in decibels, `-10 log10(1 - x)`; infinite for 1.
#[must_use]
pub fn ms_ssim_db(similarity: f64) -> f64 {
    -10.0 * (1.0 - similarity).log10()
}

/// Collects the MS-SSIM of the frames of a clip.
#[derive(Clone, Copy, Debug, Default)]
pub struct MsSsimMeter {
    sum: f64,
    frames: u32,
}

impl MsSsimMeter {
    /// Adds one frame and returns its MS-SSIM.
    ///
    /// # Panics
    /// If the frames differ in size.
    pub fn add(&mut self, source: &Frame, decoded: &Frame) -> f64 {
        let similarity = ms_ssim(source, decoded);
        self.sum += similarity;
        self.frames += 1;
        similarity
    }

    /// The mean over the frames so far, before any logarithm.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / f64::from(self.frames)
    }
}

/// Scales for a picture whose smaller side has this many samples.
pub(crate) fn scales(side: usize) -> usize {
    (1..EXPONENTS.len()).take_while(|&scale| side >> scale >= WINDOW).count() + 1
}

struct Plane {
    width: usize,
    height: usize,
    samples: Vec<f64>,
}

impl Plane {
    /// Means of 2x2 samples.
    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let at = |x: usize, y: usize| self.samples[y * self.width + x];
        let mean = |x: usize, y: usize| {
            (at(2 * x, 2 * y) + at(2 * x + 1, 2 * y) + at(2 * x, 2 * y + 1) + at(2 * x + 1, 2 * y + 1)) / 4.0
        };
        let samples = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| mean(x, y)).collect();
        Self { width, height, samples }
    }
}

/// SSIM of one scale, averaged over its windows.
struct Similarity {
    /// Luminance, contrast and structure.
    whole: f64,
    /// Contrast and structure.
    structure: f64,
}

fn similarity(a: &Plane, b: &Plane) -> Similarity {
    let moment = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
        let samples = a.samples.iter().zip(&b.samples).map(|(&a, &b)| f(a, b)).collect();
        windowed(&Plane { width: a.width, height: a.height, samples })
    };
    let (mean_a, mean_b) = (moment(&|a, _| a), moment(&|_, b| b));
    let (square_a, square_b, product) = (moment(&|a, _| a * a), moment(&|_, b| b * b), moment(&|a, b| a * b));
    let (mut whole, mut structure) = (0.0, 0.0);
    for place in 0..mean_a.len() {
        let (ma, mb) = (mean_a[place], mean_b[place]);
        let variances = square_a[place] - ma * ma + square_b[place] - mb * mb;
        let covariance = product[place] - ma * mb;
        let contrast = (2.0 * covariance + C2) / (variances + C2);
        structure += contrast;
        whole += contrast * (2.0 * ma * mb + C1) / (ma * ma + mb * mb + C1);
    }
    let places = mean_a.len() as f64;
    Similarity { whole: whole / places, structure: structure / places }
}

/// Weighted means of all windows that lie within the plane, row by row.
fn windowed(plane: &Plane) -> Vec<f64> {
    let across = window(plane.width);
    let down = window(plane.height);
    let width = plane.width + 1 - across.len();
    let mut rows = Vec::with_capacity(width * plane.height);
    for row in plane.samples.chunks_exact(plane.width) {
        let means = row.windows(across.len()).map(|part| part.iter().zip(&across).map(|(x, w)| x * w).sum::<f64>());
        rows.extend(means);
    }
    let mut means = vec![0.0; width * (plane.height + 1 - down.len())];
    for (y, means) in means.chunks_exact_mut(width).enumerate() {
        for (row, weight) in rows[y * width..].chunks_exact(width).zip(&down) {
            means.iter_mut().zip(row).for_each(|(mean, x)| *mean += weight * x);
        }
    }
    means
}

/// The weights of a window along a side of `side` samples; their sum is 1.
pub(crate) fn window(side: usize) -> Vec<f64> {
    let len = side.min(WINDOW);
    let middle = (len as f64 - 1.0) / 2.0;
    let weights: Vec<f64> =
        (0..len).map(|at| (-(at as f64 - middle).powi(2) / (2.0 * DEVIATION * DEVIATION)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with structure at every scale.
    fn picture(width: usize, height: usize) -> Frame {
        let mut frame = Frame::black(width, height);
        for (place, y) in frame.y.iter_mut().enumerate() {
            let (row, column) = ((place / width) as f64, (place % width) as f64);
            *y = (128.0 + 60.0 * (row / 9.0).sin() * (column / 23.0).cos() + 30.0 * (column * 1.3).sin()) as u8;
        }
        frame
    }

    /// The picture with noise of `amount` code values at most, from a linear congruential generator.
    fn noisy(frame: &Frame, amount: u32) -> Frame {
        let mut state = 1u32;
        let mut frame = frame.clone();
        for y in &mut frame.y {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 16) as i32 % (2 * amount as i32 + 1) - amount as i32;
            *y = (i32::from(*y) + noise).clamp(0, 255) as u8;
        }
        frame
    }

    /// SSIM by its definition: two-dimensional weights, and moments about the mean of each window.
    fn by_definition(a: &Frame, b: &Frame) -> f64 {
        let weight = |dx: usize, dy: usize| {
            let (dx, dy) = (dx as f64 - 5.0, dy as f64 - 5.0);
            (-(dx * dx + dy * dy) / 4.5).exp()
        };
        let total: f64 = (0..121).map(|at| weight(at % 11, at / 11)).sum();
        let (mut sum, mut count) = (0.0, 0.0);
        for top in 0..a.height - 10 {
            for left in 0..a.width - 10 {
                let mean = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                    let at = |dx: usize, dy: usize| (top + dy) * a.width + left + dx;
                    let value = |dx, dy| weight(dx, dy) * f(a.y[at(dx, dy)].into(), b.y[at(dx, dy)].into());
                    (0..121).map(|at| value(at % 11, at / 11)).sum::<f64>() / total
                };
                let (ma, mb) = (mean(&|a, _| a), mean(&|_, b| b));
                let (va, vb) = (mean(&|a, _| (a - ma).powi(2)), mean(&|_, b| (b - mb).powi(2)));
                let covariance = mean(&|a, b| (a - ma) * (b - mb));
                sum += (2.0 * ma * mb + 6.5025) * (2.0 * covariance + 58.5225)
                    / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225));
                count += 1.0;
            }
        }
        sum / count
    }

    #[test]
    fn equal_pictures_have_one() {
        for (width, height) in [(8, 8), (11, 40), (160, 96), (320, 180)] {
            let picture = picture(width, height);
            assert!((ms_ssim(&picture, &picture) - 1.0).abs() < 1e-12);
        }
        assert_eq!(ms_ssim_db(1.0), f64::INFINITY);
        assert!((ms_ssim_db(0.99) - 20.0).abs() < 1e-9);
    }

    #[test]
    fn one_scale_is_ssim_by_its_definition() {
        let (source, decoded) = (picture(21, 19), noisy(&picture(21, 19), 25));
        let (result, expected) = (ms_ssim(&source, &decoded), by_definition(&source, &decoded));
        assert!((result - expected).abs() < 1e-9, "{result} {expected}");
        assert!(expected < 0.95);
    }

    #[test]
    fn two_flat_pictures_differ_in_luminance_only() {
        let mut flat = [Frame::black(16, 16), Frame::black(16, 16)];
        flat[0].y.fill(100);
        flat[1].y.fill(50);
        let expected = (2.0 * 100.0 * 50.0 + C1) / (100.0 * 100.0 + 50.0 * 50.0 + C1);
        assert!((ms_ssim(&flat[0], &flat[1]) - expected).abs() < 1e-9);
    }

    #[test]
    fn more_noise_is_less_similar() {
        let source = picture(176, 144);
        let results = [1, 4, 16, 64].map(|amount| ms_ssim(&source, &noisy(&source, amount)));
        assert!(results.is_sorted_by(|a, b| a > b), "{results:?}");
        let mut meter = MsSsimMeter::default();
        meter.add(&source, &source);
        meter.add(&source, &noisy(&source, 16));
        assert!((meter.mean() - (1.0 + results[2]) / 2.0).abs() < 1e-9);
    }

    #[test]
    fn small_pictures_have_fewer_scales() {
        assert_eq!([8, 21, 22, 44, 88, 144, 175, 176, 1080].map(scales), [1, 1, 2, 3, 4, 4, 4, 5, 5]);
    }
}
