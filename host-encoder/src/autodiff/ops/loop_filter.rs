//! The loop filter, SPEC section 8.

use ndarray::ArrayD;

use super::{items, items_mut, planes};
use crate::autodiff::kernels::{Arith, Job, add_assign, dispatch, with_scratch};
use crate::autodiff::{Op, Real};

/// Code values in one unit of activation.
const CODE_VALUES: f64 = 64.0;
/// What the changes of samples are counted in.
const UNIT: f64 = 256.0;
/// Luma samples of a site.
const LUMA: usize = 4;
/// Samples of a channel's row that are computed together.
const BLOCK: usize = 8;
/// Steps of the format in a unit of strength and of reach.
pub const STRENGTHS: f64 = 16.0;
/// See [`STRENGTHS`].
pub const REACHES: f64 = 128.0;

/// Luma samples of sites with a residual move towards those around them, where these differ by less than an edge.
///
/// Inputs: picture `[6, LH, LW]` in code values, the residual of the same shape that was added to it (1.0 is 64 code values), strength `[1]` in units of
/// [`STRENGTHS`] and reach `[1]` in those of [`REACHES`] steps of the format, control `[1]`; picture, strength and reach have gradients. A residual counts from half a code
/// value on. With control above 0 strength, reach and changes are rounded as the decoder has them, and the gradient passes straight through.
#[derive(Clone, Debug, Default)]
pub struct LoopFilter<T> {
    /// 1 for each site that is filtered, 0 for the others, in rows of whole blocks.
    filtered: Vec<Block<T>>,
}

/// The channels of luma, each row with one sample more at both ends, that at the edge once more: from there nothing moves.
struct Rows<'a, T> {
    height: usize,
    width: usize,
    /// From one row to the next: whole blocks and both ends.
    stride: usize,
    /// `[4][LH][stride]`.
    samples: &'a mut [T],
}

/// From one row of [`Rows`] to the next.
fn stride(width: usize) -> usize {
    width.next_multiple_of(BLOCK) + 2
}

/// Samples that follow one another in a row.
type Block<T> = [T; BLOCK];

impl<'a, T: Real> Rows<'a, T> {
    /// In memory of the right length.
    fn new([height, width]: [usize; 2], samples: &'a mut [T]) -> Self {
        Self { height, width, stride: stride(width), samples }
    }

    /// Makes the samples what `of` makes of those of `source`, `[4][LH][LW]`, and of what their `sites` have.
    #[inline(always)]
    fn set(&mut self, source: &[T], sites: &[Block<T>], of: impl Fn(T, T) -> T) {
        let &mut Self { height, width, stride, .. } = self;
        let rows = self.samples.chunks_exact_mut(stride).zip(source.chunks_exact(width));
        for (number, (row, source)) in rows.enumerate() {
            let sites = of_row(sites, number % height, width).as_flattened();
            row[0] = T::ZERO;
            row[width + 1..].fill(T::ZERO);
            for ((sample, &source), &site) in row[1..=width].iter_mut().zip(source).zip(sites) {
                *sample = of(source, site);
            }
        }
        // Left of the first sample of odd columns is that of the even ones, and right of the last one of even columns that of the odd ones.
        for pair in self.samples.chunks_exact_mut(2 * height * stride) {
            let (evens, odds) = pair.split_at_mut(height * stride);
            for (even, odd) in evens.chunks_exact_mut(stride).zip(odds.chunks_exact_mut(stride)) {
                odd[0] = even[1];
                even[width + 1] = odd[width];
            }
        }
    }

    /// The blocks of a channel's row, and what is left and right of their samples, above and below.
    #[inline(always)]
    fn around(&self, channel: usize, y: usize) -> (&[Block<T>], [&[Block<T>]; 4]) {
        let (down, right) = (channel / 2, channel % 2);
        let row = |channel: usize, y: usize, x: usize| {
            let start = (channel * self.height + y) * self.stride + x;
            self.samples[start..start + self.stride - 2].as_chunks().0
        };
        let own = row(channel, y, 1);
        let above = if y + down > 0 { row(channel ^ 2, y + down - 1, 1) } else { own };
        let below = if y + down < self.height { row(channel ^ 2, y + down, 1) } else { own };
        (own, [row(channel ^ 1, y, right), row(channel ^ 1, y, right + 1), above, below])
    }
}

/// The blocks of a row of `width` sites.
#[inline(always)]
fn of_row<T>(sites: &[Block<T>], row: usize, width: usize) -> &[Block<T>] {
    let blocks = width.div_ceil(BLOCK);
    &sites[row * blocks..][..blocks]
}

