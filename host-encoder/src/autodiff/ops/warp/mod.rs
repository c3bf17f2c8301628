//! Motion-compensated prediction, SPEC section 8, "Prediction".

mod block;
mod overlap;

use ndarray::ArrayD;
use rayon::prelude::*;

use super::{items, items_mut, pass_clip, planes};
use crate::autodiff::kernels::{Arith, Job, dispatch};
use crate::autodiff::{Op, Real};
use block::{BlockTaps, Gather, Part, Scatter, Scratch};
use overlap::{Edge, Map, Mix, NEIGHBOURS, Weights};

/// Sites of a block's side.
const BLOCK: usize = 8;
/// Luma samples of it.
const SIDE: usize = 2 * BLOCK;

/// How samples between samples are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// From the nearest four.
    Bilinear,
    /// From the nearest sixteen, clipped to 0..=255.
    Cubic,
}

/// A picture predicted from another, block by block; near the edges of blocks the vectors on both sides of the edge count in luma.
///
/// Inputs: the previous picture `[6, LH, LW]` in code values, motion `[2, ceil(LH / 8), ceil(LW / 8)]` (vertical,
/// horizontal; whole quarters of luma samples), control `[1]`; only the first has a gradient. Output `[6, LH, LW]` in code
/// values. With control above 0 it is the decoder's, rounded and clipped wherever that is; the gradient passes all roundings. A clipped
/// sample passes only what pushes it back inside.
pub struct Warp<T> {
    interpolation: Interpolation,
    /// Luma as one plane: the reference, or its gradient.
    reference: Vec<T>,
    /// Luma as one plane: the prediction, or its gradient.
    prediction: Vec<T>,
    /// The prediction's gradient before the clip.
    open: Vec<T>,
}

/// What predictions are made with.
struct Way<'a, T> {
    reference: &'a [T],
    rounded: bool,
    scratch: &'a mut Scratch<T>,
}

/// A plane's extents, and its blocks.
#[derive(Clone, Copy)]
struct Plane<'a, T> {
    height: usize,
    width: usize,
    /// Eighths of a sample in a unit of motion.
    eighths: i32,
    interpolation: Interpolation,
    /// Of the vertical and of the horizontal motion.
    motion: [&'a [T]; 2],
    blocks_wide: usize,
}

