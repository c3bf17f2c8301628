//! How far a picture is from what it should be, as structural similarity sees it.

use ndarray::ArrayD;

use super::{items, items_mut, planes};
use crate::autodiff::kernels::{Arith, Finish, Job, Taps, dispatch, pack, row_gemm, sum};
use crate::autodiff::{Op, Real};
use crate::metrics::ms_ssim::{C1, C2, EXPONENTS, WINDOW, scales, window};

/// Samples are taken relative to this: moments in single precision then lose little.
const MIDDLE: f64 = 128.0;
/// The least similarity of a scale, so that its power has a gradient.
const LEAST: f64 = 1e-3;

/// `1 - MS-SSIM` of the luma, as [`crate::metrics::ms_ssim`] defines it.
///
/// Inputs: picture and target, both `[6, LH, LW]` in code values; the target gets no gradient and must not change.
/// Output `[1]`.
pub struct Dissimilarity<T> {
    width: usize,
    height: usize,
    scales: Vec<Scale<T>>,
}

impl<T: Real> Dissimilarity<T> {
    /// For pictures with `width` x `height` luma samples; what a lattice has beyond is left out.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, scales: Vec::new() }
    }
}

/// A scale's planes. Maps have a value for each window, and zeros around them as wide as a window less one sample.
struct Scale<T> {
    width: usize,
    height: usize,
    /// Exponent of this scale.
    exponent: f64,
    /// Whether luminance counts: at the coarsest scale.
    last: bool,
    /// Weights of the window, across and down.
    across: Vec<T>,
    down: Vec<T>,
    picture: Vec<T>,
    target: Vec<T>,
    /// Means and mean squares of the target, by window.
    target_maps: [Vec<T>; 2],
    /// Of the picture: mean, mean square and mean product with the target; then the derivatives by them.
    maps: [Vec<T>; 3],
    /// A map between the passes across and down.
    half: Vec<T>,
    /// Products, or a gradient before it is added.
    plane: Vec<T>,
    /// Gradient of the picture.
    gradient: Vec<T>,
    /// Mean similarity of the windows.
    similarity: f64,
}

impl<T: Real> Scale<T> {
    fn new(width: usize, height: usize, exponent: f64, last: bool) -> Self {
        let weights = |side: usize| -> Vec<T> { window(side).into_iter().map(T::of).collect() };
        let (across, down) = (weights(width), weights(height));
        let map = || vec![T::ZERO; (width + across.len() - 1) * (height + down.len() - 1)];
        let plane = || vec![T::ZERO; width * height];
        Self {
            exponent,
            last,
            picture: plane(),
            target: plane(),
            target_maps: [map(), map()],
            maps: [map(), map(), map()],
            half: vec![T::ZERO; (width + across.len() - 1) * (height + down.len() - 1)],
            plane: plane(),
            gradient: plane(),
            similarity: 0.0,
            width,
            height,
            across,
            down,
        }
    }

    /// Columns of a map, with its zeros.
    fn stride(&self) -> usize {
        self.width + self.across.len() - 1
    }

    /// Windows in a row and in a column.
    fn windows(&self) -> [usize; 2] {
        [self.width + 1 - self.across.len(), self.height + 1 - self.down.len()]
    }

    /// Mean of `plane` by window.
    fn filter(&self, plane: &[T], half: &mut [T], map: &mut [T]) {
        let ([columns, rows], stride) = (self.windows(), self.stride());
        filter_rows(&self.across, 1, plane, self.width, half, columns, [self.height, columns]);
        let interior = &mut map[(self.down.len() - 1) * stride + self.across.len() - 1..];
        filter_rows(&self.down, columns, half, columns, interior, stride, [rows, columns]);
    }

    /// The transpose of [`Self::filter`].
    fn spread(&self, map: &[T], half: &mut [T], plane: &mut [T]) {
        let stride = self.stride();
        filter_rows(&self.down, stride, map, stride, half, stride, [self.height, stride]);
        filter_rows(&self.across, 1, half, stride, plane, self.width, [self.height, self.width]);
    }

    /// Takes over a new target.
    fn set_target(&mut self) {
        let mut half = std::mem::take(&mut self.half);
        let mut maps = std::mem::take(&mut self.target_maps);
        self.filter(&self.target, &mut half, &mut maps[0]);
        self.plane.iter_mut().zip(&self.target).for_each(|(square, &x)| *square = x * x);
        self.filter(&self.plane, &mut half, &mut maps[1]);
        (self.half, self.target_maps) = (half, maps);
    }

