//! Convolutions of a synthesis stage, SPEC section 8.

mod point;
#[cfg(test)]
mod tests;
mod window;

use ndarray::ArrayD;

use super::{items, items_mut, planes};
use crate::autodiff::kernels::{
    LANES, MAX_CHANNELS, Steps, add_assign, band_count, band_range, for_each_band, pack, split_planes,
};
use crate::autodiff::{Op, Real};

/// Largest magnitude of an activation; 1.0 is 64 code values. The format's activations are Q3.12 in 16 bits.
pub const ACTIVATION_LIMIT: f64 = 8.0;

/// Which inputs an output depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvKind {
    /// 1x1; weights `[Co, Ci, 1, 1]`.
    Point,
    /// 3x3; weights `[Co, Ci, 3, 3]`.
    Full,
    /// 3x3, one filter a channel; weights `[C, 1, 3, 3]`.
    Depthwise,
}

/// `y = clamp(w * x + bias (+ x if residual), low, 8)` with `low` 0 after a ReLU, else -8, and replicated edges.
///
/// Inputs: `x [Ci, H, W]`, `w` (see [`ConvKind`]), control `[1]`, without gradient, and optionally `bias [Co]`; output `[Co, H, W]`.
/// With control above 0 sums are rounded as the decoder does ([`Steps`]). Beyond the limits the gradient is 0. Results do not depend on the number of threads.
pub struct Conv<T> {
    kind: ConvKind,
    relu: bool,
    residual: bool,
    work: Option<Work<T>>,
}

/// Extents that everything is derived from. A depthwise convolution is `channels` groups of one input and one output,
/// any other a single group.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    groups: usize,
    inputs: usize,
    outputs: usize,
    taps: usize,
    height: usize,
    width: usize,
}

impl Shape {
    fn sites(&self) -> usize {
        self.height * self.width
    }

    /// Weights of a group.
    fn weights(&self) -> usize {
        self.inputs * self.outputs * self.taps
    }
}

/// Memory that is kept from step to step.
struct Work<T> {
    shape: Shape,
    /// Forward weights of all groups, as the row kernel wants them.
    packed: Vec<T>,
    /// Transposed and flipped, for the gradient of `x`.
    flipped: Vec<T>,
    layout: Layout,
    bands: Vec<Band<T>>,
}

/// Where the taps are.
struct Layout {
    /// Of a group's inputs.
    inputs: Vec<usize>,
    /// Of a group's output gradients.
    gradients: Vec<usize>,
    /// Rows of the largest band, or sites for [`ConvKind::Point`].
    longest: usize,
    /// From one row of the padded copies to the next.
    stride: usize,
}

/// What a thread works on: a range of rows, or of sites for [`ConvKind::Point`].
struct Band<T> {
    range: std::ops::Range<usize>,
    /// Partial sums of the weights' gradient: of each group `[input, ky, kx][output]`.
    sums: Vec<[T; LANES]>,
    /// The biases' gradient.
    bias: Vec<T>,
}

impl<T: Real> Conv<T> {
    /// A convolution; `residual` adds the inputs to the outputs before the ReLU.
    pub fn new(kind: ConvKind, relu: bool, residual: bool) -> Self {
        Self { kind, relu, residual, work: None }
    }

    fn shape(&self, x: &[usize], w: &[usize]) -> Shape {
        let [channels, height, width] = planes(x);
        let w: [usize; 4] = w.try_into().expect("weights have four extents");
        let (groups, size) = match self.kind {
            ConvKind::Point => (1, 1),
            ConvKind::Full => (1, 3),
            ConvKind::Depthwise => (channels, 3),
        };
        let outputs = w[0] / groups;
        let shape = Shape { groups, inputs: channels / groups, outputs, taps: size * size, height, width };
        assert_eq!(w, [groups * outputs, shape.inputs, size, size], "{:?} weights for {channels} channels", self.kind);
        assert!(channels.max(w[0]) <= MAX_CHANNELS, "at most {MAX_CHANNELS} channels");
        assert!(!self.residual || shape.inputs == shape.outputs, "a residual layer keeps the number of channels");
        assert!(self.kind != ConvKind::Depthwise || outputs == 1, "a depthwise layer has one filter a channel");
        assert!(height > 0 && width > 0 && outputs > 0, "empty convolution");
        shape
    }

    /// Lower and upper limit of the outputs.
    fn limits(&self) -> (T, T) {
        (if self.relu { T::ZERO } else { T::of(-ACTIVATION_LIMIT) }, T::of(ACTIVATION_LIMIT))
    }
}

impl<T: Real> Work<T> {
    fn new(shape: Shape) -> Self {
        let count = band_count(shape.sites());
        // 1x1: the sites are one long row.
        let units = if shape.taps == 1 { shape.sites() } else { shape.height };
        let ranges: Vec<_> = (0..count).map(|i| band_range(units, count, i)).collect();
        let longest = ranges.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let layout = if shape.taps == 1 { point::layout(&shape) } else { window::layout(&shape, longest) };
        let bands = ranges.into_iter().map(|range| Band {
            range,
            sums: vec![[T::ZERO; LANES]; shape.groups * shape.weights()],
            bias: vec![T::ZERO; shape.groups * shape.outputs],
        });
        let bands = bands.collect();
        let weights = vec![T::ZERO; shape.groups * shape.weights()];
        Self { shape, packed: weights.clone(), flipped: weights, layout, bands }
    }

    /// The residual path is a weight of one more at the centre of each channel's own filter.
    fn pack(&mut self, weights: &[T], residual: bool) {
        let Shape { groups, inputs, outputs, taps, .. } = self.shape;
        let len = self.shape.weights();
        for g in 0..groups {
            let w = &weights[g * len..][..len];
            pack(inputs * taps, outputs, &mut self.packed[g * len..][..len], |k, o| {
                let own = residual && k == o * taps + taps / 2;
                w[o * inputs * taps + k] + if own { T::ONE } else { T::ZERO }
            });
        }
    }

