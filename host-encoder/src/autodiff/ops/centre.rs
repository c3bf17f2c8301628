//! What takes away from a layer's output what it is where nothing speaks.

use ndarray::ArrayD;

use super::{ACTIVATION_LIMIT, items, items_mut};
use crate::autodiff::{Op, Real};

/// `y[o] = -sum_c w[o, c] clamp(b[c], 0, 8)`: the biases of a centred layer (the format's SPEC section 8), which make zero of what the biases
/// of the layer before it add.
///
/// Inputs: `w [Co, Ci, 1, 1]` of the centred layer, `b [Ci]` of the one before; output `[Co]`.
#[derive(Clone, Copy, Debug)]
pub struct Centre;

/// What a ReLU makes of a bias.
fn activation<T: Real>(bias: T) -> T {
    bias.max(T::ZERO).min(T::of(ACTIVATION_LIMIT))
}

impl<T: Real> Op<T> for Centre {
    fn name(&self) -> &'static str {
        "centre"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 2, "weights and biases");
        assert!(inputs[0].len() == 4 && inputs[0][1..] == [inputs[1][0], 1, 1], "a weight for each bias");
        vec![inputs[0][0]]
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let (weights, biases) = (items(inputs[0]), items(inputs[1]));
        for (y, filter) in items_mut(output).iter_mut().zip(weights.chunks(biases.len())) {
            *y = filter.iter().zip(biases).fold(T::ZERO, |sum, (&w, &b)| sum - w * activation(b));
        }
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let (weights, biases, outer) = (items(inputs[0]), items(inputs[1]), items(output_gradient));
        let [of_weights, of_biases] = gradients else { unreachable!("two inputs") };
        if let Some(gradient) = of_weights {
            for (filter, &g) in items_mut(gradient).chunks_mut(biases.len()).zip(outer) {
                filter.iter_mut().zip(biases).for_each(|(x, &b)| *x -= g * activation(b));
            }
        }
        if let Some(gradient) = of_biases {
            let gradient = items_mut(gradient);
            for (filter, &g) in weights.chunks(biases.len()).zip(outer) {
                for ((x, &w), &b) in gradient.iter_mut().zip(filter).zip(biases) {
                    *x -= if b > T::ZERO && b < T::of(ACTIVATION_LIMIT) { g * w } else { T::ZERO };
                }
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

#[cfg(test)]
mod tests {
    use super::super::check::{Noise, check_gradients};
    use super::*;

    #[test]
    fn gradients() {
        let mut noise = Noise(7);
        let inputs = [noise.array(&[3, 5, 1, 1], -1.0, 1.0), noise.array(&[5], -4.0, 12.0)];
        check_gradients(&mut Centre, &inputs, &[true, true]);
    }
}