    /// Similarity of the picture and its derivatives.
    fn compare(&mut self) {
        let mut half = std::mem::take(&mut self.half);
        let mut maps = std::mem::take(&mut self.maps);
        self.filter(&self.picture, &mut half, &mut maps[0]);
        dispatch(Product { to: &mut self.plane, a: &self.picture, b: &self.picture });
        self.filter(&self.plane, &mut half, &mut maps[1]);
        dispatch(Product { to: &mut self.plane, a: &self.picture, b: &self.target });
        self.filter(&self.plane, &mut half, &mut maps[2]);
        let ([columns, rows], stride) = (self.windows(), self.stride());
        let first = (self.down.len() - 1) * stride + self.across.len() - 1;
        let mut total = 0.0;
        for row in 0..rows {
            let range = first + row * stride..first + row * stride + columns;
            let similarity = &mut self.plane[..columns];
            dispatch(Compare {
                maps: maps.each_mut().map(|map| &mut map[range.clone()]),
                target: self.target_maps.each_ref().map(|map| &map[range.clone()]),
                similarity,
                last: self.last,
            });
            total += sum(similarity).to_f64();
        }
        self.similarity = (total / (rows * columns) as f64).max(LEAST);
        (self.half, self.maps) = (half, maps);
    }

    /// Adds `factor` times the derivatives of all windows' similarities to the gradient of the picture.
    fn add_gradient(&mut self, factor: T) {
        let mut half = std::mem::take(&mut self.half);
        let mut plane = std::mem::take(&mut self.plane);
        for (map, (by, scale)) in
            self.maps.iter().zip([(None, 1.0), (Some(&self.picture), 2.0), (Some(&self.target), 1.0)])
        {
            self.spread(map, &mut half, &mut plane);
            let factor = factor * T::of(scale);
            let gradient = self.gradient.iter_mut().zip(&plane);
            match by {
                None => gradient.for_each(|(to, &g)| *to += factor * g),
                Some(by) => gradient.zip(by).for_each(|((to, &g), &x)| *to += factor * g * x),
            }
        }
        (self.half, self.plane) = (half, plane);
    }
}

/// `to[row][column] = sum_k weights[k] * from[row][column + k * step]`, rows `from_stride` and `to_stride` apart.
fn filter_rows<T: Real>(
    weights: &[T],
    step: usize,
    from: &[T],
    from_stride: usize,
    to: &mut [T],
    to_stride: usize,
    [rows, columns]: [usize; 2],
) {
    let (mut offsets, mut packed) = ([0; WINDOW], [T::ZERO; WINDOW]);
    let (offsets, packed) = (&mut offsets[..weights.len()], &mut packed[..weights.len()]);
    offsets.iter_mut().enumerate().for_each(|(k, offset)| *offset = k * step);
    pack(weights.len(), 1, packed, |k, _| weights[k]);
    let finish = Finish::Set;
    for row in 0..rows {
        let taps = Taps { source: from, offsets, start: row * from_stride };
        row_gemm(taps, packed, finish, &mut [&mut to[row * to_stride..]], 0, columns);
    }
}

struct Product<'a, T> {
    to: &'a mut [T],
    a: &'a [T],
    b: &'a [T],
}

impl<T: Real> Job for Product<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        for ((to, &a), &b) in self.to.iter_mut().zip(self.a).zip(self.b) {
            *to = a * b;
        }
    }
}

/// A row of windows: computes their similarities and replaces the moments by the derivatives by them.
struct Compare<'a, T> {
    maps: [&'a mut [T]; 3],
    target: [&'a [T]; 2],
    similarity: &'a mut [T],
    last: bool,
}

impl<T: Real> Job for Compare<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let (c1, c2, two, middle) = (T::of(C1), T::of(C2), T::of(2.0), T::of(MIDDLE));
        let luminance = if self.last { T::ONE } else { T::ZERO };
        let [means, squares, products] = self.maps;
        let maps = means.iter_mut().zip(squares).zip(products).zip(self.similarity);
        let target = self.target[0].iter().zip(self.target[1]);
        for ((((mean, square), product), similarity), (&other, &other_square)) in maps.zip(target) {
            let m = *mean;
            let inverse = T::ONE / (*square - m * m + other_square - other * other + c2);
            let contrast = (two * (*product - m * other) + c2) * inverse;
            let (true_mean, true_other) = (m + middle, other + middle);
            let light_inverse = T::ONE / (true_mean * true_mean + true_other * true_other + c1);
            let light = (two * true_mean * true_other + c1) * light_inverse;
            let by_light = luminance * two * (true_other - true_mean * light) * light_inverse;
            let light = luminance * light + (T::ONE - luminance);
            let by_covariance = two * light * inverse;
            *similarity = contrast * light;
            *mean = by_covariance * (m * contrast - other) + contrast * by_light;
            *square = T::of(-0.5) * by_covariance * contrast;
            *product = by_covariance;
        }
    }
}

