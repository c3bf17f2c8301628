//! Adam (Kingma & Ba, 2015).

use ndarray::ArrayD;
use rayon::prelude::*;

use super::Real;
use super::kernels::{Arith, Job, dispatch};

/// Elements of a piece of work.
const CHUNK: usize = 16 * 1024;

/// What does not change from step to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamSettings {
    /// Decay of the mean gradient in a step.
    pub beta1: f64,
    /// Decay of the mean squared gradient in a step.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
}

impl Default for AdamSettings {
    /// The paper's.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

/// A gradient was infinite or not a number; the step was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonFiniteGradient;

impl std::fmt::Display for NonFiniteGradient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a gradient is not finite")
    }
}

impl std::error::Error for NonFiniteGradient {}

/// The optimiser of one leaf.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam<T> {
    settings: AdamSettings,
    first: Vec<T>,
    second: Vec<T>,
    steps: u64,
}

impl<T: Real> Adam<T> {
    /// For a leaf of `len` elements, before its first step.
    pub fn new(len: usize, settings: AdamSettings) -> Self {
        Self { settings, first: vec![T::ZERO; len], second: vec![T::ZERO; len], steps: 0 }
    }

    /// Continues from what [`Self::first_moments`], [`Self::second_moments`] and [`Self::steps`] said.
    ///
    /// # Panics
    /// If the two do not have one length.
    pub fn restore(settings: AdamSettings, first: Vec<T>, second: Vec<T>, steps: u64) -> Self {
        assert_eq!(first.len(), second.len(), "moments of one leaf");
        Self { settings, first, second, steps }
    }

    /// What does not change.
    pub fn settings(&self) -> AdamSettings {
        self.settings
    }

    /// Mean gradients, biased towards 0.
    pub fn first_moments(&self) -> &[T] {
        &self.first
    }

    /// Mean squared gradients, biased towards 0.
    pub fn second_moments(&self) -> &[T] {
        &self.second
    }

    /// Steps made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Moves `value` against `gradient`, by about `rate` where gradients agree from step to step. `value` and
    /// `gradient` have the leaf's length.
    ///
    /// # Errors
    /// If an element of the gradient is not finite: then nothing is changed.
    pub fn step(&mut self, value: &mut ArrayD<T>, gradient: &ArrayD<T>, rate: f64) -> Result<(), NonFiniteGradient> {
        let value = value.as_slice_mut().expect("the arrays of a tape are contiguous");
        let gradient = gradient.as_slice().expect("the arrays of a tape are contiguous");
        assert_eq!((value.len(), gradient.len()), (self.first.len(), self.first.len()), "the leaf's length");
        if !gradient.par_chunks(CHUNK).all(|chunk| dispatch(AllFinite(chunk))) {
            return Err(NonFiniteGradient);
        }
        self.steps += 1;
        let AdamSettings { beta1, beta2, epsilon } = self.settings;
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (bias1, bias2) = (1.0 - beta1.powi(steps), 1.0 - beta2.powi(steps));
        // rate * (m / bias1) / (sqrt(v / bias2) + epsilon), with the corrections taken out of the loop.
        let rate = rate * bias2.sqrt() / bias1;
        let constants = [beta1, 1.0 - beta1, beta2, 1.0 - beta2, rate, epsilon * bias2.sqrt()].map(T::of);
        let moments = self.first.par_chunks_mut(CHUNK).zip(self.second.par_chunks_mut(CHUNK));
        let chunks = value.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(moments);
        chunks.for_each(|((value, gradient), (first, second))| {
            dispatch(Update { constants, value, gradient, first, second });
        });
        Ok(())
    }
}

struct AllFinite<'a, T>(&'a [T]);

impl<T: Real> Job for AllFinite<'_, T> {
    type Output = bool;
    #[inline(always)]
    fn run<A: Arith>(self) -> bool {
        // No early exit, so that the loop is vector code: 0 x is NaN for all that is not finite.
        self.0.iter().fold(true, |all, &x| all & (x * T::ZERO == T::ZERO))
    }
}

struct Update<'a, T> {
    constants: [T; 6],
    value: &'a mut [T],
    gradient: &'a [T],
    first: &'a mut [T],
    second: &'a mut [T],
}

impl<T: Real> Job for Update<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let [beta1, rest1, beta2, rest2, rate, epsilon] = self.constants;
        let moments = self.first.iter_mut().zip(self.second);
        for ((value, &g), (first, second)) in self.value.iter_mut().zip(self.gradient).zip(moments) {
            *first = A::fma(beta1, *first, rest1 * g);
            *second = A::fma(beta2, *second, rest2 * g * g);
            *value -= rate * *first / (second.sqrt() + epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::*;

    #[test]
    fn agrees_with_the_paper() {
        let settings = AdamSettings { beta1: 0.8, beta2: 0.95, epsilon: 1e-3 };
        let mut adam = Adam::new(3, settings);
        let mut value = arr1(&[1.0, -2.0, 0.5]).into_dyn();
        let (mut expected, mut m, mut v) = ([1.0, -2.0, 0.5], [0.0; 3], [0.0; 3]);
        for t in 1..=5 {
            let gradient = arr1(&[0.3 * f64::from(t), -1.0, 0.0]).into_dyn();
            adam.step(&mut value, &gradient, 0.1).unwrap();
            for i in 0..3 {
                m[i] = 0.8 * m[i] + 0.2 * gradient[[i]];
                v[i] = 0.95 * v[i] + 0.05 * gradient[[i]] * gradient[[i]];
                let (m, v): (f64, f64) = (m[i] / (1.0 - 0.8_f64.powi(t)), v[i] / (1.0 - 0.95_f64.powi(t)));
                expected[i] -= 0.1 * m / (v.sqrt() + 1e-3);
                assert!((value[[i]] - expected[i]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn refuses_what_is_not_finite() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut adam = Adam::new(40_000, AdamSettings::default());
            let before = adam.clone();
            let mut value = ArrayD::zeros(vec![40_000]);
            let mut gradient = ArrayD::ones(vec![40_000]);
            gradient[[39_999]] = bad;
            assert_eq!(adam.step(&mut value, &gradient, 0.1), Err(NonFiniteGradient));
            assert_eq!(adam, before);
            assert_eq!(value.sum(), 0.0);
        }
    }

    #[test]
    fn continues_from_a_checkpoint() {
        let mut value = arr1(&[1.0_f32, 2.0]).into_dyn();
        let mut adam = Adam::new(2, AdamSettings::default());
        adam.step(&mut value, &arr1(&[0.5, -0.5]).into_dyn(), 0.01).unwrap();
        let (first, second) = (adam.first_moments().to_vec(), adam.second_moments().to_vec());
        let mut restored = Adam::restore(AdamSettings::default(), first, second, adam.steps());
        let mut other = value.clone();
        let gradient = arr1(&[0.25, 0.5]).into_dyn();
        adam.step(&mut value, &gradient, 0.01).unwrap();
        restored.step(&mut other, &gradient, 0.01).unwrap();
        assert_eq!((value, adam), (other, restored));
    }
}
