//! Motion-compensated prediction, SPEC section 8, "Prediction".

mod block;
mod overlap;

use ndarray::ArrayD;
use rayon::prelude::*;

use super::{items, items_mut, pass_clip, planes};
use crate::autodiff::kernels::{Arith, Job, dispatch};
use crate::autodiff::{Op, Real};
use block::{Filters, Part, Scratch, filters};
use overlap::{Edge, HALF, NEIGHBOURS};

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
    filters: Filters<T>,
    /// Motion of each block.
    vectors: Vec<[i32; 2]>,
    /// Luma as one plane: the reference, or its gradient.
    reference: Vec<T>,
    /// Luma as one plane: the prediction, or its gradient.
    prediction: Vec<T>,
    /// The prediction's gradient before the clip.
    open: Vec<T>,
}

/// A plane's extents, and its blocks.
#[derive(Clone, Copy)]
struct Plane<'a, T> {
    height: usize,
    width: usize,
    /// Eighths of a sample in a unit of motion.
    eighths: i32,
    filters: &'a Filters<T>,
    vectors: &'a [[i32; 2]],
    blocks_wide: usize,
}

/// The places of those before and behind in [`NEIGHBOURS`], and the edges to them.
const EDGES: [(usize, Edge); 2] = [(1, Edge::Before), (2, Edge::Behind)];

impl<T: Real> Plane<'_, T> {
    /// In eighths of samples.
    #[inline(always)]
    fn vector(&self, by: usize, bx: usize) -> [i32; 2] {
        self.vectors[by * self.blocks_wide + bx].map(|vector| vector * self.eighths)
    }

    /// The vectors of a block and of those around it in the order of [`NEIGHBOURS`], columns first. Beyond the edge there is the block itself.
    #[inline(always)]
    fn vectors_around(&self, by: usize, bx: usize) -> [[[i32; 2]; 3]; 3] {
        let rows = self.vectors.len() / self.blocks_wide;
        let beside = |at: usize, side: isize, count: usize| at.checked_add_signed(side).filter(|&at| at < count);
        let rows = NEIGHBOURS.map(|side| beside(by, side, rows).unwrap_or(by));
        let columns = NEIGHBOURS.map(|side| beside(bx, side, self.blocks_wide).unwrap_or(bx));
        columns.map(|bx| rows.map(|by| self.vector(by, bx)))
    }

    /// All blocks with sides of so many samples, each with the samples of its row of blocks.
    #[inline(always)]
    fn blocks<'s>(&self, samples: &'s [T], side: usize) -> impl Iterator<Item = (&'s [T], [usize; 2])> + use<'s, T> {
        let blocks_wide = self.blocks_wide;
        let rows = samples.chunks(side * self.width).enumerate();
        rows.flat_map(move |(by, rows)| (0..blocks_wide).map(move |bx| (rows, [by, bx])))
    }

    /// Rows of a block at `(y, x)`, or what of them is inside the plane.
    #[inline(always)]
    fn part(&self, [y, x]: [usize; 2], vector: [i32; 2], rows: [usize; 2]) -> Part<'_, T> {
        let Self { height, width, filters, .. } = *self;
        Part { vector, filters, rows: rows.map(|row| row.min(height - y)), height, width, y, x }
    }
}

/// Predicts a row of blocks whose sides have `B` samples: of luma, or of chroma.
struct Predict<'a, T, const B: usize> {
    plane: &'a Plane<'a, T>,
    reference: &'a [T],
    prediction: &'a mut [T],
    by: usize,
    rounded: bool,
    scratch: Scratch<T>,
}

impl<T: Real> Predict<'_, T, SIDE> {
    /// Columns of a block as the vectors of one column of blocks make them, in order its own row of blocks, above and below.
    #[inline(always)]
    fn in_column<A: Arith, const B: usize>(&mut self, at: [usize; 2], vectors: [[i32; 2]; 3]) -> [[T; B]; SIDE] {
        let mut samples = [[T::ZERO; B]; SIDE];
        self.plane.part(at, vectors[0], [0, SIDE]).gather::<A, B>(
            self.reference,
            &mut samples,
            self.rounded,
            &mut self.scratch,
        );
        for (other, edge) in EDGES {
            if vectors[other] != vectors[0] {
                let mut beyond = [[T::ZERO; B]; SIDE];
                let part = self.plane.part(at, vectors[other], edge.rows());
                part.gather::<A, B>(self.reference, &mut beyond, self.rounded, &mut self.scratch);
                edge.mix_rows::<T, A, B>(&mut samples, &beyond, self.rounded);
            }
        }
        samples
    }
}

