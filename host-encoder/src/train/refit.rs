//! Context parameters fitted anew to finished latents.
//!
//! In a fit they follow latents that move until the end, and after the first block nothing follows any more. When latents are integers, only bits are left to be made few.

use ndarray::ArrayD;

use crate::autodiff::Var;
use crate::autodiff::optim::{Adam, AdamSettings};

use super::blocks::Finished;
use super::network::{CONTEXT_STEP, Network};
use super::quantise::round_parameters;
use super::run::CONTEXTS;
use super::source::Source;

/// Steps.
const STEPS: u32 = 150;
/// Steps with motion alone, which take little time: of a picture there are few vectors.
const MOTION_STEPS: u32 = 600;
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
    let trained: Vec<Var> = rates.trained_context().collect();
    improve(&mut rates, &trained, STEPS, |_| ());
    let motion: Vec<Var> = rates.motion_context().collect();
    rates.leave_out_grids();
    // The vectors of a first block do not pay for hidden units, and from weights of zero these do not come back.
    improve(&mut rates, &motion, MOTION_STEPS, Network::restart_motion_context);
    if rates.counted_bits() < before {
        copy_context(&rates, network);
        finished.recount(&rates, network);
    }
}

/// Fits some context parameters from where `begin` puts them. They stay what they were if they take no fewer bits then, or if the numbers leave all bounds.
pub fn improve(rates: &mut Network, vars: &[Var], steps: u32, begin: impl FnOnce(&mut Network)) {
    let bits = rates.counted_bits();
    let before: Vec<ArrayD<f32>> = vars.iter().map(|&var| rates.graph.value(var).clone()).collect();
    begin(rates);
    let is_finite = descend(rates, vars, steps);
    round_parameters(rates, &[]);
    rates.graph.forward();
    if !is_finite || rates.counted_bits() >= bits {
        for (&var, before) in vars.iter().zip(&before) {
            rates.graph.value_mut(var).assign(before);
        }
        rates.graph.forward();
    }
}

/// Moves parameters against their gradients; `false` if one of these is not finite.
fn descend(rates: &mut Network, vars: &[Var], steps: u32) -> bool {
    let adam = |&var| Adam::new(rates.graph.value(var).len(), AdamSettings::default());
    let mut optimisers: Vec<Adam<f32>> = vars.iter().map(adam).collect();
    for step in 0..steps {
        let part = f64::from(step) / f64::from(steps);
        rates.graph.value_mut(rates.scalar_quantisers[2])[0] = if part < ROUNDED_FROM { 0.0 } else { CONTEXT_STEP };
        rates.run(false);
        let rate = RATE * 0.5 * (1.0 + (std::f64::consts::PI * part).cos());
        for (&var, adam) in vars.iter().zip(&mut optimisers) {
            let (value, gradient) = rates.graph.value_and_gradient(var);
            if adam.step(value, gradient, rate).is_err() {
                return false;
            }
            value.mapv_inplace(|value| value.clamp(CONTEXTS[0], CONTEXTS[1]));
        }
    }
    true
}

fn copy_context(from: &Network, to: &mut Network) {
    for (&from_var, &to_var) in from.context.iter().zip(&to.context) {
        to.graph.value_mut(to_var).assign(from.graph.value(from_var));
    }
}
