//! How far a picture is from what it should be.

use ndarray::ArrayD;

use super::{items, items_mut, planes};
use crate::autodiff::kernels::{Arith, Job, dispatch, squared_distance};
use crate::autodiff::{Op, Real};

/// The share of luma or of chroma in `(6 mse(Y) + mse(U) + mse(V)) / 8`, squared code values; the mean of the luma is over its
/// four channels.
///
/// Inputs: picture and target, both `[6, LH, LW]` in code values; the target gets no gradient. Output `[1]`. Sums are
/// kept in `f64` and always added in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distortion {
    /// `6 mse(Y) / 8`.
    Luma,
    /// `(mse(U) + mse(V)) / 8`.
    Chroma,
}

impl Distortion {
    /// Its part of the `sites` of all channels, and the weight of a squared error there, times the sites of a channel.
    fn part(self, len: usize) -> (std::ops::Range<usize>, f64) {
        let sites = len / 6;
        match self {
            Self::Luma => (0..4 * sites, 6.0 / 32.0),
            Self::Chroma => (4 * sites..6 * sites, 1.0 / 8.0),
        }
    }
}

struct Pull<'a, T> {
    gradient: &'a mut [T],
    picture: &'a [T],
    target: &'a [T],
    factor: T,
}

impl<T: Real> Job for Pull<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Self { gradient, picture, target, factor } = self;
        for ((x, &picture), &target) in gradient.iter_mut().zip(picture).zip(target) {
            *x = A::fma(factor, picture - target, *x);
        }
    }
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
        let (part, weight) = self.part(inputs[0].len());
        let sites = inputs[0].len() / 6;
        let sum = squared_distance(&items(inputs[0])[part.clone()], &items(inputs[1])[part]);
        items_mut(output)[0] = T::of(weight * sum / sites as f64);
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
        let (part, weight) = self.part(inputs[0].len());
        let sites = inputs[0].len() / 6;
        let factor = T::of(2.0 * weight / sites as f64) * items(output_gradient)[0];
        let (picture, target) = (&items(inputs[0])[part.clone()], &items(inputs[1])[part.clone()]);
        dispatch(Pull { gradient: &mut items_mut(gradient)[part], picture, target, factor });
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        3 * self.part(inputs[0].iter().product()).0.len() as u64
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
        check_gradients(&mut Distortion::Luma, &inputs, &[true, false]);
        check_gradients(&mut Distortion::Chroma, &inputs, &[true, false]);
    }

    #[test]
    fn weighs_luma_six_times() {
        let target = ArrayD::zeros(vec![6, 2, 600]);
        let mut picture = ArrayD::zeros(vec![6, 2, 600]);
        picture.as_slice_mut().unwrap()[..4800].fill(2.0);
        picture.as_slice_mut().unwrap()[4800..6000].fill(1.0);
        let one = ArrayD::zeros(vec![1]);
        let inputs = [picture, target];
        let (luma, _) = run(&mut Distortion::Luma, &inputs, &[true, false], &one);
        let (chroma, _) = run(&mut Distortion::Chroma, &inputs, &[true, false], &one);
        assert_eq!((luma[[0]], chroma[[0]]), (6.0 * 4.0 / 8.0, 1.0 / 8.0));
    }
}
