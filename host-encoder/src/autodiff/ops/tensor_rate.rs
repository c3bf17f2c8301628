//! What a tensor of weights costs.

use std::f64::consts::{E, LN_2};

use ndarray::ArrayD;

use super::{items, items_mut};
use crate::autodiff::{Op, Real};

/// The scale's floor in steps: items that are nearly all zero are not worth less than this scale says.
const FLOOR: f64 = 0.3;

/// Bits of a tensor coded in steps with a zero-mean Laplace distribution of the best scale: `n log2(2 e b / step)`, where
/// `b = sqrt(mean(|w|)^2 + (0.3 step)^2)`. A regulariser: below about a third of a step its gradient fades out.
///
/// Inputs: `w` of any shape, control `[1]` = step, without gradient; output `[1]`. Without quantisation (`step <= 0`) it
/// is 0.
#[derive(Clone, Copy, Debug)]
pub struct TensorRate;

/// Mean magnitude and scale.
fn scale<T: Real>(w: &[T], step: f64) -> (f64, f64) {
    let mean = w.iter().map(|w| w.to_f64().abs()).sum::<f64>() / w.len() as f64;
    (mean, mean.hypot(FLOOR * step))
}

impl<T: Real> Op<T> for TensorRate {
    fn name(&self) -> &'static str {
        "tensor rate"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 2, "weights and control");
        assert_eq!(inputs[1], [1], "one step");
        vec![1]
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let (w, step) = (items(inputs[0]), items(inputs[1])[0].to_f64());
        let bits = if step > 0.0 { w.len() as f64 * (2.0 * E * scale(w, step).1 / step).log2() } else { 0.0 };
        items_mut(output)[0] = T::of(bits);
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let (w, step) = (items(inputs[0]), items(inputs[1])[0].to_f64());
        let Some(gradient) = gradients[0].as_mut().filter(|_| step > 0.0) else {
            return;
        };
        let (mean, b) = scale(w, step);
        // d bits / d b = n / (b ln 2), d b / d mean = mean / b, d mean / d w = sign / n.
        let slope = T::of(mean / (b * b * LN_2)) * items(output_gradient)[0];
        for (x, &w) in items_mut(gradient).iter_mut().zip(w) {
            // Branches on signs would be mispredicted half of the time.
            let up = if w > T::ZERO { slope } else { T::ZERO };
            let down = if w < T::ZERO { slope } else { T::ZERO };
            *x += up - down;
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        2 * inputs[0].iter().product::<usize>() as u64
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
    fn gradients() {
        for scale in [0.01, 0.1, 5.0] {
            let w = Noise(3).array(&[2, 3, 3, 3], -scale, scale);
            check_gradients(&mut TensorRate, &[w, arr1(&[0.1]).into_dyn()], &[true, false]);
        }
    }

    #[test]
    fn nothing_without_quantisation() {
        let w = arr1(&[1.0, -2.0]).into_dyn();
        let (bits, gradients) =
            run(&mut TensorRate, &[w, arr1(&[0.0]).into_dyn()], &[true, false], &arr1(&[1.0]).into_dyn());
        assert_eq!(bits[[0]], 0.0);
        assert_eq!(gradients[0].as_ref().unwrap().sum(), 0.0);
    }

    #[test]
    fn zeros_cost_little_and_have_no_gradient() {
        let w = ArrayD::zeros(vec![4]);
        let one = arr1(&[1.0]).into_dyn();
        let (bits, gradients) = run(&mut TensorRate, &[w, one.clone()], &[true, false], &one);
        assert!(bits[[0]] > 0.0 && bits[[0]] < 4.0);
        assert_eq!(gradients[0].as_ref().unwrap().sum(), 0.0);
    }
}
