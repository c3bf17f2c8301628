//! The loss: a weighted sum of its terms.

use ndarray::ArrayD;

use super::{items, items_mut};
use crate::autodiff::{Op, Real};

/// `sum_i weights[i] * term_i`.
///
/// Inputs: the weights `[n]`, which may change between steps and get no gradient, then `n` terms `[1]`; output `[1]`.
#[derive(Clone, Copy, Debug)]
pub struct WeightedSum;

impl<T: Real> Op<T> for WeightedSum {
    fn name(&self) -> &'static str {
        "weighted sum"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs[0], [inputs.len() - 1], "one weight for each term");
        assert!(inputs[1..].iter().all(|term| *term == [1]), "terms are single numbers");
        vec![1]
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let terms = inputs[1..].iter().zip(items(inputs[0]));
        items_mut(output)[0] = terms.map(|(term, &weight)| weight * items(term)[0]).sum();
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let weights = items(inputs[0]);
        for (gradient, &weight) in gradients[1..].iter_mut().zip(weights) {
            if let Some(gradient) = gradient {
                items_mut(gradient)[0] += weight * items(output_gradient)[0];
            }
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        2 * (inputs.len() - 1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Noise, check_gradients};
    use super::*;

    #[test]
    fn gradients() {
        let mut noise = Noise(3);
        let inputs = [3, 1, 1, 1].map(|n| noise.array(&[n], -1.0, 1.0));
        check_gradients(&mut WeightedSum, &inputs, &[false, true, true, true]);
        check_gradients(&mut WeightedSum, &inputs, &[false, true, false, true]);
    }
}
