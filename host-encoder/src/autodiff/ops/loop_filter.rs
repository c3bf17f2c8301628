//! The loop filter, SPEC section 8.

use std::ops::Range;

use ndarray::ArrayD;

use super::{items, items_mut, planes};
use crate::autodiff::kernels::{Arith, Job, add_assign, dispatch, sub_assign};
use crate::autodiff::{Op, Real};

/// Code values in one unit of activation.
const CODE_VALUES: f64 = 64.0;
/// What the changes of samples are counted in.
const UNIT: f64 = 256.0;
/// Luma samples of a site.
const LUMA: usize = 4;
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
    /// Luma as rows of samples, `[2 LH][2 LW]`.
    luma: Vec<T>,
    /// 1 for each luma sample that is filtered, 0 for the others.
    filtered: Vec<T>,
    /// Sums of what samples move by.
    moves: Vec<T>,
    /// Gradients by the samples.
    sums: Vec<T>,
    /// Samples after the filter; what filtered samples weigh in the gradients.
    samples: Vec<T>,
    /// What two neighbouring samples of a row move by.
    parts: Vec<T>,
}

impl<T: Real> LoopFilter<T> {
    /// Finds the samples that are filtered.
    fn find(&mut self, residual: &[T], [height, width]: [usize; 2]) {
        self.filtered.resize(LUMA * height * width, T::ZERO);
        self.parts.resize(2 * width, T::ZERO);
        for (row, filtered) in self.filtered.chunks_exact_mut(LUMA * width).enumerate() {
            let seen = &mut self.parts[..width];
            seen.fill(T::ZERO);
            for channel in residual.chunks_exact(height * width) {
                dispatch(Seen { seen, residual: &channel[row * width..][..width] });
            }
            let (upper, lower) = filtered.split_at_mut(2 * width);
            upper.as_chunks_mut::<2>().0.iter_mut().zip(&*seen).for_each(|(pair, &seen)| *pair = [seen; 2]);
            lower.copy_from_slice(upper);
        }
    }
}

/// Makes 1 what a residual of half a code value or more is at.
struct Seen<'a, T> {
    seen: &'a mut [T],
    residual: &'a [T],
}

impl<T: Real> Job for Seen<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let half = T::of(0.5 / CODE_VALUES);
        for (seen, &residual) in self.seen.iter_mut().zip(self.residual) {
            // Halves go up.
            let here = if residual >= half || residual < -half { T::ONE } else { T::ZERO };
            *seen = seen.max(here);
        }
    }
}

/// What `from` moves by for `to`, in quarters of the strength.
struct Parts<'a, T> {
    parts: &'a mut [T],
    from: &'a [T],
    to: &'a [T],
    reach: T,
}

impl<T: Real> Job for Parts<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let four = T::of(4.0);
        for ((part, &from), &to) in self.parts.iter_mut().zip(self.from).zip(self.to) {
            let difference = to - from;
            let size = difference.abs();
            let moved = (four * size).min((self.reach - size).max(T::ZERO));
            *part = if difference < T::ZERO { -moved } else { moved };
        }
    }
}

/// The slopes of [`Parts`], times the difference of what both ends weigh.
struct Slopes<'a, T> {
    slopes: &'a mut [T],
    from: [&'a [T]; 2],
    to: [&'a [T]; 2],
    strength: T,
    reach: T,
}

impl<T: Real> Job for Slopes<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let (steep, turn) = (T::of(4.0) * self.strength, T::of(0.2) * self.reach);
        let ends = self.from[0].iter().zip(self.from[1]).zip(self.to[0].iter().zip(self.to[1]));
        for (slope, ((&from, &weight), (&to, &other))) in self.slopes.iter_mut().zip(ends) {
            let size = (to - from).abs();
            let falling = if size < self.reach { -self.strength } else { T::ZERO };
            *slope = (if size < turn { steep } else { falling }) * (weight - other);
        }
    }
}

/// The samples of rows that have neighbours behind or below them, and these.
fn pairs(samples: usize, columns: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    (0..samples).step_by(columns).flat_map(move |row| {
        let beside = (row..row + columns - 1, row + 1..row + columns);
        let below = (row..row + columns, row + columns..row + 2 * columns);
        [beside, below].into_iter().filter(move |(_, to)| to.end <= samples)
    })
}

/// For all pairs of neighbours: `parts` of a row of pairs are added to the sums of the one and taken from those of the other.
fn for_pairs<T: Real>(
    sums: &mut [T],
    parts: &mut Vec<T>,
    columns: usize,
    mut of: impl FnMut(&mut [T], Range<usize>, Range<usize>),
) {
    parts.resize(columns, T::ZERO);
    for (from, to) in pairs(sums.len(), columns) {
        let parts = &mut parts[..from.len()];
        of(parts, from.clone(), to.clone());
        add_assign(&mut sums[from], parts);
        sub_assign(&mut sums[to], parts);
    }
}