impl<T: Real> Dissimilarity<T> {
    fn make_scales(&mut self) {
        let count = scales(self.width.min(self.height));
        let whole: f64 = EXPONENTS[..count].iter().sum();
        let (mut width, mut height) = (self.width, self.height);
        for (scale, exponent) in EXPONENTS[..count].iter().enumerate() {
            self.scales.push(Scale::new(width, height, exponent / whole, scale + 1 == count));
            (width, height) = (width / 2, height / 2);
        }
    }

    /// The luma plane of a lattice, about [`MIDDLE`].
    fn luma(&self, lattice: &[T], shape: [usize; 3], plane: &mut [T]) {
        let [_, rows, columns] = shape;
        let middle = T::of(MIDDLE);
        for (y, row) in plane.chunks_exact_mut(self.width).enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                let channel = y % 2 * 2 + x % 2;
                *sample = lattice[(channel * rows + y / 2) * columns + x / 2] - middle;
            }
        }
    }

    /// Makes all scales from the finest; `plane` says which of their planes.
    fn halve(&mut self, plane: impl Fn(&mut Scale<T>) -> &mut Vec<T>) {
        for at in 1..self.scales.len() {
            let (fine, coarse) = self.scales.split_at_mut(at);
            let (fine, coarse) = (&mut fine[at - 1], &mut coarse[0]);
            let (fine_width, width) = (fine.width, coarse.width);
            let fine = plane(fine);
            for (row, from) in plane(coarse).chunks_exact_mut(width).zip(fine.chunks_exact(2 * fine_width)) {
                let (above, below) = from.split_at(fine_width);
                let pairs = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
                for (sample, (above, below)) in row.iter_mut().zip(pairs) {
                    *sample = T::of(0.25) * (above[0] + above[1] + below[0] + below[1]);
                }
            }
        }
    }

    fn similarity(&self) -> f64 {
        self.scales.iter().map(|scale| scale.similarity.powf(scale.exponent)).product()
    }
}