/// Finds the sites that are filtered: those with a residual of half a code value or more.
struct Find<'a, T> {
    filtered: &'a mut [Block<T>],
    residual: &'a [T],
    width: usize,
}

impl<T: Real> Job for Find<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let half = T::of(0.5 / CODE_VALUES);
        let rows = self.filtered.chunks_exact_mut(self.width.div_ceil(BLOCK));
        let sites = rows.len() * self.width;
        for (y, filtered) in rows.enumerate() {
            let filtered = filtered.as_flattened_mut();
            filtered.fill(T::ZERO);
            for channel in self.residual.chunks_exact(sites) {
                for (filtered, &residual) in filtered.iter_mut().zip(&channel[y * self.width..][..self.width]) {
                    // Halves go up.
                    let here = if (residual >= half) | (residual < -half) { T::ONE } else { T::ZERO };
                    *filtered = filtered.max(here);
                }
            }
        }
    }
}

/// What a sample moves by for one that is `difference` more, in quarters of the strength.
#[inline(always)]
fn part<T: Real>(difference: T, reach: T) -> T {
    let most = (reach - difference.abs()).max(T::ZERO);
    (T::of(4.0) * difference).max(-most).min(most)
}

/// Filters luma.
struct Filter<'a, T> {
    output: &'a mut [T],
    luma: Rows<'a, T>,
    picture: &'a [T],
    filtered: &'a [Block<T>],
    strength: T,
    reach: T,
    rounded: bool,
}

impl<T: Real> Filter<'_, T> {
    #[inline(always)]
    fn filter<A: Arith, const ROUNDED: bool>(&mut self) {
        let width = self.luma.width;
        for (number, output) in self.output.chunks_exact_mut(width).enumerate() {
            let (channel, y) = (number / self.luma.height, number % self.luma.height);
            let (own, around) = self.luma.around(channel, y);
            let filtered = of_row(self.filtered, y, width);
            let scale = T::of(1.0 / UNIT) * self.strength;
            let (whole, rest) = output.as_chunks_mut::<BLOCK>();
            for (i, (own, filtered)) in own.iter().zip(filtered).enumerate() {
                let around = [&around[0][i], &around[1][i], &around[2][i], &around[3][i]];
                let samples = filter_block::<T, A, ROUNDED>(own, around, filtered, scale, self.reach);
                match whole.get_mut(i) {
                    Some(output) => *output = samples,
                    None => rest.copy_from_slice(&samples[..rest.len()]),
                }
            }
        }
    }
}

impl<T: Real> Job for Filter<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(mut self) {
        self.luma.set(self.picture, self.filtered, |sample, _| sample);
        if self.rounded { self.filter::<A, true>() } else { self.filter::<A, false>() }
    }
}

#[inline(always)]
fn filter_block<T: Real, A: Arith, const ROUNDED: bool>(
    own: &Block<T>,
    around: [&Block<T>; 4],
    filtered: &Block<T>,
    scale: T,
    reach: T,
) -> Block<T> {
    let mut samples = [T::ZERO; BLOCK];
    for x in 0..BLOCK {
        let mut moves = T::ZERO;
        for neighbours in around {
            moves += part(neighbours[x] - own[x], reach);
        }
        let mut change = scale * moves;
        if ROUNDED {
            // Halves go towards zero.
            let size = (change.abs() + T::of(0.5 - 1.0 / UNIT)).floor();
            change = if change < T::ZERO { -size } else { size };
        }
        samples[x] = A::fma(filtered[x], change, own[x]);
    }
    samples
}

/// Finds luma as it was, and what samples weigh in the gradients, in units of change: 0 where they are not filtered.
struct Weigh<'a, 'b, T> {
    luma: &'a mut Rows<'b, T>,
    weights: &'a mut Rows<'b, T>,
    picture: &'a [T],
    output_gradient: &'a [T],
    filtered: &'a [Block<T>],
}

impl<T: Real> Job for Weigh<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let scale = T::of(1.0 / UNIT);
        self.luma.set(self.picture, self.filtered, |sample, _| sample);
        self.weights.set(self.output_gradient, self.filtered, |g, filtered| scale * g * filtered);
    }
}

/// The way back through [`Filter`] to the picture.
struct Back<'a, T> {
    gradient: &'a mut [T],
    luma: &'a Rows<'a, T>,
    weights: &'a Rows<'a, T>,
    strength: T,
    reach: T,
}

