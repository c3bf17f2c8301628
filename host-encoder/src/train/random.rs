//! Random numbers that are the same on every machine.

use rand_core::{RngCore, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

/// Entries of a table of quantiles.
const QUANTILES: usize = 4096;

/// The seed of a segment's own random numbers in an encode with `seed`.
#[must_use]
pub fn segment_seed(seed: u64, index: u64) -> u64 {
    seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A stream of random numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Random(Pcg64Mcg);

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    /// Uniform in 0..1.
    fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Uniform in `0..bound`, a bound of 0 taken as 1.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound.max(1) as u64) as usize
    }

    /// Normal with deviation 1 (sum of twelve uniforms).
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }

    /// Fills `out` with what `distribution` has.
    pub fn fill(&mut self, distribution: &Kumaraswamy, out: &mut [f32]) {
        for chunk in out.chunks_mut(4) {
            let mut bits = self.0.next_u64();
            for value in chunk {
                *value = distribution.quantiles[bits as usize % QUANTILES];
                bits >>= 16;
            }
        }
    }
}

/// Kumaraswamy noise around zero, in -1/2..1/2, with its mode at zero (C3, section 3.2): uniform for a shape of 1, narrower above.
#[derive(Clone, Debug)]
pub struct Kumaraswamy {
    quantiles: Vec<f32>,
}

impl Kumaraswamy {
    /// Of a shape `a >= 1`.
    pub fn new(a: f64) -> Self {
        let b = (2f64.powf(a) * (a - 1.0) + 1.0) / a;
        let quantile = |at: usize| {
            let u = (at as f64 + 0.5) / QUANTILES as f64;
            (1.0 - (1.0 - u).powf(1.0 / b)).powf(1.0 / a) - 0.5
        };
        Self { quantiles: (0..QUANTILES).map(|at| quantile(at) as f32).collect() }
    }
}
