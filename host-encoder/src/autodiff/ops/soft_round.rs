//! Rounding with noise in training and for good at the end, after C3 (Kim et al., 2023) and Agustsson & Theis (2020).

use ndarray::ArrayD;

use super::{items, items_mut, round_half_up};
use crate::autodiff::kernels::{Arith, Job, chunked, dispatch};
use crate::autodiff::{Op, Real};

/// Largest magnitude of a latent.
pub const LIMIT: f64 = 127.0;

/// Below this temperature soft rounding is as good as hard, and single precision no longer tells the two apart.
const LOWEST_TEMPERATURE: f64 = 0.03;

/// Latents as the synthesis sees them.
///
/// Inputs: `y` of any shape, noise of the same shape and control `[2]` = (temperature, mode), both without gradient.
///
/// * Mode 0: `s = soft_round(y)`, `z = s + noise`, and the output is what `y` is expected to be given `z`,
///   `soft_round_inverse(z - 1/2) + 1/2`, where
///   `soft_round(y) = floor(y) + 1/2 + tanh((y - floor(y) - 1/2) / temperature) / (2 tanh(1 / (2 temperature)))`.
/// * Mode 1: rounded, halves up; the gradient passes straight through.
///
/// Outputs are clamped to -127..=127; beyond, the gradient is 0. A temperature below 0.03 counts as 0.03.
#[derive(Default)]
pub struct SoftRound<T> {
    /// Derivative of each output by its latent.
    slope: Vec<T>,
}

impl<T: Real> SoftRound<T> {
    /// Rounding of any array.
    pub fn new() -> Self {
        Self { slope: Vec::new() }
    }
}

struct Soft<'a, T> {
    y: &'a [T],
    noise: &'a [T],
    output: &'a mut [T],
    slope: &'a mut [T],
    temperature: f64,
}

impl<T: Real> Job for Soft<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let temperature = self.temperature.max(LOWEST_TEMPERATURE);
        let (half, one, four, limit) = (T::of(0.5), T::ONE, T::of(4.0), T::of(LIMIT));
        let a = (0.5 / temperature).tanh();
        // 1 - a without cancellation: the terms below are (1 +- v) with v = (2 w - 1) a.
        let rest = T::of(2.0 / ((1.0 / temperature).exp() + 1.0));
        let (twice, half_over_a) = (T::of(2.0 * a), T::of(0.5 / a));
        let (rate, half_temperature) = (T::of(-2.0 / temperature), T::of(0.5 * temperature));
        let inputs = self.y.iter().zip(self.noise);
        for ((output, slope), (&y, &noise)) in self.output.iter_mut().zip(self.slope).zip(inputs) {
            let cell = y.floor();
            let r = y - cell - half;
            let e = (r.abs() * rate).fast_exp::<A>();
            let inverse = one / (one + e);
            let tanh = (one - e) * inverse;
            let tanh = if r < T::ZERO { -tanh } else { tanh };
            // z - 1/2.
            let z = cell + tanh * half_over_a + noise;
            let cell = z.floor();
            let w = z - cell;
            let above = A::fma(twice, w, rest);
            let below = A::fma(twice, one - w, rest);
            // One division for both quotients below.
            let product = one / (above * below);
            let value = cell + one + half_temperature * (above * above * product).fast_ln::<A>();
            // (1 - tanh^2) / (1 - v^2): the two derivatives' other factors cancel.
            let derivative = four * e * inverse * inverse * product;
            let inside = (value > -limit) & (value < limit);
            *output = value.max(-limit).min(limit);
            *slope = if inside { derivative } else { T::ZERO };
        }
    }
}

struct Hard<'a, T> {
    y: &'a [T],
    output: &'a mut [T],
    slope: &'a mut [T],
}

impl<T: Real> Job for Hard<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let limit = T::of(LIMIT);
        for ((output, slope), &y) in self.output.iter_mut().zip(self.slope).zip(self.y) {
            let inside = (y > -limit) & (y < limit);
            *output = round_half_up(y).max(-limit).min(limit);
            *slope = if inside { T::ONE } else { T::ZERO };
        }
    }
}