impl<T: Real> Job for Back<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Self { luma, weights, .. } = self;
        for (number, gradient) in self.gradient.chunks_exact_mut(luma.width).enumerate() {
            let (channel, y) = (number / luma.height, number % luma.height);
            let ((own, around), (weights, others)) = (luma.around(channel, y), weights.around(channel, y));
            let (whole, rest) = gradient.as_chunks_mut::<BLOCK>();
            for i in 0..own.len() {
                let luma = (&own[i], [&around[0][i], &around[1][i], &around[2][i], &around[3][i]]);
                let weights = (&weights[i], [&others[0][i], &others[1][i], &others[2][i], &others[3][i]]);
                let more = back_block::<T, A>(luma, weights, self.strength, self.reach);
                match whole.get_mut(i) {
                    Some(gradient) => add(gradient, &more),
                    None => add(rest, &more),
                }
            }
        }
    }
}

#[inline(always)]
fn add<T: Real>(gradient: &mut [T], more: &Block<T>) {
    gradient.iter_mut().zip(more).for_each(|(gradient, &more)| *gradient += more);
}

/// What the moves of samples, and of those around them, add to their gradients.
#[inline(always)]
fn back_block<T: Real, A: Arith>(
    (own, around): (&Block<T>, [&Block<T>; 4]),
    (weights, others): (&Block<T>, [&Block<T>; 4]),
    strength: T,
    reach: T,
) -> Block<T> {
    let (turn, steeper) = (T::of(0.2) * reach, T::of(5.0) * strength);
    let mut sums = [T::ZERO; BLOCK];
    for x in 0..BLOCK {
        // A sample that is moved by `f(to - from)` has `-f'`, and the one that it moves to has `f'`; each is both.
        for (neighbours, others) in around.into_iter().zip(others) {
            let size = (neighbours[x] - own[x]).abs();
            let falling = if size < reach { -strength } else { T::ZERO };
            let slope = falling + if size < turn { steeper } else { T::ZERO };
            sums[x] = A::fma(slope, others[x] - weights[x], sums[x]);
        }
    }
    sums
}

/// The gradients by strength and by reach.
struct BySettings<'a, T> {
    luma: &'a Rows<'a, T>,
    weights: &'a Rows<'a, T>,
    reach: T,
}

impl<T: Real> Job for BySettings<'_, T> {
    type Output = [T; 2];
    #[inline(always)]
    fn run<A: Arith>(self) -> [T; 2] {
        let Self { luma, weights, reach } = self;
        let turn = T::of(0.2) * reach;
        let mut sums = [[T::ZERO; BLOCK]; 2];
        for number in 0..LUMA * luma.height {
            let (channel, y) = (number / luma.height, number % luma.height);
            let ((own, around), (weights, _)) = (luma.around(channel, y), weights.around(channel, y));
            for (i, (own, weights)) in own.iter().zip(weights).enumerate() {
                let around = [&around[0][i], &around[1][i], &around[2][i], &around[3][i]];
                let mut weights = *weights;
                // Beyond the row there is nothing.
                if let Some(beyond) = weights.get_mut(luma.width - i * BLOCK..) {
                    beyond.fill(T::ZERO);
                }
                for x in 0..BLOCK {
                    let (mut moves, mut farther) = (T::ZERO, T::ZERO);
                    for neighbours in around {
                        let difference = neighbours[x] - own[x];
                        moves += part(difference, reach);
                        // Beyond the turn the reach lets samples move farther.
                        let up = if (difference >= turn) & (difference < reach) { T::ONE } else { T::ZERO };
                        let down = if (difference <= -turn) & (difference > -reach) { T::ONE } else { T::ZERO };
                        farther += up - down;
                    }
                    sums[0][x] = A::fma(weights[x], moves, sums[0][x]);
                    sums[1][x] = A::fma(weights[x], farther, sums[1][x]);
                }
            }
        }
        sums.map(|sums| sums.into_iter().sum())
    }
}

/// Strength and reach in steps of the format.
fn settings<T: Real>(inputs: &[&ArrayD<T>]) -> [T; 2] {
    let rounded = items(inputs[4])[0] > T::ZERO;
    [(2, STRENGTHS), (3, REACHES)].map(|(input, steps)| {
        let value = T::of(steps) * items(inputs[input])[0];
        if rounded { (value + T::of(0.5)).floor() } else { value }
    })
}

