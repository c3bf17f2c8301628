//! Two 1x1 convolutions with a ReLU between, whose hidden channels are never stored.

use std::ops::Range;

use ndarray::ArrayD;

use super::conv::ACTIVATION_LIMIT;
use super::{items, items_mut, planes};
use crate::autodiff::kernels::{
    Finish, LANES, MAX_CHANNELS, Outer, Steps, Taps, add_assign, band_count, band_range, for_each_band, mask_open,
    pack, row_gemm, row_outer, split_planes, sum, with_scratch,
};
use crate::autodiff::{Op, Real};

/// Sites that are taken through all kernels before the next: 48 hidden channels of them fill half of a first-level cache.
const CHUNK: usize = 96;

/// `y = clamp(w2 * clamp(w1 * x + bias1, 0, 8) + bias2, -8, 8)`: a 1x1 [`super::Conv`] with a ReLU and one without.
///
/// Inputs: `x [Ci, H, W]`, `w1 [Ch, Ci, 1, 1]`, `w2 [Co, Ch, 1, 1]`, control `[1]`, without gradient, and optionally `bias1 [Ch]`,
/// `bias2 [Co]`; output `[Co, H, W]`. With control above 0 sums are rounded as the decoder does ([`Steps`]). The backward pass computes the hidden channels again, which costs less than to read them from memory.
/// Results do not depend on the number of threads.
#[derive(Default)]
pub struct Hidden<T> {
    work: Option<Work<T>>,
}

impl<T: Real> Hidden<T> {
    /// Two convolutions.
    pub fn new() -> Self {
        Self { work: None }
    }
}

/// Extents that everything is derived from.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    inputs: usize,
    hidden: usize,
    outputs: usize,
    sites: usize,
}

/// Memory that is kept from step to step.
struct Work<T> {
    shape: Shape,
    /// Weights as the row kernel wants them, `w1` and `w2`, then transposed.
    forward: [Vec<T>; 2],
    backward: [Vec<T>; 2],
    /// Places of the channels of `x`, of hidden channels and of output gradients.
    places: [Vec<usize>; 3],
    bands: Vec<Band<T>>,
}

/// What a thread works on.
struct Band<T> {
    range: Range<usize>,
    /// Partial sums of the gradients of `w1` and `w2`, `[input][output]`.
    sums: [Vec<[T; LANES]>; 2],
    /// The biases' gradients.
    bias: [Vec<T>; 2],
}

impl<T: Real> Work<T> {
    fn new(shape: Shape) -> Self {
        let Shape { inputs, hidden, outputs, sites } = shape;
        let count = band_count(sites);
        let zeros = |len: usize| vec![T::ZERO; len];
        let bands = (0..count).map(|i| Band {
            range: band_range(sites, count, i),
            sums: [inputs * hidden, hidden * outputs].map(|len| vec![[T::ZERO; LANES]; len]),
            bias: [hidden, outputs].map(zeros),
        });
        let weights = || [zeros(inputs * hidden), zeros(hidden * outputs)];
        let places = |channels: usize, plane: usize| (0..channels).map(|c| c * plane).collect();
        Self {
            shape,
            forward: weights(),
            backward: weights(),
            places: [places(inputs, sites), places(hidden, CHUNK), places(outputs, CHUNK)],
            bands: bands.collect(),
        }
    }

    fn pack(&mut self, w1: &[T], w2: &[T]) {
        let Shape { inputs, hidden, outputs, .. } = self.shape;
        pack(inputs, hidden, &mut self.forward[0], |i, h| w1[h * inputs + i]);
        pack(hidden, outputs, &mut self.forward[1], |h, o| w2[o * hidden + h]);
        pack(hidden, inputs, &mut self.backward[0], |h, i| w1[h * inputs + i]);
        pack(outputs, hidden, &mut self.backward[1], |o, h| w2[o * hidden + h]);
    }

    /// Adds the bands' partial sums of one convolution to its weights' gradient, in order.
    fn reduce(&self, which: usize, weights: &mut [T]) {
        let outputs = [self.shape.hidden, self.shape.outputs][which];
        let inputs = weights.len() / outputs;
        for (at, weight) in weights.iter_mut().enumerate() {
            let (o, i) = (at / inputs, at % inputs);
            let lanes = self.bands.iter().map(|band| &band.sums[which][i * outputs + o]);
            *weight += lanes.map(|lanes| lanes.iter().copied().sum()).sum();
        }
    }
}