impl<T: Real> Op<T> for SoftRound<T> {
    fn name(&self) -> &'static str {
        "soft round"
    }

    fn output_shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        assert_eq!(inputs.len(), 3, "latents, noise and control");
        assert_eq!(inputs[0], inputs[1], "latents and noise have one shape");
        assert_eq!(inputs[2], [2], "temperature and mode");
        inputs[0].to_vec()
    }

    fn forward(&mut self, inputs: &[&ArrayD<T>], output: &mut ArrayD<T>) {
        let (y, noise, control) = (items(inputs[0]), items(inputs[1]), items(inputs[2]));
        self.slope.resize(y.len(), T::ZERO);
        let (temperature, hard) = (control[0].to_f64(), control[1] > T::of(0.5));
        chunked(items_mut(output), &mut self.slope, |first, output, slope| {
            let range = first..first + output.len();
            let y = &y[range.clone()];
            if hard {
                dispatch(Hard { y, output, slope });
            } else {
                dispatch(Soft { y, noise: &noise[range], output, slope, temperature });
            }
        });
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
        let g = items(output_gradient);
        chunked(items_mut(gradient), &mut self.slope, |first, gradient, slope| {
            for ((x, &slope), &g) in gradient.iter_mut().zip(&*slope).zip(&g[first..]) {
                *x += slope * g;
            }
        });
    }

    fn forward_flops(&self, inputs: &[&[usize]]) -> u64 {
        60 * inputs[0].iter().product::<usize>() as u64
    }

    fn backward_flops(&self, inputs: &[&[usize]]) -> u64 {
        2 * inputs[0].iter().product::<usize>() as u64
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::super::check::{Noise, check_gradients, run};
    use super::*;

    #[test]
    fn gradients() {
        for temperature in [0.15, 0.3, 1.0] {
            let mut noise = Noise(4);
            let inputs = [
                noise.array(&[4, 50], -3.0, 3.0),
                noise.array(&[4, 50], -0.4, 0.4),
                arr1(&[temperature, 0.0]).into_dyn(),
            ];
            check_gradients(&mut SoftRound::new(), &inputs, &[true, false, false]);
        }
    }

    /// The formulas of the papers, term by term.
    fn reference(y: f64, noise: f64, t: f64) -> f64 {
        let a = (0.5 / t).tanh();
        let s = y.floor() + 0.5 * ((y - y.floor() - 0.5) / t).tanh() / a + 0.5;
        let u = s + noise - 0.5;
        u.floor() + 0.5 + t * ((2.0 * (u - u.floor()) - 1.0) * a).atanh() + 0.5
    }

    #[test]
    fn agrees_with_the_formulas_also_in_single_precision() {
        let mut noise = Noise(7);
        let (y, n) = (noise.array(&[40_000], -6.0, 6.0), noise.array(&[40_000], -0.45, 0.45));
        for t in [0.1, 0.3, 0.9] {
            let control = arr1(&[t, 0.0]).into_dyn();
            let inputs = [y.clone(), n.clone(), control.clone()];
            let (exact, slopes) =
                run(&mut SoftRound::new(), &inputs, &[true, false, false], &ArrayD::ones(y.raw_dim()));
            let single = [&y, &n, &control].map(|x| x.mapv(|x| x as f32));
            let mut op = SoftRound::new();
            let mut output = ArrayD::zeros(y.raw_dim());
            op.forward(&[&single[0], &single[1], &single[2]], &mut output);
            let mut gradient = ArrayD::zeros(y.raw_dim());
            let ones = ArrayD::ones(y.raw_dim());
            let inputs = [&single[0], &single[1], &single[2]];
            op.backward(&inputs, &output, &ones, &mut [Some(&mut gradient), None, None]);
            for i in 0..y.len() {
                let wanted = reference(y[[i]], n[[i]], t);
                assert!((exact[[i]] - wanted).abs() < 1e-9);
                // Single precision moves z by 2e-7, which the inverse's slope and curvature multiply.
                let slope = slopes[0].as_ref().unwrap()[[i]];
                assert!((f64::from(output[[i]]) - wanted).abs() < 1e-3, "{} {}", output[[i]], wanted);
                assert!((f64::from(gradient[[i]]) - slope).abs() < 5e-3 * slope.max(1.0), "{} {slope}", gradient[[i]]);
            }
        }
    }

    #[test]
    fn without_noise_half_way_it_is_the_identity_shifted() {
        // z - 1/2 = s when the noise is 1/2: the inverse undoes the rounding.
        let y = Noise(3).array(&[100], -5.0, 5.0);
        let noise = ArrayD::from_elem(vec![100], 0.5);
        let inputs = [y.clone(), noise, arr1(&[0.3, 0.0]).into_dyn()];
        let (z, _) = run(&mut SoftRound::new(), &inputs, &[true, false, false], &ArrayD::ones(vec![100]));
        assert!(z.iter().zip(&y).all(|(z, y)| (z - y - 0.5).abs() < 1e-9));
    }

    #[test]
    fn hard_rounding_and_limits() {
        let y = arr1(&[0.5, -0.5, 0.49, 200.0, -200.0]).into_dyn();
        let g = ArrayD::ones(vec![5]);
        let inputs = [y, ArrayD::zeros(vec![5]), arr1(&[0.3, 1.0]).into_dyn()];
        let (z, gradients) = run(&mut SoftRound::new(), &inputs, &[true, false, false], &g);
        assert_eq!(z, arr1(&[1.0, 0.0, 0.0, 127.0, -127.0]).into_dyn());
        assert_eq!(gradients[0], Some(arr1(&[1.0, 1.0, 1.0, 0.0, 0.0]).into_dyn()));
    }
}
