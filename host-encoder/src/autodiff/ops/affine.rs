//! Scale and offset.

use ndarray::ArrayD;

use super::{items, items_mut};
use crate::autodiff::{Op, Real};

/// `scale * x + offset` of an array of any shape.
#[derive(Clone, Copy, Debug)]
pub struct Affine {
    /// Factor.
    pub scale: f64,
    /// Summand.
    pub offset: f64,
}

impl<T: Real> Op<T> for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 1);
        inputs[0].to_vec()
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let (scale, offset) = (T::of(self.scale), T::of(self.offset));
        for (y, &x) in items_mut(output).iter_mut().zip(items(inputs[0])) {
            *y = scale * x + offset;
        }
    }

    fn backward(
        &mut self,
        _inputs: &[&ArrayD<T>],
        _output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        let Some(gradient) = &mut gradients[0] else {
            return;
        };
        let scale = T::of(self.scale);
        for (x, &y) in items_mut(gradient).iter_mut().zip(items(output_gradient)) {
            *x += scale * y;
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        2 * inputs[0].iter().product::<usize>() as u64
    }

    fn backward_flops(&self, inputs: &[&[usize]]) -> u64 {
        // Only one input has a gradient.
        <Self as Op<T>>::forward_flops(self, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Noise, check_gradients};
    use super::*;

    #[test]
    fn gradients() {
        let x = Noise(3).array(&[2, 3], -1.0, 1.0);
        check_gradients(&mut Affine { scale: -2.5, offset: 0.25 }, &[x], &[true]);
    }
}
