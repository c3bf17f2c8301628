//! Motion-compensated prediction, SPEC section 8, "Prediction".

mod block;
mod overlap;

use ndarray::ArrayD;
use rayon::prelude::*;

use super::{items, items_mut, pass_clip, planes};
use crate::autodiff::kernels::{Arith, Job, dispatch, with_scratch};
use crate::autodiff::{Op, Real};
use block::{Filters, Part, Scratch, filters};
use overlap::{Edge, NEIGHBOURS};

/// Sites of a block's side: luma samples of half of it.
const BLOCK: usize = 8;
/// The same of a quarter of a block.
const QUARTER: usize = BLOCK / 2;

/// How samples between samples are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// From the nearest four.
    Bilinear,
    /// From the nearest sixteen, clipped to 0..=255.
    Cubic,
}

/// A picture predicted from another, block by block or quarter by quarter; near their edges the vectors on both sides of the edge count in luma.
///
/// Inputs: the previous picture `[6, LH, LW]` in code values, motion `[2, ceil(LH / 8), ceil(LW / 8)]` of blocks, or with 4 in the place of 8 of their quarters (vertical,
/// horizontal; whole quarters of luma samples), control `[1]`; only the first has a gradient. Output `[6, LH, LW]` in code
/// values. With control above 0 it is the decoder's, rounded and clipped wherever that is; the gradient passes all roundings. A clipped
/// sample passes only what pushes it back inside.
pub struct Warp<T> {
    interpolation: Interpolation,
    /// Whether each quarter of a block has a vector.
    quarters: bool,
    filters: Filters<T>,
    /// Motion of each block.
    vectors: Vec<[i32; 2]>,
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

/// Predicts a row of blocks of a plane.
struct Predict<'a, T> {
    plane: &'a Plane<'a, T>,
    reference: &'a [T],
    prediction: &'a mut [T],
    by: usize,
    rounded: bool,
    scratch: Scratch<T>,
}

/// [`Predict`] of luma in blocks whose sides have `S` samples, and halves of them `H`.
struct Luma<J, const S: usize, const H: usize>(J);

/// [`Predict`] of chroma in blocks whose sides have `B` samples.
struct Chroma<J, const B: usize>(J);

impl<T: Real, const S: usize, const H: usize> Luma<Predict<'_, T>, S, H> {
    /// Makes columns of a block, the first of the two, as the vectors of one column of blocks do, in order its own row of blocks, above and below.
    #[inline(always)]
    fn in_column<A: Arith, const B: usize>(
        &mut self,
        at: [usize; 2],
        vectors: [[i32; 2]; 3],
        [samples, beyond]: &mut [[[T; B]; S]; 2],
    ) {
        let Predict { plane, reference, rounded, scratch, .. } = &mut self.0;
        plane.part(at, vectors[0], [0, S]).gather::<A, B>(reference, samples, *rounded, scratch);
        for (other, edge) in EDGES {
            if vectors[other] != vectors[0] {
                let part = plane.part(at, vectors[other], edge.rows(S));
                part.gather::<A, B>(reference, beyond, *rounded, scratch);
                edge.mix_rows::<T, A, B, S>(samples, beyond, *rounded);
            }
        }
    }
}

impl<T: Real, const S: usize, const H: usize> Job for Luma<Predict<'_, T>, S, H> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(mut self) {
        let (plane, by, rounded) = (self.0.plane, self.0.by, self.0.rounded);
        let (mut own, mut half) = ([[[T::ZERO; S]; S]; 2], [[[T::ZERO; H]; S]; 2]);
        for bx in 0..plane.blocks_wide {
            let [y, x] = [by * S, bx * S];
            let columns = plane.vectors_around(by, bx);
            self.in_column::<A, S>([y, x], columns[0], &mut own);
            for (other, edge) in EDGES {
                if columns[other] != columns[0] {
                    self.in_column::<A, H>([y, x + edge.column(H)], columns[other], &mut half);
                    edge.mix_columns::<T, A, S, H>(&mut own[0], &half[0], rounded);
                }
            }
            put(&own[0], x, plane.width, self.0.prediction);
        }
    }
}