    fn pack_flipped(&mut self, weights: &[T], residual: bool) {
        let Shape { groups, inputs, outputs, taps, .. } = self.shape;
        let len = self.shape.weights();
        for g in 0..groups {
            let w = &weights[g * len..][..len];
            pack(outputs * taps, inputs, &mut self.flipped[g * len..][..len], |k, i| {
                let own = residual && k == i * taps + taps / 2;
                let flipped = (k / taps * inputs + i) * taps + taps - 1 - k % taps;
                w[flipped] + if own { T::ONE } else { T::ZERO }
            });
        }
    }

    /// Elements of a plane that a band covers.
    fn extent(&self, index: usize) -> std::ops::Range<usize> {
        let Band { range, .. } = &self.bands[index];
        let unit = if self.shape.taps == 1 { 1 } else { self.shape.width };
        range.start * unit..range.end * unit
    }

    /// Adds the bands' partial sums, in order.
    fn reduce(&self, weights: &mut [T]) {
        let Shape { groups, inputs, outputs, taps, .. } = self.shape;
        for g in 0..groups {
            for o in 0..outputs {
                for k in 0..inputs * taps {
                    let at = g * self.shape.weights() + k * outputs + o;
                    let sum: T = self.bands.iter().map(|band| band.sums[at].iter().copied().sum()).sum();
                    weights[(g * outputs + o) * inputs * taps + k] += sum;
                }
            }
        }
    }
}

impl<T: Real> Op<T> for Conv<T> {
    fn name(&self) -> &'static str {
        match self.kind {
            ConvKind::Point => "conv point",
            ConvKind::Full => "conv full",
            ConvKind::Depthwise => "conv depthwise",
        }
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert!(matches!(inputs.len(), 3 | 4), "x, weights, control and perhaps biases");
        let shape = self.shape(inputs[0], inputs[1]);
        let channels = shape.groups * shape.outputs;
        assert_eq!(inputs[2], [1], "one control");
        assert!(inputs.get(3).is_none_or(|bias| *bias == [channels]), "one bias for each of {channels} outputs");
        vec![channels, shape.height, shape.width]
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let shape = self.shape(inputs[0].shape(), inputs[1].shape());
        if self.work.as_ref().is_none_or(|work| work.shape != shape) {
            self.work = Some(Work::new(shape));
        }
        let limits = self.limits();
        let bias = inputs.get(3).map_or(&[][..], |bias| items(bias));
        let steps = Steps::new(items(inputs[2])[0]);
        let work = self.work.as_mut().expect("just made");
        work.pack(items(inputs[1]), self.residual);
        let count = work.bands.len();
        let mut outputs = split_planes(items_mut(output), shape.sites(), count, |i| work.extent(i));
        let x = items(inputs[0]);
        let (layout, packed) = (&work.layout, &work.packed[..]);
        for_each_band(&mut outputs[..count], &mut work.bands, |_, outputs, band| {
            let pass = Forward { shape, layout, x, packed, bias, steps, limits };
            if shape.taps == 1 { point::forward(&pass, band, outputs) } else { window::forward(&pass, band, outputs) }
        });
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let limits = self.limits();
        let (first, others) = gradients.split_first_mut().expect("x is an input");
        let (weights, biases) = others.split_first_mut().expect("the weights are an input");
        let work = self.work.as_mut().expect("forward comes first");
        if first.is_some() {
            work.pack_flipped(items(inputs[1]), self.residual);
        }
        let (shape, count) = (work.shape, work.bands.len());
        let (wants_x, wants_weights) = (first.is_some(), weights.is_some());
        let wants_bias = biases.get(1).is_some_and(Option::is_some);
        let x_gradient = first.as_mut().map_or(&mut [][..], |gradient| items_mut(gradient));
        let mut x_gradients = split_planes(x_gradient, shape.sites(), count, |i| work.extent(i));
        let (layout, flipped) = (&work.layout, &work.flipped[..]);
        let (y, y_gradient, x) = (items(output), items(output_gradient), items(inputs[0]));
        for_each_band(&mut x_gradients[..count], &mut work.bands, |_, x_gradient, band| {
            band.sums.fill([T::ZERO; LANES]);
            band.bias.fill(T::ZERO);
            let wants = [wants_x, wants_weights, wants_bias];
            let pass = Backward { shape, layout, x, y, y_gradient, flipped, limits, wants };
            if shape.taps == 1 {
                point::backward(&pass, band, x_gradient);
            } else {
                window::backward(&pass, band, x_gradient);
            }
        });
        if let Some(gradient) = weights {
            work.reduce(items_mut(gradient));
        }
        if let Some(Some(gradient)) = biases.get_mut(1) {
            for band in &work.bands {
                add_assign(items_mut(gradient), &band.bias);
            }
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        let shape = self.shape(inputs[0], inputs[1]);
        (2 * shape.groups * shape.weights() * shape.sites()) as u64
    }
}

/// What the bands of a forward pass share.
struct Forward<'a, T> {
    shape: Shape,
    layout: &'a Layout,
    x: &'a [T],
    packed: &'a [T],
    bias: &'a [T],
    steps: Steps<T>,
    limits: (T, T),
}

/// What the bands of a backward pass share. `wants` tells whether `x`, the weights and the biases want gradients.
struct Backward<'a, T> {
    shape: Shape,
    layout: &'a Layout,
    x: &'a [T],
    y: &'a [T],
    y_gradient: &'a [T],
    flipped: &'a [T],
    limits: (T, T),
    wants: [bool; 3],
}