impl<T: Real> Plane<'_, T> {
    /// In eighths of samples.
    fn vector(&self, by: usize, bx: usize) -> [i32; 2] {
        let at = by * self.blocks_wide + bx;
        self.motion.map(|motion| motion[at].to_f64().round() as i32 * self.eighths)
    }

    /// The vectors of a block and of those around it in the order of [`NEIGHBOURS`], rows first. Beyond the edge there is the block itself.
    fn vectors_around(&self, by: usize, bx: usize) -> [[i32; 2]; 9] {
        let rows = self.motion[0].len() / self.blocks_wide;
        let beside = |at: usize, side: isize, count: usize| at.checked_add_signed(side).filter(|&at| at < count);
        std::array::from_fn(|block| {
            let by = beside(by, NEIGHBOURS[block / 3], rows).unwrap_or(by);
            let bx = beside(bx, NEIGHBOURS[block % 3], self.blocks_wide).unwrap_or(bx);
            self.vector(by, bx)
        })
    }

    /// The whole of a block.
    fn whole<const B: usize>(&self, by: usize, bx: usize, [y, x]: [i32; 2]) -> Part<'static, T, B> {
        let (height, width) = (self.height, self.width);
        let taps = BlockTaps::new(y, x, self.interpolation);
        Part { taps, weights: None, rows: [0, B.min(height - by * B)], height, width, y: by * B, x: bx * B }
    }

    /// What the luma samples of a block are made of, one part for each vector that counts in it.
    fn mixed(&self, weights: &Weights<T>, by: usize, bx: usize, mut part: impl FnMut(Part<'_, T, SIDE>)) {
        let vectors = self.vectors_around(by, bx);
        if vectors.iter().all(|vector| *vector == vectors[0]) {
            return part(self.whole(by, bx, vectors[0]));
        }
        for (first, vector) in vectors.iter().enumerate() {
            if !vectors[..first].contains(vector) {
                let whole = self.whole(by, bx, *vector);
                let (weights, rows) = weights.of(|block| vectors[block] == *vector);
                part(Part { weights: Some(&weights), rows: rows.map(|row| row.min(whole.rows[1])), ..whole });
            }
        }
    }

    /// A block's luma as the vectors of one column of blocks make it, in order its own row of blocks, above and below.
    fn in_column(&self, [by, bx]: [usize; 2], vectors: [[i32; 2]; 3], way: &mut Way<'_, T>) -> Map<T> {
        let mut samples = [[T::ZERO; SIDE]; SIDE];
        let rounded = way.rounded;
        let mut gather = |vector: [i32; 2], [first, end]: [usize; 2], samples: &mut Map<T>| {
            let whole = self.whole(by, bx, vector);
            let part = Part { rows: [first.min(whole.rows[1]), end.min(whole.rows[1])], ..whole };
            dispatch(Gather { part, reference: way.reference, samples, rounded, scratch: way.scratch });
        };
        let [own, above, below] = vectors;
        gather(own, [0, SIDE], &mut samples);
        for (vector, edge) in [(above, Edge::Above), (below, Edge::Below)] {
            if vector != own {
                let mut beyond = [[T::ZERO; SIDE]; SIDE];
                gather(vector, edge.reach(), &mut beyond);
                dispatch(Mix { samples: &mut samples, beyond: &beyond, edge, rounded });
            }
        }
        samples
    }

    fn predict_luma(&self, reference: &[T], prediction: &mut [T], rounded: bool) {
        let rows = prediction.par_chunks_mut(SIDE * self.width).enumerate();
        rows.for_each(|(by, prediction)| {
            let way = &mut Way { reference, rounded, scratch: &mut Scratch::new() };
            for bx in 0..self.blocks_wide {
                let vectors = self.vectors_around(by, bx);
                let column = |at: usize| [vectors[at], vectors[3 + at], vectors[6 + at]];
                let mut samples = self.in_column([by, bx], column(0), way);
                for (at, edge) in [(1, Edge::Left), (2, Edge::Right)] {
                    if column(at) != column(0) {
                        let beyond = self.in_column([by, bx], column(at), way);
                        dispatch(Mix { samples: &mut samples, beyond: &beyond, edge, rounded });
                    }
                }
                self.put(&samples, bx, prediction);
            }
        });
    }

    fn predict_chroma(&self, reference: &[T], prediction: &mut [T], rounded: bool) {
        let rows = prediction.par_chunks_mut(BLOCK * self.width).enumerate();
        rows.for_each(|(by, prediction)| {
            let (scratch, samples) = (&mut Scratch::new(), &mut [[T::ZERO; BLOCK]; BLOCK]);
            for bx in 0..self.blocks_wide {
                let part = self.whole(by, bx, self.vector(by, bx));
                dispatch(Gather { part, reference, samples, rounded, scratch });
                self.put(samples, bx, prediction);
            }
        });
    }

    /// Puts a block where it belongs in its row of blocks, as far as that reaches.
    fn put<const B: usize>(&self, samples: &[[T; B]; B], bx: usize, prediction: &mut [T]) {
        let columns = B.min(self.width - bx * B);
        for (row, samples) in prediction.chunks_exact_mut(self.width).zip(samples) {
            row[bx * B..][..columns].copy_from_slice(&samples[..columns]);
        }
    }

    fn scatter_luma(&self, prediction_gradient: &[T], gradient: &mut [T]) {
        let (weights, scratch) = (Weights::new(), &mut Scratch::new());
        for (by, rows) in prediction_gradient.chunks(SIDE * self.width).enumerate() {
            for bx in 0..self.blocks_wide {
                self.mixed(&weights, by, bx, |part| dispatch(Scatter { part, rows, gradient, scratch }));
            }
        }
    }

    fn scatter_chroma(&self, prediction_gradient: &[T], gradient: &mut [T]) {
        let scratch = &mut Scratch::new();
        for (by, rows) in prediction_gradient.chunks(BLOCK * self.width).enumerate() {
            for bx in 0..self.blocks_wide {
                let part = self.whole::<BLOCK>(by, bx, self.vector(by, bx));
                dispatch(Scatter { part, rows, gradient, scratch });
            }
        }
    }
}

impl<T: Real> Warp<T> {
    /// Prediction with one of the filters.
    pub fn new(interpolation: Interpolation) -> Self {
        Self { interpolation, reference: Vec::new(), prediction: Vec::new(), open: Vec::new() }
    }

    /// The luma plane and a chroma plane.
    fn planes<'a>(&self, picture: &[usize], motion: &'a ArrayD<T>) -> [Plane<'a, T>; 2] {
        let [_, height, width] = planes(picture);
        let (vertical, horizontal) = items(motion).split_at(motion.len() / 2);
        [2, 1].map(|scale| Plane {
            height: scale * height,
            width: scale * width,
            eighths: scale as i32,
            interpolation: self.interpolation,
            motion: [vertical, horizontal],
            blocks_wide: width.div_ceil(BLOCK),
        })
    }
}

struct Clip<'a, T> {
    picture: &'a mut [T],
}

impl<T: Real> Job for Clip<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        self.picture.iter_mut().for_each(|y| *y = y.max(T::ZERO).min(T::of(255.0)));
    }
}