/// How much more two neighbouring samples weigh when they move farther towards one another, which the reach lets them where they are beyond the turn.
struct ByReach<'a, T> {
    sum: &'a mut T,
    from: [&'a [T]; 2],
    to: [&'a [T]; 2],
    reach: T,
}

impl<T: Real> Job for ByReach<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let turn = T::of(0.2) * self.reach;
        let ends = self.from[0].iter().zip(self.from[1]).zip(self.to[0].iter().zip(self.to[1]));
        for ((&from, &weight), (&to, &other)) in ends {
            let difference = to - from;
            let size = difference.abs();
            if size >= turn && size < self.reach {
                let more = weight - other;
                *self.sum += if difference < T::ZERO { -more } else { more };
            }
        }
    }
}

struct Move<'a, T> {
    samples: &'a mut [T],
    filtered: &'a [T],
    sums: &'a [T],
    strength: T,
    rounded: bool,
}

impl<T: Real> Job for Move<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let (step, almost_half) = (T::of(1.0 / UNIT), T::of(0.5 - 1.0 / UNIT));
        let samples = self.samples.iter_mut().zip(self.filtered).zip(self.sums);
        for ((sample, &filtered), &sum) in samples {
            let change = step * self.strength * sum;
            // Halves go towards zero.
            let size = if self.rounded { (change.abs() + almost_half).floor() } else { change.abs() };
            let change = if change < T::ZERO { -size } else { size };
            *sample = A::fma(filtered, change, *sample);
        }
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

/// Copies luma of a lattice into rows of samples.
fn interleave<T: Real>(samples: &mut Vec<T>, lattice: &[T], [height, width]: [usize; 2]) {
    samples.resize(LUMA * height * width, T::ZERO);
    for (y, row) in samples.chunks_exact_mut(2 * width).enumerate() {
        let of = |column: usize| &lattice[((2 * (y % 2) + column) * height + y / 2) * width..][..width];
        let columns = of(0).iter().zip(of(1));
        row.as_chunks_mut::<2>().0.iter_mut().zip(columns).for_each(|(pair, (&even, &odd))| *pair = [even, odd]);
    }
}

/// Hands rows of samples to their places in a lattice.
fn separate<T: Real>(lattice: &mut [T], samples: &[T], [height, width]: [usize; 2], put: impl Fn(&mut T, T)) {
    for (y, row) in samples.chunks_exact(2 * width).enumerate() {
        for column in 0..2 {
            let to = &mut lattice[((2 * (y % 2) + column) * height + y / 2) * width..][..width];
            to.iter_mut().zip(row.as_chunks::<2>().0).for_each(|(to, pair)| put(to, pair[column]));
        }
    }
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
        let size = [height, width];
        let [strength, reach] = settings(inputs);
        let rounded = items(inputs[4])[0] > T::ZERO;
        self.find(items(inputs[1]), size);
        interleave(&mut self.luma, items(inputs[0]), size);
        self.moves.clear();
        self.moves.resize(self.luma.len(), T::ZERO);
        let luma = &self.luma;
        for_pairs(&mut self.moves, &mut self.parts, 2 * width, |parts, from, to| {
            dispatch(Parts { parts, from: &luma[from], to: &luma[to], reach });
        });
        let output = items_mut(output);
        output.copy_from_slice(items(inputs[0]));
        self.samples.clone_from(&self.luma);
        dispatch(Move { samples: &mut self.samples, filtered: &self.filtered, sums: &self.moves, strength, rounded });
        separate(output, &self.samples, size, |to, sample| *to = sample);
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let output_gradient = items(output_gradient);
        let [_, height, width] = planes(inputs[0].shape());
        let [strength, reach] = settings(inputs);
        interleave(&mut self.sums, output_gradient, [height, width]);
        // What filtered samples weigh: their gradients, in units of change.
        let scale = T::of(1.0 / UNIT);
        self.samples.clear();
        self.samples.extend(self.sums.iter().zip(&self.filtered).map(|(&g, &filtered)| scale * g * filtered));
        let weights = &self.samples;
        let luma = &self.luma;
        if let Some(gradient) = &mut gradients[2] {
            let sum: T = weights.iter().zip(&self.moves).fold(T::ZERO, |sum, (&weight, &moves)| sum + weight * moves);
            items_mut(gradient)[0] += T::of(STRENGTHS) * sum;
        }
        if let Some(gradient) = &mut gradients[3] {
            let mut sum = T::ZERO;
            for (from, to) in pairs(luma.len(), 2 * width) {
                let ends = [from, to].map(|place| [&luma[place.clone()], &weights[place]]);
                dispatch(ByReach { sum: &mut sum, from: ends[0], to: ends[1], reach });
            }
            items_mut(gradient)[0] += T::of(REACHES) * strength * sum;
        }
        let Some(gradient) = &mut gradients[0] else { return };
        let gradient = items_mut(gradient);
        // A sample that is moved by `f(to - from)` has `-f'`, and the one that it moves to has `f'`; each is both.
        for_pairs(&mut self.sums, &mut self.parts, 2 * width, |slopes, from, to| {
            let ends = [&luma[from.clone()], &weights[from]];
            dispatch(Slopes { slopes, from: [&luma[to.clone()], &weights[to]], to: ends, strength, reach });
        });
        separate(gradient, &self.sums, [height, width], |to, g| *to += g);
        let chroma = LUMA * height * width;
        add_assign(&mut gradient[chroma..], &output_gradient[chroma..]);
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        // Two pairs a luma sample, of 8 operations each.
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
