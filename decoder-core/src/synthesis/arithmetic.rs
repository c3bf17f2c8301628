//! What the synthesis computes with. The graph is written once over this trait: in integers it is the codec, in floats it is
//! the twin that conformance tests compare with.

use crate::fixed::clip8;
use crate::wire::{LayerKind, SITE};

/// One row of a layer to compute.
#[derive(Clone, Copy, Debug)]
pub struct LayerRow<'a, T> {
    /// Its shape.
    pub kind: LayerKind,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Whether negative outputs become 0.
    pub relu: bool,
    /// Whether the input is added to the output.
    pub residual: bool,
    /// Fraction bits of the weights, 1..=15.
    pub shift: u32,
    /// `[output][ky][kx][input]`; depthwise `[output][ky][kx]`.
    pub weights: &'a [i16],
    /// `[output]`, what the sums begin with; empty for zeros.
    pub starts: &'a [i32],
    /// The rows above, at and below, channels interleaved, one site of padding at both ends.
    pub rows: [&'a [T]; 3],
}

impl<T> LayerRow<'_, T> {
    /// Input and output channels. They are never 0; the bound tells the compiler, so that no division by them can panic.
    #[inline(always)]
    fn channels(&self) -> [usize; 2] {
        [self.inputs.max(1), self.outputs.max(1)]
    }
}

/// A kind of arithmetic.
pub trait Arithmetic {
    /// An activation. All-zero bytes are zero.
    type Activation: bytemuck::Pod;
    /// The running sum of a convolution.
    type Sum: Copy;

    /// A latent as an activation: `m` frames after `before`, of `2^log2` to `after`. With `log2 = 0`, `after`.
    fn latent(gain: u16, before: i8, after: i8, m: u32, log2: u32) -> Self::Activation;

    /// A predicted sample as an activation.
    fn sample(prediction: u8) -> Self::Activation;

    /// Half of upsampling: weights 3 and 1 of the nearer and the farther row.
    fn column(near: Self::Activation, far: Self::Activation) -> Self::Sum;

    /// The other half: weights 3 and 1 of the nearer and the farther column, of 16 in all.
    fn upsample(near: Self::Sum, far: Self::Sum) -> Self::Activation;

    /// What a sum begins with, in units of the integer one.
    fn start(start: i32) -> Self::Sum;

    /// Adds a product.
    fn multiply_add(sum: Self::Sum, activation: Self::Activation, weight: i16) -> Self::Sum;

    /// What becomes of a sum.
    fn finish(sum: Self::Sum, shift: u32, residual: Option<Self::Activation>, relu: bool) -> Self::Activation;

    /// A residual in code values.
    fn code_value(activation: Self::Activation) -> i32;

    /// Whether the residual of a site changes any of its samples.
    fn is_seen(residual: &[Self::Activation; SITE]) -> bool {
        residual.iter().any(|&activation| Self::code_value(activation) != 0)
    }

    /// Upsamples sites of `inputs` channels by two into the first channels of `outputs`. The rows, the nearer first, begin a site
    /// before that of the first two sites of `out`.
    ///
    /// [`portable_upsample`] is the definition; a faster one must give the same.
    fn upsample_row(rows: [&[Self::Activation]; 2], inputs: usize, outputs: usize, out: &mut [Self::Activation]) {
        portable_upsample::<Self>(rows, inputs, outputs, out);
    }

    /// Adds the residuals of sites, 6 a site, to their samples: two luma rows, Cb and Cr.
    ///
    /// [`portable_add_residual`] is the definition; a faster one must give the same.
    fn add_residual(residual: &[Self::Activation], samples: [&mut [u8]; 4]) {
        portable_add_residual::<Self>(residual, samples);
    }

    /// Computes a row of a layer into `out`, `outputs` channels interleaved, no padding.
    ///
    /// [`portable_row`] is the definition; a faster one must give the same.
    fn layer_row(layer: &LayerRow<'_, Self::Activation>, out: &mut [Self::Activation]) {
        portable_row::<Self>(layer, out);
    }
}

/// What [`Arithmetic::upsample_row`] computes.
pub fn portable_upsample<A: Arithmetic + ?Sized>(
    rows: [&[A::Activation]; 2],
    inputs: usize,
    outputs: usize,
    out: &mut [A::Activation],
) {
    let mut channel = 0;
    while channel < inputs {
        let rows = rows.map(|row| row.get(channel..).unwrap_or_default());
        let out = out.get_mut(channel..).unwrap_or_default();
        channel += match inputs - channel {
            4.. => upsample_channels::<A, 4>(rows, inputs, outputs, out),
            _ => upsample_channels::<A, 1>(rows, inputs, outputs, out),
        };
    }
}

/// The same, one channel after the other, for what a kernel leaves.
#[cold]
#[inline(never)]
pub(super) fn upsample_singly<A: Arithmetic + ?Sized>(
    rows: [&[A::Activation]; 2],
    inputs: usize,
    outputs: usize,
    out: &mut [A::Activation],
) {
    for channel in 0..inputs {
        let rows = rows.map(|row| row.get(channel..).unwrap_or_default());
        upsample_channels::<A, 1>(rows, inputs, outputs, out.get_mut(channel..).unwrap_or_default());
    }
}