impl<T: Real> Op<T> for LoopFilter<T> {
    fn name(&self) -> &'static str {
        "loop filter"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 5, "picture, residual, strength, reach and control");
        assert_eq!(planes(inputs[0])[0], 6, "a lattice has 6 channels");
        assert_eq!(inputs[0], inputs[1], "picture and residual have one shape");
        assert!(inputs[2..].iter().all(|shape| *shape == [1]), "strength, reach and control are numbers");
        inputs[0].to_vec()
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let [_, height, width] = planes(inputs[0].shape());
        let [strength, reach] = settings(inputs);
        let rounded = items(inputs[4])[0] > T::ZERO;
        self.filtered.resize(height * width.div_ceil(BLOCK), [T::ZERO; BLOCK]);
        dispatch(Find { filtered: &mut self.filtered, residual: items(inputs[1]), width });
        let (picture, chroma) = items(inputs[0]).split_at(LUMA * height * width);
        let (output, output_chroma) = items_mut(output).split_at_mut(picture.len());
        output_chroma.copy_from_slice(chroma);
        let filtered = &self.filtered;
        with_scratch([LUMA * height * stride(width)], |[luma]| {
            let luma = Rows::new([height, width], luma);
            dispatch(Filter { output, luma, picture, filtered, strength, reach, rounded });
        });
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let [_, height, width] = planes(inputs[0].shape());
        let [strength, reach] = settings(inputs);
        let luma_len = LUMA * height * width;
        let picture = &items(inputs[0])[..luma_len];
        with_scratch([LUMA * height * stride(width); 2], |rows| {
            let [mut luma, mut weights] = rows.map(|samples| Rows::new([height, width], samples));
            let (luma, weights) = (&mut luma, &mut weights);
            let output_gradient = items(output_gradient);
            dispatch(Weigh {
                luma: &mut *luma,
                weights: &mut *weights,
                picture,
                output_gradient: &output_gradient[..luma_len],
                filtered: &self.filtered,
            });
            let (luma, weights) = (&*luma, &*weights);
            if gradients[2..4].iter().any(Option::is_some) {
                let sums = dispatch(BySettings { luma, weights, reach });
                let units = [T::of(STRENGTHS), T::of(REACHES) * strength];
                for ((gradient, sum), unit) in gradients[2..4].iter_mut().zip(sums).zip(units) {
                    if let Some(gradient) = gradient {
                        items_mut(gradient)[0] += unit * sum;
                    }
                }
            }
            if let Some(gradient) = &mut gradients[0] {
                let gradient = items_mut(gradient);
                add_assign(gradient, output_gradient);
                dispatch(Back { gradient: &mut gradient[..luma_len], luma, weights, strength, reach });
            }
        });
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        // As if each pair of neighbours were computed once: two a luma sample, of 8 operations each.
        20 * (inputs[0].iter().product::<usize>() * LUMA / 6) as u64
    }

    fn backward_flops(&self, inputs: &[&[usize]]) -> u64 {
        <Self as Op<T>>::forward_flops(self, inputs)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::super::check::{Noise, check_gradients, run};
    use super::*;

    /// A picture with a residual in every second site, and strength 12 and reach 32.
    fn inputs(picture: ArrayD<f64>, control: f64) -> [ArrayD<f64>; 5] {
        let seen = |at: ndarray::IxDyn| if (at[1] + at[2]).is_multiple_of(2) { 0.1 } else { 0.001 };
        let residual = ArrayD::from_shape_fn(picture.shape(), seen);
        let number = |value: f64| arr1(&[value]).into_dyn();
        [picture, residual, number(12.0 / STRENGTHS), number(32.0 / REACHES), number(control)]
    }

    #[test]
    fn gradients() {
        let inputs = inputs(Noise(3).array(&[6, 4, 5], 100.0, 140.0), 0.0);
        check_gradients(&mut LoopFilter::default(), &inputs, &[true, false, true, true, false]);
    }

    #[test]
    fn samples_without_a_residual_and_beyond_edges_stay() {
        let shape = [6, 4, 4];
        let of = |picture: &ArrayD<f64>, control| {
            let ones = ArrayD::ones(&shape[..]);
            run(&mut LoopFilter::default(), &inputs(picture.clone(), control), &[false; 5], &ones).0
        };
        // Columns of sites apart by more than the reach.
        let picture = ArrayD::from_shape_fn(&shape[..], |at| 40.0 + 50.0 * at[2] as f64);
        for control in [0.0, 1.0] {
            assert_eq!(of(&picture, control), picture);
        }
        let picture = Noise(4).array(&shape, 100.0, 140.0);
        for (at, &sample) in of(&picture, 0.0).indexed_iter() {
            let stays = at[0] >= 4 || (at[1] + at[2]) % 2 == 1;
            assert_eq!(sample == picture[&at], stays, "{at:?}");
        }
    }
}