impl<T: Real> Job for Predict<'_, T, SIDE> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(mut self) {
        for bx in 0..self.plane.blocks_wide {
            let [y, x] = [self.by * SIDE, bx * SIDE];
            let columns = self.plane.vectors_around(self.by, bx);
            let mut samples = self.in_column::<A, SIDE>([y, x], columns[0]);
            for (other, edge) in EDGES {
                if columns[other] != columns[0] {
                    let beyond = self.in_column::<A, HALF>([y, x + edge.column()], columns[other]);
                    edge.mix_columns::<T, A>(&mut samples, &beyond, self.rounded);
                }
            }
            put(&samples, x, self.plane.width, self.prediction);
        }
    }
}

impl<T: Real> Job for Predict<'_, T, BLOCK> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(mut self) {
        let mut samples = [[T::ZERO; BLOCK]; BLOCK];
        for bx in 0..self.plane.blocks_wide {
            let [y, x] = [self.by * BLOCK, bx * BLOCK];
            let part = self.plane.part([y, x], self.plane.vector(self.by, bx), [0, BLOCK]);
            part.gather::<A, BLOCK>(self.reference, &mut samples, self.rounded, &mut self.scratch);
            put(&samples, x, self.plane.width, self.prediction);
        }
    }
}

/// Puts a block where it belongs in its row of blocks, as far as that reaches.
#[inline(always)]
fn put<T: Copy, const B: usize>(samples: &[[T; B]; B], x: usize, width: usize, prediction: &mut [T]) {
    for (row, samples) in prediction.chunks_exact_mut(width).zip(samples) {
        match row[x..].first_chunk_mut::<B>() {
            Some(row) => *row = *samples,
            None => row[x..].copy_from_slice(&samples[..width - x]),
        }
    }
}

/// The gradients of a block in its row of blocks; zeros where it is outside of the plane.
#[inline(always)]
fn take<T: Real, const B: usize>(rows: &[T], x: usize, width: usize) -> [[T; B]; B] {
    let mut samples = [[T::ZERO; B]; B];
    for (samples, row) in samples.iter_mut().zip(rows.chunks_exact(width)) {
        match row[x..].first_chunk::<B>() {
            Some(row) => *samples = *row,
            None => samples[..width - x].copy_from_slice(&row[x..]),
        }
    }
    samples
}

/// The way back through [`Predict`] of all rows of blocks, without roundings.
struct Back<'a, T, const B: usize> {
    plane: &'a Plane<'a, T>,
    prediction_gradient: &'a [T],
    gradient: &'a mut [T],
    scratch: Scratch<T>,
}

impl<T: Real> Back<'_, T, SIDE> {
    /// The way back through [`Predict::in_column`].
    #[inline(always)]
    fn in_column<A: Arith, const B: usize>(
        &mut self,
        at: [usize; 2],
        vectors: [[i32; 2]; 3],
        mut samples: [[T; B]; SIDE],
    ) {
        for (other, edge) in EDGES {
            if vectors[other] != vectors[0] {
                let mut beyond = [[T::ZERO; B]; SIDE];
                edge.part_rows(&mut samples, &mut beyond);
                let part = self.plane.part(at, vectors[other], edge.rows());
                part.scatter::<A, B>(&beyond, self.gradient, &mut self.scratch);
            }
        }
        let part = self.plane.part(at, vectors[0], [0, SIDE]);
        part.scatter::<A, B>(&samples, self.gradient, &mut self.scratch);
    }
}