/// Upsamples the first `COUNT` channels; their number.
fn upsample_channels<A: Arithmetic + ?Sized, const COUNT: usize>(
    [near, far]: [&[A::Activation]; 2],
    inputs: usize,
    outputs: usize,
    out: &mut [A::Activation],
) -> usize {
    let zeros = [A::start(0); COUNT];
    let mut columns = near.chunks(inputs.max(1)).zip(far.chunks(inputs.max(1))).map(|(near, far)| {
        let mut column = zeros;
        if let (Some(near), Some(far)) = (near.first_chunk::<COUNT>(), far.first_chunk::<COUNT>()) {
            column.iter_mut().zip(near.iter().zip(far)).for_each(|(sum, (&near, &far))| *sum = A::column(near, far));
        }
        column
    });
    let mut before = columns.next().unwrap_or(zeros);
    let mut own = columns.next().unwrap_or(zeros);
    let mut sites = out.chunks_mut(outputs.max(1));
    while let Some(left) = sites.next() {
        let after = columns.next().unwrap_or(own);
        for (site, beside) in [(left, &before), (sites.next().unwrap_or_default(), &after)] {
            if let Some(site) = site.first_chunk_mut::<COUNT>() {
                let sums = own.iter().zip(beside);
                site.iter_mut().zip(sums).for_each(|(site, (&own, &beside))| *site = A::upsample(own, beside));
            }
        }
        (before, own) = (own, after);
    }
    COUNT
}

/// What [`Arithmetic::add_residual`] computes.
pub fn portable_add_residual<A: Arithmetic + ?Sized>(residual: &[A::Activation], samples: [&mut [u8]; 4]) {
    let [above, below, u, v] = samples;
    let luma = above.as_chunks_mut::<2>().0.iter_mut().zip(below.as_chunks_mut::<2>().0);
    let sites = luma.zip(u.iter_mut().zip(v)).zip(residual.as_chunks::<SITE>().0);
    for (((above, below), (u, v)), residual) in sites {
        let samples = above.iter_mut().chain(below).chain([u, v]);
        for (sample, &residual) in samples.zip(residual) {
            *sample = clip8(i32::from(*sample) + A::code_value(residual));
        }
    }
}

/// What [`Arithmetic::layer_row`] computes.
pub fn portable_row<A: Arithmetic + ?Sized>(layer: &LayerRow<'_, A::Activation>, out: &mut [A::Activation]) {
    match layer.kind {
        LayerKind::Point => point_row::<A>(layer, out),
        LayerKind::Full => full_row::<A>(layer, out),
        LayerKind::Depthwise => depthwise_row::<A>(layer, out),
    }
}

/// What the sum of output `o` begins with.
fn start<A: Arithmetic + ?Sized>(layer: &LayerRow<'_, A::Activation>, o: usize) -> A::Sum {
    A::start(layer.starts.get(o).copied().unwrap_or(0))
}

/// Sum of products of two runs.
#[inline(always)]
fn dot<A: Arithmetic + ?Sized>(sum: A::Sum, activations: &[A::Activation], weights: &[i16]) -> A::Sum {
    activations.iter().zip(weights).fold(sum, |sum, (&x, &w)| A::multiply_add(sum, x, w))
}

fn point_row<A: Arithmetic + ?Sized>(layer: &LayerRow<'_, A::Activation>, out: &mut [A::Activation]) {
    let [n, outputs] = layer.channels();
    let inputs = layer.rows[1].get(n..).unwrap_or_default();
    for (site, out) in inputs.chunks_exact(n).zip(out.chunks_exact_mut(outputs)) {
        for (o, (out, weights)) in out.iter_mut().zip(layer.weights.chunks_exact(n)).enumerate() {
            let sum = dot::<A>(start::<A>(layer, o), site, weights);
            let residual = if layer.residual { site.get(o).copied() } else { None };
            *out = A::finish(sum, layer.shift, residual, layer.relu);
        }
    }
}

fn full_row<A: Arithmetic + ?Sized>(layer: &LayerRow<'_, A::Activation>, out: &mut [A::Activation]) {
    let [n, outputs] = layer.channels();
    for (x, out) in out.chunks_exact_mut(outputs).enumerate() {
        // The three taps of a row lie side by side.
        let taps = layer.rows.map(|row| row.get(x * n..(x + 3) * n).unwrap_or_default());
        for (o, (out, weights)) in out.iter_mut().zip(layer.weights.chunks_exact((9 * n).max(1))).enumerate() {
            let sum = start::<A>(layer, o);
            let sum = taps
                .iter()
                .zip(weights.chunks_exact((3 * n).max(1)))
                .fold(sum, |sum, (taps, weights)| dot::<A>(sum, taps, weights));
            let residual = if layer.residual { taps[1].get(n + o).copied() } else { None };
            *out = A::finish(sum, layer.shift, residual, layer.relu);
        }
    }
}

fn depthwise_row<A: Arithmetic + ?Sized>(layer: &LayerRow<'_, A::Activation>, out: &mut [A::Activation]) {
    let [n, outputs] = layer.channels();
    for (x, out) in out.chunks_exact_mut(outputs).enumerate() {
        let taps = layer.rows.map(|row| row.get(x * n..(x + 3) * n).unwrap_or_default());
        for (o, (out, weights)) in out.iter_mut().zip(layer.weights.chunks_exact(9)).enumerate() {
            let mut sum = start::<A>(layer, o);
            for (taps, weights) in taps.iter().zip(weights.chunks_exact(3)) {
                for (&x, &w) in taps.iter().skip(o).step_by(n).zip(weights) {
                    sum = A::multiply_add(sum, x, w);
                }
            }
            let residual = if layer.residual { taps[1].get(n + o).copied() } else { None };
            *out = A::finish(sum, layer.shift, residual, layer.relu);
        }
    }
}
