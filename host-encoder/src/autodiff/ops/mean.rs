//! Predictions from both sides, SPEC section 8.

use ndarray::ArrayD;

use super::{items, items_mut, planes};
use crate::autodiff::kernels::{Arith, Job, dispatch};
use crate::autodiff::{Op, Real};

/// Sites of a block's side.
const BLOCK: usize = 8;

/// In each block `(a + b) / 2`, or one of them.
///
/// Inputs: two predictions `[6, LH, LW]` in code values, the sides `[ceil(LH / 8), ceil(LW / 8)]` of the blocks, 0 for both, -1 for the first and 1 for the
/// second, and control `[1]`; only the predictions have gradients. With control above 0 it is the decoder's, halves up in even columns of luma and of chroma and
/// down in odd ones, and the gradient passes straight through.
#[derive(Clone, Copy, Debug)]
pub struct Mean;

struct Halve<'a, T> {
    mean: &'a mut [T],
    a: &'a [T],
    b: &'a [T],
    /// Of the row's blocks.
    sides: &'a [T],
    /// What is added before halves go down, in even and in odd columns.
    more: Option<[T; 2]>,
}

impl<T: Real> Job for Halve<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let half = T::of(0.5);
        let blocks = self.mean.chunks_mut(BLOCK).zip(self.a.chunks(BLOCK)).zip(self.b.chunks(BLOCK)).zip(self.sides);
        for (((mean, a), b), &side) in blocks {
            if side != T::ZERO {
                mean.copy_from_slice(if side < T::ZERO { a } else { b });
                continue;
            }
            let samples = mean.iter_mut().zip(a).zip(b);
            match self.more {
                None => samples.for_each(|((y, &a), &b)| *y = half * (a + b)),
                Some(more) => {
                    for (column, ((y, &a), &b)) in samples.enumerate() {
                        *y = A::fma(half, a + b, more[column % 2]).floor();
                    }
                }
            }
        }
    }
}

struct AddPart<'a, T> {
    gradient: &'a mut [T],
    of_mean: &'a [T],
    sides: &'a [T],
    /// The side for which the prediction does not count.
    other: T,
}

impl<T: Real> Job for AddPart<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let blocks = self.gradient.chunks_mut(BLOCK).zip(self.of_mean.chunks(BLOCK)).zip(self.sides);
        for ((gradient, of_mean), &side) in blocks {
            let part = if side == T::ZERO { T::of(0.5) } else { T::of(1.0) };
            if side != self.other {
                gradient.iter_mut().zip(of_mean).for_each(|(x, &g)| *x = A::fma(part, g, *x));
            }
        }
    }
}

impl<T: Real> Op<T> for Mean {
    fn name(&self) -> &'static str {
        "mean"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 4, "two predictions, sides and control");
        let [channels, height, width] = planes(inputs[0]);
        assert_eq!(channels, 6, "a lattice has 6 channels");
        assert_eq!(inputs[0], inputs[1], "the predictions have one shape");
        assert_eq!(inputs[2], [height.div_ceil(BLOCK), width.div_ceil(BLOCK)], "a side for each block");
        assert_eq!(inputs[3], [1], "one control");
        inputs[0].to_vec()
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let [_, height, width] = planes(inputs[0].shape());
        let rounded = items(inputs[3])[0] > T::ZERO;
        let (a, b, sides) = (items(inputs[0]), items(inputs[1]), items(inputs[2]));
        for (number, mean) in items_mut(output).chunks_exact_mut(width).enumerate() {
            let at = number * width;
            // A channel of luma has the even columns or the odd ones.
            let columns = match number / height {
                0 | 2 => [0.5; 2],
                1 | 3 => [0.0; 2],
                _ => [0.5, 0.0],
            };
            let more = rounded.then(|| columns.map(T::of));
            let sides = of_row(sides, number % height, width);
            dispatch(Halve { mean, a: &a[at..][..width], b: &b[at..][..width], sides, more });
        }
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let [_, height, width] = planes(inputs[0].shape());
        let sides = items(inputs[2]);
        for (gradient, other) in gradients.iter_mut().zip([1.0, -1.0]) {
            let Some(gradient) = gradient else { continue };
            let rows = items_mut(gradient).chunks_exact_mut(width).zip(items(output_gradient).chunks_exact(width));
            for (number, (gradient, of_mean)) in rows.enumerate() {
                let sides = of_row(sides, number % height, width);
                dispatch(AddPart { gradient, of_mean, sides, other: T::of(other) });
            }
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        2 * inputs[0].iter().product::<usize>() as u64
    }

    fn backward_flops(&self, inputs: &[&[usize]]) -> u64 {
        2 * <Self as Op<T>>::forward_flops(self, inputs)
    }
}

/// The sides of a row's blocks.
fn of_row<T>(sides: &[T], row: usize, width: usize) -> &[T] {
    let blocks = width.div_ceil(BLOCK);
    &sides[row / BLOCK * blocks..][..blocks]
}

#[cfg(test)]
mod tests {
    use super::super::check::{Noise, check_gradients};
    use super::*;

    #[test]
    fn gradients() {
        let mut noise = Noise(5);
        let [a, b] = [0.0; 2].map(|_| noise.array(&[6, 9, 18], 0.0, 1.0));
        let sides = ndarray::arr2(&[[0.0, -1.0, 1.0], [1.0, 0.0, 0.0]]).into_dyn();
        let inputs = [a, b, sides, ArrayD::zeros(ndarray::IxDyn(&[1]))];
        check_gradients(&mut Mean, &inputs, &[true, true, false, false]);
    }
}
