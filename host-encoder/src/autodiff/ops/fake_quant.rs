//! Weights as they will be after quantisation.

use ndarray::ArrayD;

use super::{items, items_mut, round_half_up};
use crate::autodiff::{Op, Real};

/// `step * clamp(round(w / step), -limit, limit)`, halves up; `w` itself if `step <= 0`.
///
/// Inputs: `w` of any shape, control `[2]` = (step, limit), without gradient. The gradient passes straight through,
/// except where `w` is beyond the limit and would be pushed further out.
#[derive(Clone, Copy, Debug)]
pub struct FakeQuant;

impl<T: Real> Op<T> for FakeQuant {
    fn name(&self) -> &'static str {
        "fake quant"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 2, "weights and control");
        assert_eq!(inputs[1], [2], "step and limit");
        inputs[0].to_vec()
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let (step, limit) = (items(inputs[1])[0], items(inputs[1])[1]);
        let output = items_mut(output);
        if step <= T::ZERO {
            output.copy_from_slice(items(inputs[0]));
            return;
        }
        for (y, &w) in output.iter_mut().zip(items(inputs[0])) {
            *y = step * round_half_up(w / step).max(-limit).min(limit);
        }
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
        let (step, limit) = (items(inputs[1])[0], items(inputs[1])[1]);
        let bound = if step <= T::ZERO { T::of(f64::INFINITY) } else { step * limit };
        let weights = items(inputs[0]);
        for ((x, &w), &g) in items_mut(gradient).iter_mut().zip(weights).zip(items(output_gradient)) {
            let outwards = (w > bound && g < T::ZERO) || (w < -bound && g > T::ZERO);
            *x += if outwards { T::ZERO } else { g };
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        5 * inputs[0].iter().product::<usize>() as u64
    }

    fn backward_flops(&self, inputs: &[&[usize]]) -> u64 {
        // Only the tensor has a gradient.
        <Self as Op<T>>::forward_flops(self, inputs)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::super::check::{Noise, check_gradients, run};
    use super::*;

    #[test]
    fn identity_without_a_step() {
        let w = Noise(3).array(&[2, 3], -9.0, 9.0);
        check_gradients(&mut FakeQuant, &[w, arr1(&[0.0, 1.0]).into_dyn()], &[true, false]);
    }

    #[test]
    fn rounds_and_passes_gradients_that_do_not_push_outwards() {
        let w = arr1(&[0.3, 0.75, -0.25, 9.0, 9.0, -9.0, -9.0]).into_dyn();
        let control = arr1(&[0.5, 3.0]).into_dyn();
        let g = arr1(&[1.0, -2.0, 3.0, 1.0, -1.0, 1.0, -1.0]).into_dyn();
        let (y, gradients) = run(&mut FakeQuant, &[w, control], &[true, false], &g);
        assert_eq!(y, arr1(&[0.5, 1.0, 0.0, 1.5, 1.5, -1.5, -1.5]).into_dyn());
        let expected = arr1(&[1.0, -2.0, 3.0, 1.0, 0.0, 0.0, -1.0]).into_dyn();
        assert_eq!(gradients[0].as_ref(), Some(&expected));
    }
}