impl<T: Real, const B: usize> Job for Chroma<Predict<'_, T>, B> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Predict { plane, reference, prediction, by, rounded, mut scratch } = self.0;
        let mut samples = [[T::ZERO; B]; B];
        for bx in 0..plane.blocks_wide {
            let [y, x] = [by * B, bx * B];
            let part = plane.part([y, x], plane.vector(by, bx), [0, B]);
            part.gather::<A, B>(reference, &mut samples, rounded, &mut scratch);
            put(&samples, x, plane.width, prediction);
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

/// Takes the gradients of a block out of its row of blocks, as far as that reaches down; zeros where it is right of the plane.
#[inline(always)]
fn take<T: Real, const B: usize>(rows: &[T], x: usize, width: usize, samples: &mut [[T; B]; B]) {
    for (samples, row) in samples.iter_mut().zip(rows.chunks_exact(width)) {
        match row[x..].first_chunk::<B>() {
            Some(row) => *samples = *row,
            None => {
                samples.fill(T::ZERO);
                samples[..width - x].copy_from_slice(&row[x..]);
            }
        }
    }
}

/// The way back through [`Predict`] of all rows of blocks, without roundings.
struct Back<'a, T> {
    plane: &'a Plane<'a, T>,
    prediction_gradient: &'a [T],
    gradient: &'a mut [T],
    scratch: Scratch<T>,
}

impl<T: Real, const S: usize, const H: usize> Luma<Back<'_, T>, S, H> {
    /// The way back through the prediction's `in_column`.
    #[inline(always)]
    fn in_column<A: Arith, const B: usize>(
        &mut self,
        at: [usize; 2],
        vectors: [[i32; 2]; 3],
        [samples, beyond]: &mut [[[T; B]; S]; 2],
    ) {
        let Back { plane, gradient, scratch, .. } = &mut self.0;
        for (other, edge) in EDGES {
            if vectors[other] != vectors[0] {
                edge.part_rows::<T, B, S>(samples, beyond);
                let part = plane.part(at, vectors[other], edge.rows(S));
                part.scatter::<A, B>(beyond, gradient, scratch);
            }
        }
        let part = plane.part(at, vectors[0], [0, S]);
        part.scatter::<A, B>(samples, gradient, scratch);
    }
}

impl<T: Real, const S: usize, const H: usize> Job for Luma<Back<'_, T>, S, H> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(mut self) {
        let plane = self.0.plane;
        let (mut own, mut half) = ([[[T::ZERO; S]; S]; 2], [[[T::ZERO; H]; S]; 2]);
        for (rows, [by, bx]) in plane.blocks(self.0.prediction_gradient, S) {
            let [y, x] = [by * S, bx * S];
            let columns = plane.vectors_around(by, bx);
            take(rows, x, plane.width, &mut own[0]);
            for (other, edge) in EDGES {
                if columns[other] != columns[0] {
                    edge.part_columns::<T, S, H>(&mut own[0], &mut half[0]);
                    self.in_column::<A, H>([y, x + edge.column(H)], columns[other], &mut half);
                }
            }
            self.in_column::<A, S>([y, x], columns[0], &mut own);
        }
    }
}

impl<T: Real, const B: usize> Job for Chroma<Back<'_, T>, B> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Back { plane, prediction_gradient, gradient, mut scratch } = self.0;
        let mut samples = [[T::ZERO; B]; B];
        for (rows, [by, bx]) in plane.blocks(prediction_gradient, B) {
            let [y, x] = [by * B, bx * B];
            let part = plane.part([y, x], plane.vector(by, bx), [0, B]);
            take(rows, x, plane.width, &mut samples);
            part.scatter::<A, B>(&samples, gradient, &mut scratch);
        }
    }
}

impl<T: Real> Warp<T> {
    /// Prediction with one of the filters, of blocks, or of their quarters.
    pub fn new(interpolation: Interpolation, quarters: bool) -> Self {
        Self { interpolation, quarters, filters: filters(interpolation), vectors: Vec::new() }
    }

    /// Sites of the side of what has a vector.
    fn block(&self) -> usize {
        if self.quarters { QUARTER } else { BLOCK }
    }