/// What the bands of a pass share.
struct Pass<'a, T> {
    shape: Shape,
    places: &'a [Vec<usize>; 3],
    forward: &'a [Vec<T>; 2],
    x: &'a [T],
    bias1: &'a [T],
    bias2: &'a [T],
    steps: Steps<T>,
}

impl<T: Real> Pass<'_, T> {
    /// The hidden channels of `width` sites from `start` on.
    fn hidden(&self, start: usize, width: usize, hidden: &mut [T]) {
        let mut rows = rows(hidden);
        let finish = Finish::Store { bias: self.bias1, steps: self.steps, low: T::ZERO, high: T::of(ACTIVATION_LIMIT) };
        let taps = Taps { source: self.x, offsets: &self.places[0], start };
        row_gemm(taps, &self.forward[0], finish, &mut rows[..self.shape.hidden], 0, width);
    }

    fn forward(&self, band: &Band<T>, outputs: &mut [&mut [T]; MAX_CHANNELS]) {
        let limit = T::of(ACTIVATION_LIMIT);
        with_scratch([self.shape.hidden * CHUNK], |[hidden]| {
            for start in band.range.clone().step_by(CHUNK) {
                let width = CHUNK.min(band.range.end - start);
                self.hidden(start, width, hidden);
                let finish = Finish::Store { bias: self.bias2, steps: self.steps, low: -limit, high: limit };
                let taps = Taps { source: hidden, offsets: &self.places[1], start: 0 };
                let outputs = &mut outputs[..self.shape.outputs];
                row_gemm(taps, &self.forward[1], finish, outputs, start - band.range.start, width);
            }
        });
    }

    fn backward(
        &self,
        transposed: &[Vec<T>; 2],
        [y, y_gradient]: [&[T]; 2],
        band: &mut Band<T>,
        x_gradient: &mut [&mut [T]; MAX_CHANNELS],
    ) {
        for sums in &mut band.sums {
            sums.fill([T::ZERO; LANES]);
        }
        for bias in &mut band.bias {
            bias.fill(T::ZERO);
        }
        let Shape { hidden, outputs, .. } = self.shape;
        with_scratch([hidden, hidden, outputs].map(|channels| channels * CHUNK), |scratch| {
            self.backward_in(scratch, transposed, [y, y_gradient], band, x_gradient);
        });
    }

    /// `scratch` is hidden channels, their gradients and those of the outputs, `[channel][CHUNK]`.
    fn backward_in(
        &self,
        [hidden_rows, hidden_gradient, gradient]: [&mut [T]; 3],
        transposed: &[Vec<T>; 2],
        [y, y_gradient]: [&[T]; 2],
        band: &mut Band<T>,
        x_gradient: &mut [&mut [T]; MAX_CHANNELS],
    ) {
        let Shape { inputs, hidden, outputs, sites } = self.shape;
        let limit = T::of(ACTIVATION_LIMIT);
        for start in band.range.clone().step_by(CHUNK) {
            let width = CHUNK.min(band.range.end - start);
            self.hidden(start, width, hidden_rows);
            for (o, row) in gradient.chunks_exact_mut(CHUNK).enumerate() {
                let range = o * sites + start..o * sites + start + width;
                mask_open(&mut row[..width], &y_gradient[range.clone()], &y[range], -limit, limit);
                band.bias[1][o] += sum(&row[..width]);
            }
            row_outer(chunk_outer(hidden_rows, &self.places[1], 0, gradient, outputs, width), &mut band.sums[1]);
            let gate = Finish::Gate { gates: hidden_rows, plane: CHUNK, low: T::ZERO, high: limit };
            let taps = Taps { source: gradient, offsets: &self.places[2], start: 0 };
            row_gemm(taps, &transposed[1], gate, &mut rows(hidden_gradient)[..hidden], 0, width);
            for (gradient, bias) in hidden_gradient.chunks_exact(CHUNK).zip(&mut band.bias[0]) {
                *bias += sum(&gradient[..width]);
            }
            let outer = chunk_outer(self.x, &self.places[0], start, hidden_gradient, hidden, width);
            row_outer(outer, &mut band.sums[0]);
            if !x_gradient[0].is_empty() {
                let taps = Taps { source: hidden_gradient, offsets: &self.places[1], start: 0 };
                let at = start - band.range.start;
                row_gemm(taps, &transposed[0], Finish::Add, &mut x_gradient[..inputs], at, width);
            }
        }
    }
}

