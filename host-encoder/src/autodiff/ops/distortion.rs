//! How far a picture is from what it should be.

use ndarray::ArrayD;

use super::{items, items_mut, planes};
use crate::autodiff::kernels::squared_distance;
use crate::autodiff::{Op, Real};

/// `(6 mse(Y) + mse(U) + mse(V)) / 8` in squared code values; the mean of the luma is over its four channels.
///
/// Inputs: picture and target, both `[6, LH, LW]` in code values; the target gets no gradient. Output `[1]`. Sums are
/// kept in `f64` and always added in the same order.
#[derive(Clone, Copy, Debug)]
pub struct Distortion;

/// Weight of a squared error in a channel, times the sites.
fn weight(channel: usize) -> f64 {
    if channel < 4 { 6.0 / 32.0 } else { 1.0 / 8.0 }
}

impl<T: Real> Op<T> for Distortion {
    fn name(&self) -> &'static str {
        "distortion"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 2, "picture and target");
        assert_eq!(inputs[0], inputs[1], "picture and target have one shape");
        assert_eq!(planes(inputs[0])[0], 6, "a lattice has 6 channels");
        vec![1]
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let sites = inputs[0].len() / 6;
        let channels = items(inputs[0]).chunks_exact(sites).zip(items(inputs[1]).chunks_exact(sites));
        let sums = channels.enumerate().map(|(c, (picture, target))| weight(c) * squared_distance(picture, target));
        items_mut(output)[0] = T::of(sums.sum::<f64>() / sites as f64);
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
        let sites = inputs[0].len() / 6;
        let pictures = items(inputs[0]).chunks_exact(sites).zip(items(inputs[1]).chunks_exact(sites));
        for (c, (gradient, (picture, target))) in items_mut(gradient).chunks_exact_mut(sites).zip(pictures).enumerate()
        {
            let factor = T::of(2.0 * weight(c) / sites as f64) * items(output_gradient)[0];
            for ((x, &picture), &target) in gradient.iter_mut().zip(picture).zip(target) {
                *x += factor * (picture - target);
            }
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        3 * inputs[0].iter().product::<usize>() as u64
    }

    fn backward_flops(&self, inputs: &[&[usize]]) -> u64 {
        // Only the picture has a gradient.
        <Self as Op<T>>::forward_flops(self, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Noise, check_gradients, run};
    use super::*;

    #[test]
    fn gradients() {
        let mut noise = Noise(8);
        let inputs = [0, 1].map(|_| noise.array(&[6, 3, 5], -3.0, 3.0));
        check_gradients(&mut Distortion, &inputs, &[true, false]);
    }

    #[test]
    fn weighs_luma_six_times() {
        let target = ArrayD::zeros(vec![6, 2, 600]);
        let mut picture = ArrayD::zeros(vec![6, 2, 600]);
        picture.as_slice_mut().unwrap()[..4800].fill(2.0);
        picture.as_slice_mut().unwrap()[4800..6000].fill(1.0);
        let one = ArrayD::zeros(vec![1]);
        let (y, _) = run(&mut Distortion, &[picture, target], &[true, false], &one);
        assert_eq!(y[[0]], (6.0 * 4.0 + 1.0) / 8.0);
    }
}