/// The way back through [`Clip`].
struct Open<'a, T> {
    open: &'a mut [T],
    picture: &'a [T],
    gradient: &'a [T],
}

impl<T: Real> Job for Open<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        for ((open, &y), &g) in self.open.iter_mut().zip(self.picture).zip(self.gradient) {
            *open = pass_clip(y, g);
        }
    }
}

/// Makes one luma plane of four channels of `width` columns.
fn interleave<T: Real>(channels: &[T], luma: &mut [T], width: usize) {
    let sites = luma.len() / 4;
    for (r, row) in luma.chunks_exact_mut(2 * width).enumerate() {
        let at = r % 2 * 2 * sites + r / 2 * width;
        let (even, odd) = (&channels[at..][..width], &channels[at + sites..][..width]);
        for ((pair, &even), &odd) in row.as_chunks_mut::<2>().0.iter_mut().zip(even).zip(odd) {
            *pair = [even, odd];
        }
    }
}

/// Hands the samples of a luma plane to those of its four channels.
fn deinterleave<T: Real>(luma: &[T], channels: &mut [T], width: usize, put: impl Fn(&mut T, T)) {
    let sites = luma.len() / 4;
    for (r, row) in luma.chunks_exact(2 * width).enumerate() {
        let (evens, odds) = channels[r % 2 * 2 * sites..][..2 * sites].split_at_mut(sites);
        let at = r / 2 * width;
        let columns = evens[at..][..width].iter_mut().zip(&mut odds[at..][..width]);
        for ((even, odd), &pair) in columns.zip(row.as_chunks::<2>().0) {
            put(even, pair[0]);
            put(odd, pair[1]);
        }
    }
}

impl<T: Real> Op<T> for Warp<T> {
    fn name(&self) -> &'static str {
        "warp"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 3, "previous picture, motion and control");
        let [channels, height, width] = planes(inputs[0]);
        assert_eq!(channels, 6, "a lattice has 6 channels");
        assert_eq!(inputs[1], [2, height.div_ceil(BLOCK), width.div_ceil(BLOCK)], "two channels of blocks");
        assert_eq!(inputs[2], [1], "one control");
        inputs[0].to_vec()
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let [_, height, width] = planes(inputs[0].shape());
        let sites = height * width;
        let [luma, chroma] = self.planes(inputs[0].shape(), inputs[1]);
        let (previous, output) = (items(inputs[0]), items_mut(output));
        self.reference.resize(4 * sites, T::ZERO);
        self.prediction.resize(4 * sites, T::ZERO);
        interleave(&previous[..4 * sites], &mut self.reference, width);
        let rounded = items(inputs[2])[0] > T::ZERO;
        luma.predict_luma(&self.reference, &mut self.prediction, rounded);
        deinterleave(&self.prediction, &mut output[..4 * sites], width, |y, sample| *y = sample);
        for c in 4..6 {
            chroma.predict_chroma(&previous[c * sites..][..sites], &mut output[c * sites..][..sites], rounded);
        }
        if !rounded && self.interpolation == Interpolation::Cubic {
            dispatch(Clip { picture: output });
        }
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let Some(gradient) = &mut gradients[0] else {
            return;
        };
        let [_, height, width] = planes(inputs[0].shape());
        let sites = height * width;
        let [luma, chroma] = self.planes(inputs[0].shape(), inputs[1]);
        let (output, g) = (items(output), items(output_gradient));
        let clipped = self.interpolation == Interpolation::Cubic;
        let g = if clipped {
            self.open.resize(g.len(), T::ZERO);
            dispatch(Open { open: &mut self.open, picture: output, gradient: g });
            &self.open[..]
        } else {
            g
        };
        let (luma_gradient, chroma_gradient) = g.split_at(4 * sites);
        let (first, last) = items_mut(gradient).split_at_mut(4 * sites);
        let (reference, prediction) = (&mut self.reference, &mut self.prediction);
        rayon::join(
            || {
                interleave(luma_gradient, prediction, width);
                reference.fill(T::ZERO);
                luma.scatter_luma(prediction, reference);
                deinterleave(reference, first, width, |x, g| *x += g);
            },
            || {
                for (gradient, target) in chroma_gradient.chunks_exact(sites).zip(last.chunks_exact_mut(sites)) {
                    chroma.scatter_chroma(gradient, target);
                }
            },
        );
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        // Two passes of four taps; the first one on three rows more.
        18 * inputs[0].iter().product::<usize>() as u64
    }

    fn backward_flops(&self, inputs: &[&[usize]]) -> u64 {
        // Only the picture has a gradient.
        <Self as Op<T>>::forward_flops(self, inputs)
    }
}

#[cfg(test)]
mod tests;