/// A row of `width` sites, with the gradient in chunks.
fn chunk_outer<'a, T>(
    source: &'a [T],
    offsets: &'a [usize],
    start: usize,
    gradient: &'a [T],
    outputs: usize,
    width: usize,
) -> Outer<'a, T> {
    let taps = Taps { source, offsets, start };
    Outer { taps, taps_stride: 0, gradient, gradient_stride: 0, plane: CHUNK, outputs, rows: 1, width }
}

/// The channels of a chunk.
fn rows<T>(chunk: &mut [T]) -> [&mut [T]; MAX_CHANNELS] {
    let mut rows: [&mut [T]; MAX_CHANNELS] = std::array::from_fn(|_| Default::default());
    for (row, storage) in rows.iter_mut().zip(chunk.chunks_exact_mut(CHUNK)) {
        *row = storage;
    }
    rows
}

impl<T: Real> Op<T> for Hidden<T> {
    fn name(&self) -> &'static str {
        "conv point pair"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert!(matches!(inputs.len(), 4 | 6), "x, two weights, control and perhaps two biases");
        let [channels, height, width] = planes(inputs[0]);
        let (hidden, outputs) = (inputs[1][0], inputs[2][0]);
        assert_eq!(inputs[1], [hidden, channels, 1, 1], "weights for {channels} channels");
        assert_eq!(inputs[2], [outputs, hidden, 1, 1], "weights for {hidden} channels");
        assert_eq!(inputs[3], [1], "one control");
        assert!(inputs[4..].iter().zip([hidden, outputs]).all(|(bias, len)| *bias == [len]), "one bias a channel");
        assert!(channels.max(hidden).max(outputs) <= MAX_CHANNELS, "at most {MAX_CHANNELS} channels");
        vec![outputs, height, width]
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let [channels, height, width] = planes(inputs[0].shape());
        let (hidden, outputs) = (inputs[1].shape()[0], inputs[2].shape()[0]);
        let shape = Shape { inputs: channels, hidden, outputs, sites: height * width };
        if self.work.as_ref().is_none_or(|work| work.shape != shape) {
            self.work = Some(Work::new(shape));
        }
        let work = self.work.as_mut().expect("just made");
        work.pack(items(inputs[1]), items(inputs[2]));
        let (count, bands) = (work.bands.len(), &mut work.bands);
        let mut outputs = split_planes(items_mut(output), shape.sites, count, |i| band_range(shape.sites, count, i));
        let pass = pass(shape, inputs, &work.places, &work.forward);
        for_each_band(&mut outputs[..count], bands, |_, outputs, band| pass.forward(band, outputs));
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let work = self.work.as_mut().expect("forward comes first");
        let (shape, count, bands) = (work.shape, work.bands.len(), &mut work.bands);
        let (first, others) = gradients.split_first_mut().expect("x is an input");
        let x_gradient = first.as_mut().map_or(&mut [][..], |gradient| items_mut(gradient));
        let mut x_gradients = split_planes(x_gradient, shape.sites, count, |i| band_range(shape.sites, count, i));
        let pass = pass(shape, inputs, &work.places, &work.forward);
        let (transposed, outputs) = (&work.backward, [items(output), items(output_gradient)]);
        for_each_band(&mut x_gradients[..count], bands, |_, x_gradient, band| {
            pass.backward(transposed, outputs, band, x_gradient);
        });
        for (at, gradient) in others.iter_mut().enumerate() {
            let Some(gradient) = gradient else { continue };
            match at {
                0 | 1 => work.reduce(at, items_mut(gradient)),
                2 => {}
                _ => work.bands.iter().for_each(|band| add_assign(items_mut(gradient), &band.bias[at - 3])),
            }
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        let [channels, height, width] = planes(inputs[0]);
        let (hidden, outputs) = (inputs[1][0], inputs[2][0]);
        (2 * hidden * (channels + outputs) * height * width) as u64
    }
}