impl<T: Real> Op<T> for Dissimilarity<T> {
    fn name(&self) -> &'static str {
        "dissimilarity"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 2, "picture and target");
        assert_eq!(inputs[0], inputs[1], "picture and target have one shape");
        let [channels, rows, columns] = planes(inputs[0]);
        assert_eq!(channels, 6, "a lattice has 6 channels");
        assert!(self.width <= 2 * columns && self.height <= 2 * rows, "the lattice holds the picture");
        vec![1]
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let shape = planes(inputs[0].shape());
        if self.scales.is_empty() {
            self.make_scales();
            let mut target = std::mem::take(&mut self.scales[0].target);
            self.luma(items(inputs[1]), shape, &mut target);
            self.scales[0].target = target;
            self.halve(|scale| &mut scale.target);
            self.scales.iter_mut().for_each(Scale::set_target);
        }
        let mut picture = std::mem::take(&mut self.scales[0].picture);
        self.luma(items(inputs[0]), shape, &mut picture);
        self.scales[0].picture = picture;
        self.halve(|scale| &mut scale.picture);
        self.scales.iter_mut().for_each(Scale::compare);
        output.fill(T::of(1.0 - self.similarity()));
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let Some(gradient) = &mut gradients[0] else {
            return;
        };
        let by_similarity = -items(output_gradient)[0].to_f64() * self.similarity();
        for at in (0..self.scales.len()).rev() {
            let (scale, coarser) = self.scales[at..].split_first_mut().expect("the scale itself");
            match coarser.first() {
                None => scale.gradient.fill(T::ZERO),
                Some(coarser) => {
                    let columns = coarser.width;
                    scale.gradient.fill(T::ZERO);
                    for (y, row) in scale.gradient.chunks_exact_mut(scale.width).take(2 * coarser.height).enumerate() {
                        let from = &coarser.gradient[y / 2 * columns..][..columns];
                        for (pair, &g) in row.as_chunks_mut::<2>().0.iter_mut().zip(from) {
                            *pair = [T::of(0.25) * g; 2];
                        }
                    }
                }
            }
            let [columns, rows] = scale.windows();
            let by_window = by_similarity * scale.exponent / (scale.similarity * (rows * columns) as f64);
            scale.add_gradient(T::of(by_window));
        }
        let [_, rows, columns] = planes(inputs[0].shape());
        let gradient = items_mut(gradient);
        for (y, row) in self.scales[0].gradient.chunks_exact(self.width).enumerate() {
            for (x, &g) in row.iter().enumerate() {
                let channel = y % 2 * 2 + x % 2;
                gradient[(channel * rows + y / 2) * columns + x / 2] += g;
            }
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        // Three maps, two passes of eleven taps, and a third more for the coarser scales.
        176 * inputs[0].iter().product::<usize>() as u64 * 4 / 6
    }

    fn backward_flops(&self, inputs: &[&[usize]]) -> u64 {
        <Self as Op<T>>::forward_flops(self, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Noise, check_gradients, run};
    use super::*;
    use crate::frame::Frame;
    use crate::metrics::ms_ssim;

    /// A smooth picture and one with noise, as lattices in whole code values.
    fn pictures(width: usize, height: usize, amount: f64) -> [ArrayD<f64>; 2] {
        let (rows, columns) = (height.div_ceil(2), width.div_ceil(2));
        let target = ArrayD::from_shape_fn(vec![6, rows, columns], |at| {
            (128.0 + 60.0 * (at[1] as f64 / 4.0).sin() * (at[2] as f64 / 9.0).cos()).round()
        });
        let picture = &target + &Noise(5).array(&[6, rows, columns], -amount, amount).mapv(f64::round);
        [picture, target]
    }

    fn frame(lattice: &ArrayD<f64>, width: usize, height: usize) -> Frame {
        let mut frame = Frame::black(width, height);
        for (at, sample) in frame.y.iter_mut().enumerate() {
            let (y, x) = (at / width, at % width);
            *sample = lattice[[y % 2 * 2 + x % 2, y / 2, x / 2]] as u8;
        }
        frame
    }

    #[test]
    fn agrees_with_the_metric() {
        // One, two, three and four scales, odd sides among them.
        for (width, height) in [(8, 10), (15, 13), (33, 25), (80, 47), (160, 96)] {
            let [picture, target] = pictures(width, height, 12.0);
            let expected = 1.0 - ms_ssim(&frame(&target, width, height), &frame(&picture, width, height));
            let inputs = [&picture, &target];
            let mut output = ArrayD::zeros(vec![1]);
            Dissimilarity::new(width, height).forward(&inputs, &mut output);
            assert!((output[[0]] - expected).abs() < 1e-9, "{width}x{height}: {} {expected}", output[[0]]);
            let single = inputs.map(|x| x.mapv(|x| x as f32));
            let mut output = ArrayD::zeros(vec![1]);
            Dissimilarity::new(width, height).forward(&[&single[0], &single[1]], &mut output);
            assert!((f64::from(output[[0]]) - expected).abs() < 1e-5, "{width}x{height}: {} {expected}", output[[0]]);
        }
    }

    #[test]
    fn gradients() {
        for (width, height) in [(8, 6), (14, 13), (27, 24)] {
            // Scaled up, because the gradient of one of many samples is small against the tolerance.
            let [picture, target] = pictures(width, height, 20.0);
            check_gradients(&mut Scaled(Dissimilarity::new(width, height)), &[picture, target], &[true, false]);
        }
    }

    /// A thousand times the dissimilarity.
    struct Scaled(Dissimilarity<f64>);

    impl Op<f64> for Scaled {
        fn name(&self) -> &'static str {
            "scaled"
        }
        fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
            self.0.output_shape(inputs)
        }
        fn forward(&mut self, inputs: &[&ArrayD<f64>], output: &mut ArrayD<f64>) {
            self.0.forward(inputs, output);
            *output *= 1000.0;
        }
        fn backward(
            &mut self,
            inputs: &[&ArrayD<f64>],
            output: &ArrayD<f64>,
            output_gradient: &ArrayD<f64>,
            gradients: &mut [Option<&mut ArrayD<f64>>],
        ) {
            self.0.backward(inputs, output, &(output_gradient * 1000.0), gradients);
        }
        fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
            self.0.forward_flops(inputs)
        }
    }

    #[test]
    fn an_equal_picture_has_neither_value_nor_gradient() {
        let [_, target] = pictures(32, 24, 0.0);
        let one = ArrayD::ones(vec![1]);
        let (value, gradients) = run(&mut Dissimilarity::new(32, 24), &[target.clone(), target], &[true, false], &one);
        assert!(value[[0]].abs() < 1e-12);
        assert!(gradients[0].as_ref().unwrap().iter().all(|g| g.abs() < 1e-9));
    }
}
