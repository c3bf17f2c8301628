//! Prediction plus residual, SPEC section 8.

use ndarray::ArrayD;

use super::{items, items_mut, pass_clip, planes, round_half_up};
use crate::autodiff::kernels::{Arith, Job, dispatch};
use crate::autodiff::{Op, Real};

/// Code values in one unit of activation.
const CODE_VALUES: f64 = 64.0;
/// Steps of the decoder's activations in a code value.
const STEPS: f64 = 64.0;

/// `clip(prediction + 64 * residual, 0, 255)`.
///
/// Inputs: prediction `[6, LH, LW]` in code values, residual of the same shape (the network's output; 1.0 is 64 code
/// values), control `[1]`, without gradient. With control above 0 the residual is rounded to steps of the decoder's activations
/// and then to code values, halves up, and the gradient passes straight through: a fit moves flat areas to the threshold of a
/// rounding, so that rounding once, 1/128 of a code value beside the decoder's threshold, would let them drift from picture to
/// picture. A clipped sample passes only what pushes it back inside.
#[derive(Clone, Copy, Debug)]
pub struct Reconstruct;

struct Add<'a, T> {
    picture: &'a mut [T],
    prediction: &'a [T],
    residual: &'a [T],
    rounded: bool,
}

impl<T: Real> Job for Add<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let (scale, highest) = (T::of(CODE_VALUES), T::of(255.0));
        let samples = self.picture.iter_mut().zip(self.prediction).zip(self.residual);
        if self.rounded {
            let (steps, step) = (T::of(STEPS * CODE_VALUES), T::of(1.0 / STEPS));
            for ((y, &prediction), &residual) in samples {
                let code_values = round_half_up(step * round_half_up(steps * residual));
                *y = (prediction + code_values).max(T::ZERO).min(highest);
            }
        } else {
            for ((y, &prediction), &residual) in samples {
                *y = A::fma(scale, residual, prediction).max(T::ZERO).min(highest);
            }
        }
    }
}

struct PassClip<'a, T> {
    gradient: &'a mut [T],
    picture: &'a [T],
    picture_gradient: &'a [T],
    scale: T,
}

impl<T: Real> Job for PassClip<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let samples = self.gradient.iter_mut().zip(self.picture).zip(self.picture_gradient);
        for ((x, &y), &g) in samples {
            *x = A::fma(self.scale, pass_clip(y, g), *x);
        }
    }
}

impl<T: Real> Op<T> for Reconstruct {
    fn name(&self) -> &'static str {
        "reconstruct"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 3, "prediction, residual and control");
        assert_eq!(planes(inputs[0])[0], 6, "a lattice has 6 channels");
        assert_eq!(inputs[0], inputs[1], "prediction and residual have one shape");
        assert_eq!(inputs[2], [1], "one control");
        inputs[0].to_vec()
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let rounded = items(inputs[2])[0] > T::ZERO;
        let (prediction, residual) = (items(inputs[0]), items(inputs[1]));
        dispatch(Add { picture: items_mut(output), prediction, residual, rounded });
    }

    fn backward(
        &mut self,
        _inputs: &[&ArrayD<T>],
        output: &ArrayD<T>,
        output_gradient: &ArrayD<T>,
        gradients: &mut [Option<&mut ArrayD<T>>],
    ) {
        for (gradient, scale) in gradients.iter_mut().zip([T::ONE, T::of(CODE_VALUES)]) {
            let Some(gradient) = gradient else { continue };
            let (picture, picture_gradient) = (items(output), items(output_gradient));
            dispatch(PassClip { gradient: items_mut(gradient), picture, picture_gradient, scale });
        }
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        4 * inputs[0].iter().product::<usize>() as u64
    }
}

#[cfg(test)]
mod tests {
    use decoder_core::fixed::{CODE_VALUE_SHIFT, round_shift};
    use ndarray::{ArrayD, arr1};

    use super::super::check::{Noise, check_gradients, run};
    use super::*;

    #[test]
    fn gradients() {
        let mut noise = Noise(8);
        let shape = [6, 3, 5];
        let inputs = [noise.array(&shape, 70.0, 180.0), noise.array(&shape, -1.0, 1.0), arr1(&[0.0]).into_dyn()];
        check_gradients(&mut Reconstruct, &inputs, &[true, true, false]);
    }

    #[test]
    fn residuals_are_rounded_as_the_decoder_rounds_an_activation() {
        // Sixteenths of a step of the decoder's activations, around 0 code values.
        let sixteenths: Vec<i32> = (-3000..3000).collect();
        let residual: Vec<f64> = sixteenths.iter().map(|&at| f64::from(at) / 65536.0).collect();
        let shape = vec![6, 1, sixteenths.len() / 6];
        let inputs = [
            ArrayD::from_elem(shape.clone(), 100.0),
            ArrayD::from_shape_vec(shape.clone(), residual).unwrap(),
            arr1(&[1.0]).into_dyn(),
        ];
        let (y, _) = run(&mut Reconstruct, &inputs, &[false; 3], &ArrayD::ones(shape));
        for (&at, &y) in sixteenths.iter().zip(&y) {
            let activation = round_shift(at, 4);
            assert_eq!(y, f64::from(100 + round_shift(activation, CODE_VALUE_SHIFT)), "{at}");
        }
    }

    #[test]
    fn rounds_and_clips() {
        let prediction = ArrayD::from_shape_vec(vec![6, 1, 1], vec![10.0, 10.0, 250.0, 250.0, 5.0, 5.0]).unwrap();
        let residual = [0.5 / 64.0, -0.5 / 64.0, 1.0, 1.0, -1.0, -1.0];
        let residual = ArrayD::from_shape_vec(vec![6, 1, 1], residual.to_vec()).unwrap();
        let g = ArrayD::from_shape_vec(vec![6, 1, 1], vec![1.0, 1.0, 1.0, -1.0, 1.0, -1.0]).unwrap();
        let inputs = [prediction, residual, arr1(&[1.0]).into_dyn()];
        let (y, gradients) = run(&mut Reconstruct, &inputs, &[true, true, false], &g);
        assert_eq!(y.as_slice().unwrap(), [11.0, 10.0, 255.0, 255.0, 0.0, 0.0]);
        assert_eq!(gradients[0].as_ref().unwrap().as_slice().unwrap(), [1.0, 1.0, 1.0, 0.0, 0.0, -1.0]);
        assert_eq!(gradients[1].as_ref().unwrap().as_slice().unwrap(), [64.0, 64.0, 64.0, 0.0, 0.0, -64.0]);
    }
}