fn pass<'a, T: Real>(
    shape: Shape,
    inputs: &[&'a ArrayD<T>],
    places: &'a [Vec<usize>; 3],
    forward: &'a [Vec<T>; 2],
) -> Pass<'a, T> {
    let bias = |at: usize| inputs.get(at).map_or(&[][..], |bias| items(bias));
    let steps = Steps::new(items(inputs[3])[0]);
    Pass { shape, places, forward, x: items(inputs[0]), bias1: bias(4), bias2: bias(5), steps }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Noise, check_gradients, run};
    use super::super::{Conv, ConvKind};
    use super::*;

    fn inputs(size: [usize; 2], bias: bool, scale: f64) -> Vec<ArrayD<f64>> {
        let mut noise = Noise(size[1] as u64);
        let mut inputs = vec![
            noise.array(&[3, size[0], size[1]], -scale, scale),
            noise.array(&[7, 3, 1, 1], -1.0, 1.0),
            noise.array(&[5, 7, 1, 1], -1.0, 1.0),
            ArrayD::zeros(vec![1]),
        ];
        if bias {
            inputs.extend([noise.array(&[7], -1.0, 1.0), noise.array(&[5], -1.0, 1.0)]);
        }
        inputs
    }

    fn wanted(inputs: &[ArrayD<f64>]) -> Vec<bool> {
        (0..inputs.len()).map(|at| at != 3).collect()
    }

    #[test]
    fn gradients() {
        for size in [[1, 1], [3, 7], [9, 13]] {
            for bias in [false, true] {
                let inputs = inputs(size, bias, 4.0);
                check_gradients(&mut Hidden::new(), &inputs, &wanted(&inputs));
            }
        }
    }

    #[test]
    fn agrees_with_two_convolutions() {
        // Several bands and incomplete chunks.
        for bias in [false, true] {
            let inputs = inputs([79, 67], bias, 4.0);
            let projection = Noise(5).array(&[5, 79, 67], -1.0, 1.0);
            let (output, gradients) = run(&mut Hidden::new(), &inputs, &wanted(&inputs), &projection);
            let layer = |x: &ArrayD<f64>, at: usize| -> Vec<ArrayD<f64>> {
                let bias = inputs.get(3 + at).cloned();
                [x.clone(), inputs[at].clone(), inputs[3].clone()].into_iter().chain(bias).collect()
            };
            let (first, second) = (layer(&inputs[0], 1), |hidden: &ArrayD<f64>| layer(hidden, 2));
            let wanted: Vec<bool> = (0..first.len()).map(|at| at != 2).collect();
            let mut relu = Conv::new(ConvKind::Point, true, false);
            let zeros = ArrayD::zeros(vec![7, 79, 67]);
            let (hidden, _) = run(&mut relu, &first, &wanted, &zeros);
            let second = second(&hidden);
            let (expected, second) = run(&mut Conv::new(ConvKind::Point, false, false), &second, &wanted, &projection);
            let (_, first) = run(&mut relu, &first, &wanted, second[0].as_ref().unwrap());
            let pairs = [(0, &first[0]), (1, &first[1]), (2, &second[1])];
            let biases = [(4, first.get(3)), (5, second.get(3))];
            let biases = biases.into_iter().filter_map(|(at, expected)| Some((at, expected?)));
            assert!(output.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9));
            for (at, expected) in pairs.into_iter().chain(biases) {
                let (got, expected) = (gradients[at].as_ref().unwrap(), expected.as_ref().unwrap());
                assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-8), "input {at}");
            }
        }
    }

    #[test]
    fn any_number_of_threads() {
        let inputs = inputs([90, 71], true, 1.0);
        let projection = Noise(5).array(&[5, 90, 71], -1.0, 1.0);
        let results = [1, 2, 5].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(&mut Hidden::new(), &inputs, &wanted(&inputs), &projection))
        });
        assert_eq!(results[0], results[1]);
        assert_eq!(results[0], results[2]);
    }
}