impl<T: Real> Job for Back<'_, T, SIDE> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(mut self) {
        let plane = self.plane;
        for (rows, [by, bx]) in plane.blocks(self.prediction_gradient, SIDE) {
            let [y, x] = [by * SIDE, bx * SIDE];
            let columns = plane.vectors_around(by, bx);
            let mut samples = take::<T, SIDE>(rows, x, plane.width);
            for (other, edge) in EDGES {
                if columns[other] != columns[0] {
                    let mut beyond = [[T::ZERO; HALF]; SIDE];
                    edge.part_columns(&mut samples, &mut beyond);
                    self.in_column::<A, HALF>([y, x + edge.column()], columns[other], beyond);
                }
            }
            self.in_column::<A, SIDE>([y, x], columns[0], samples);
        }
    }
}

impl<T: Real> Job for Back<'_, T, BLOCK> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(mut self) {
        let plane = self.plane;
        for (rows, [by, bx]) in plane.blocks(self.prediction_gradient, BLOCK) {
            let [y, x] = [by * BLOCK, bx * BLOCK];
            let part = plane.part([y, x], plane.vector(by, bx), [0, BLOCK]);
            let samples = take::<T, BLOCK>(rows, x, plane.width);
            part.scatter::<A, BLOCK>(&samples, self.gradient, &mut self.scratch);
        }
    }
}

impl<T: Real> Warp<T> {
    /// Prediction with one of the filters.
    pub fn new(interpolation: Interpolation) -> Self {
        Self {
            interpolation,
            filters: filters(interpolation),
            vectors: Vec::new(),
            reference: Vec::new(),
            prediction: Vec::new(),
            open: Vec::new(),
        }
    }

    fn load_vectors(&mut self, motion: &[T]) {
        let (vertical, horizontal) = motion.split_at(motion.len() / 2);
        let whole = |component: T| component.to_f64().round() as i32;
        self.vectors.clear();
        self.vectors.extend(vertical.iter().zip(horizontal).map(|(&y, &x)| [whole(y), whole(x)]));
    }
}

/// The luma plane and a chroma plane of `height` and `width` sites.
fn luma_and_chroma<'a, T>(
    [height, width]: [usize; 2],
    filters: &'a Filters<T>,
    vectors: &'a [[i32; 2]],
) -> [Plane<'a, T>; 2] {
    [2, 1].map(|scale| Plane {
        height: scale * height,
        width: scale * width,
        eighths: scale as i32,
        filters,
        vectors,
        blocks_wide: width.div_ceil(BLOCK),
    })
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
        self.load_vectors(items(inputs[1]));
        let [luma, chroma] = &luma_and_chroma([height, width], &self.filters, &self.vectors);
        let (previous, output) = (items(inputs[0]), items_mut(output));
        self.reference.resize(4 * sites, T::ZERO);
        self.prediction.resize(4 * sites, T::ZERO);
        interleave(&previous[..4 * sites], &mut self.reference, width);
        let rounded = items(inputs[2])[0] > T::ZERO;
        let reference = &self.reference[..];
        self.prediction.par_chunks_mut(SIDE * luma.width).enumerate().for_each(|(by, prediction)| {
            dispatch(Predict::<T, SIDE> { plane: luma, reference, prediction, by, rounded, scratch: Scratch::new() });
        });
        deinterleave(&self.prediction, &mut output[..4 * sites], width, |y, sample| *y = sample);
        for c in 4..6 {
            let (reference, prediction) = (&previous[c * sites..][..sites], &mut output[c * sites..][..sites]);
            prediction.par_chunks_mut(BLOCK * chroma.width).enumerate().for_each(|(by, prediction)| {
                dispatch(Predict::<T, BLOCK> {
                    plane: chroma,
                    reference,
                    prediction,
                    by,
                    rounded,
                    scratch: Scratch::new(),
                });
            });
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
        self.load_vectors(items(inputs[1]));
        let [luma, chroma] = &luma_and_chroma([height, width], &self.filters, &self.vectors);
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
                let (prediction_gradient, gradient) = (&prediction[..], &mut reference[..]);
                dispatch(Back::<T, SIDE> { plane: luma, prediction_gradient, gradient, scratch: Scratch::new() });
                deinterleave(reference, first, width, |x, g| *x += g);
            },
            || {
                let planes = chroma_gradient.chunks_exact(sites).zip(last.chunks_exact_mut(sites));
                for (prediction_gradient, gradient) in planes {
                    dispatch(Back::<T, BLOCK> {
                        plane: chroma,
                        prediction_gradient,
                        gradient,
                        scratch: Scratch::new(),
                    });
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