    /// The prediction in luma blocks whose sides have `S` samples and chroma blocks of `H`, not clipped unless it is rounded.
    fn predict<const S: usize, const H: usize>(
        &mut self,
        inputs: &[&ArrayD<T>],
        output: &mut ArrayD<T>,
        rounded: bool,
    ) {
        let [_, height, width] = planes(inputs[0].shape());
        let sites = height * width;
        self.load_vectors(items(inputs[1]));
        let [luma, chroma] = &luma_and_chroma([height, width], &self.filters, &self.vectors, H);
        let (previous, output) = (items(inputs[0]), items_mut(output));
        with_scratch([4 * sites; 2], |[reference, prediction]| {
            interleave(&previous[..4 * sites], reference, width);
            let reference = &*reference;
            prediction.par_chunks_mut(S * luma.width).enumerate().for_each(|(by, prediction)| {
                let predict = Predict { plane: luma, reference, prediction, by, rounded, scratch: Scratch::new() };
                dispatch(Luma::<_, S, H>(predict));
            });
            deinterleave(prediction, &mut output[..4 * sites], width, |y, sample| *y = sample);
        });
        for c in 4..6 {
            let (reference, prediction) = (&previous[c * sites..][..sites], &mut output[c * sites..][..sites]);
            prediction.par_chunks_mut(H * chroma.width).enumerate().for_each(|(by, prediction)| {
                let predict = Predict { plane: chroma, reference, prediction, by, rounded, scratch: Scratch::new() };
                dispatch(Chroma::<_, H>(predict));
            });
        }
    }

    fn load_vectors(&mut self, motion: &[T]) {
        let (vertical, horizontal) = motion.split_at(motion.len() / 2);
        let whole = |component: T| component.to_f64().round() as i32;
        self.vectors.clear();
        self.vectors.extend(vertical.iter().zip(horizontal).map(|(&y, &x)| [whole(y), whole(x)]));
    }
}

/// The luma plane and a chroma plane of `height` and `width` sites, in blocks whose sides have `block`.
fn luma_and_chroma<'a, T>(
    [height, width]: [usize; 2],
    filters: &'a Filters<T>,
    vectors: &'a [[i32; 2]],
    block: usize,
) -> [Plane<'a, T>; 2] {
    [2, 1].map(|scale| Plane {
        height: scale * height,
        width: scale * width,
        eighths: scale as i32,
        filters,
        vectors,
        blocks_wide: width.div_ceil(block),
    })
}

/// Adds to the previous picture's `gradient` what that of the prediction gives it, through luma blocks whose sides have `S` samples and chroma blocks of `H`.
fn back<T: Real, const S: usize, const H: usize>(
    filters: &Filters<T>,
    vectors: &[[i32; 2]],
    g: &[T],
    gradient: &mut ArrayD<T>,
) {
    let [_, height, width] = planes(gradient.shape());
    let sites = height * width;
    let [luma, chroma] = &luma_and_chroma([height, width], filters, vectors, H);
    let (luma_gradient, chroma_gradient) = g.split_at(4 * sites);
    let (first, last) = items_mut(gradient).split_at_mut(4 * sites);
    rayon::join(
        || {
            with_scratch([4 * sites; 2], |[prediction_gradient, gradient]| {
                interleave(luma_gradient, prediction_gradient, width);
                gradient.fill(T::ZERO);
                let back = Back { plane: luma, prediction_gradient, gradient: &mut *gradient, scratch: Scratch::new() };
                dispatch(Luma::<_, S, H>(back));
                deinterleave(gradient, first, width, |x, g| *x += g);
            });
        },
        || {
            let planes = chroma_gradient.chunks_exact(sites).zip(last.chunks_exact_mut(sites));
            for (prediction_gradient, gradient) in planes {
                let back = Back { plane: chroma, prediction_gradient, gradient, scratch: Scratch::new() };
                dispatch(Chroma::<_, H>(back));
            }
        },
    );
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
        let block = self.block();
        assert_eq!(inputs[1], [2, height.div_ceil(block), width.div_ceil(block)], "two channels of blocks");
        assert_eq!(inputs[2], [1], "one control");
        inputs[0].to_vec()
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let rounded = items(inputs[2])[0] > T::ZERO;
        match self.quarters {
            false => self.predict::<{ 2 * BLOCK }, BLOCK>(inputs, output, rounded),
            true => self.predict::<{ 2 * QUARTER }, QUARTER>(inputs, output, rounded),
        }
        if !rounded && self.interpolation == Interpolation::Cubic {
            dispatch(Clip { picture: items_mut(output) });
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
        self.load_vectors(items(inputs[1]));
        let (output, g) = (items(output), items(output_gradient));
        let Self { filters, vectors, quarters, .. } = self;
        let mut back = |g: &[T]| match quarters {
            false => back::<T, { 2 * BLOCK }, BLOCK>(filters, vectors, g, gradient),
            true => back::<T, { 2 * QUARTER }, QUARTER>(filters, vectors, g, gradient),
        };
        match self.interpolation {
            Interpolation::Bilinear => back(g),
            Interpolation::Cubic => with_scratch([g.len()], |[open]| {
                dispatch(Open { open: &mut *open, picture: output, gradient: g });
                back(open);
            }),
        }
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
