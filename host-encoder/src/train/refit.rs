//! Context parameters fitted anew to finished latents.
//!
//! In a fit they follow latents that move until the end, and after the first block nothing follows any more. When latents are integers, only bits are left to be made few.

use crate::autodiff::optim::{Adam, AdamSettings};

use super::blocks::Finished;
use super::network::{CONTEXT_STEP, Network};
use super::quantise::round_parameters;
use super::run::CONTEXTS;
use super::source::Source;

/// Steps.
const STEPS: u32 = 150;
/// Rate of the first step; it falls as half a cosine.
const RATE: f64 = 0.03;
/// From when on, as a part of the steps, parameters are rounded while they are fitted.
const ROUNDED_FROM: f64 = 0.6;

/// Fits the context parameters of `network` to the latents of `finished`. Those that were there stay if they take no more bits, or if the numbers leave all bounds.
///
/// When `all` are finished, what emptiness flags say is not said again: latents of empty nodes do not count. Before, blocks to come are fitted with these
/// parameters, and see no flags.
pub fn refit(network: &mut Network, finished: &mut Finished, source: &Source<'_>, all: bool) {
    let mut rates = finished.rates(source, all);
    copy_context(network, &mut rates);
    rates.graph.forward();
    let before = rates.counted_bits();
    let trained: Vec<_> = rates.trained_context().collect();
    let adam = |&var| Adam::new(rates.graph.value(var).len(), AdamSettings::default());
    let mut optimisers: Vec<Adam<f32>> = trained.iter().map(adam).collect();
    for step in 0..STEPS {
        let part = f64::from(step) / f64::from(STEPS);
        rates.graph.value_mut(rates.scalar_quantisers[2])[0] = if part < ROUNDED_FROM { 0.0 } else { CONTEXT_STEP };
        rates.run(false);
        let rate = RATE * 0.5 * (1.0 + (std::f64::consts::PI * part).cos());
        for (&var, adam) in trained.iter().zip(&mut optimisers) {
            let (value, gradient) = rates.graph.value_and_gradient(var);
            if adam.step(value, gradient, rate).is_err() {
                return;
            }
            value.mapv_inplace(|value| value.clamp(CONTEXTS[0], CONTEXTS[1]));
        }
    }
    round_parameters(&mut rates, &[]);
    rates.graph.forward();
    if rates.counted_bits() < before {
        copy_context(&rates, network);
        finished.recount(&rates, network);
    }
}

fn copy_context(from: &Network, to: &mut Network) {
    for (&from_var, &to_var) in from.context.iter().zip(&to.context) {
        to.graph.value_mut(to_var).assign(from.graph.value(from_var));
    }
}
