//! Channels behind one another.

use ndarray::ArrayD;

use super::{items, items_mut, planes};
use crate::autodiff::kernels::add_assign;
use crate::autodiff::{Op, Real};

/// Any number of `[C_i, H, W]` to `[sum C_i, H, W]`.
pub struct Concat;

impl<T: Real> Op<T> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        let [mut channels, height, width] = planes(inputs[0]);
        for input in &inputs[1..] {
            let [more, h, w] = planes(input);
            assert_eq!((h, w), (height, width), "concatenated planes have one size");
            channels += more;
        }
        vec![channels, height, width]
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let mut rest = items_mut(output);
        for input in inputs {
            let (piece, tail) = rest.split_at_mut(input.len());
            piece.copy_from_slice(items(input));
            rest = tail;
        }
    }

    fn backward(
        &mut self,
        inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let mut rest = items(output_gradient);
        for (input, gradient) in inputs.iter().zip(gradients) {
            let (piece, tail) = rest.split_at(input.len());
            if let Some(gradient) = gradient {
                add_assign(items_mut(gradient), piece);
            }
            rest = tail;
        }
    }

    fn forward_flops(&self, _inputs: &[&[usize]]) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Noise, check_gradients};
    use super::*;

    #[test]
    fn gradients() {
        let mut noise = Noise(1);
        let inputs = [2, 1, 3].map(|c| noise.array(&[c, 3, 5], -1.0, 1.0));
        check_gradients(&mut Concat, &inputs, &[true; 3]);
        check_gradients(&mut Concat, &inputs, &[true, false, true]);
    }
}
