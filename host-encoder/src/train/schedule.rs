//! What changes from step to step: rates, temperature, noise, and when weights and latents become integers.

use crate::settings::Effort;

/// Rate of the latents, in steps of the quantiser.
const LATENT_RATE: f64 = 0.2;
/// Rate of the weights.
const WEIGHT_RATE: f64 = 0.018;
/// Rate of the gains.
const GAIN_RATE: f64 = 0.03;
/// Steps until the full rate.
const WARM_UP: f64 = 20.0;
/// What is left of the rates at the end.
const LAST: f64 = 0.01;
/// When structure begins to count, where it is wanted: squared errors find the way there faster.
const STRUCTURE_FROM: f64 = 0.25;
/// When weights become integers, as a part of all steps.
const QUANTISED_FROM: f64 = 0.6;
/// When latents become integers and only the weights follow.
const SETTLED_FROM: f64 = 0.92;
/// What is left of the weights' rate when the latents become integers.
const SETTLING: f64 = 0.2;
/// Temperature of the soft rounding at the start: nearly the identity, so that gradients are smooth.
const FIRST_TEMPERATURE: f32 = 0.8;
/// Temperature of the soft rounding when the latents settle.
const LAST_TEMPERATURE: f32 = 0.1;
/// Steps between two noises of one shape.
const NOISE_SHAPES: u64 = 32;

/// The plan of an encode's steps.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// All steps of a segment.
    pub steps: u64,
}

/// The state of one step.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Rate of the latents; 0 when they are integers.
    pub latent_rate: f64,
    /// Rate of weights, biases and context parameters.
    pub weight_rate: f64,
    /// Rate of the gains.
    pub gain_rate: f64,
    /// Temperature of the latents' soft rounding.
    pub temperature: f32,
    /// Shape of the noise.
    pub noise_shape: f64,
    /// Whether the noise's shape differs from the step's before.
    pub new_noise_shape: bool,
    /// Whether structure counts, if it is wanted at all, and whether this is the first such step.
    pub structure: bool,
    /// See [`Self::structure`].
    pub structure_begins: bool,
    /// Whether layers' weights are quantised and pictures rounded.
    pub quantised: bool,
    /// Whether latents are rounded for good, and gains, biases and context parameters with them.
    pub settled: bool,
}

impl Schedule {
    /// The steps of an effort.
    pub fn new(effort: Effort) -> Self {
        Self { steps: effort.steps() }
    }

    /// What holds at a step.
    pub fn at(&self, step: u64) -> Moment {
        let part = step as f64 / self.steps as f64;
        let settled = part >= SETTLED_FROM;
        // Latents and noise reach their ends when the latents settle.
        let way = (part / SETTLED_FROM).min(1.0);
        let cosine = LAST + (1.0 - LAST) * 0.5 * (1.0 + (std::f64::consts::PI * way).cos());
        let warm = ((step + 1) as f64 / WARM_UP).min(1.0);
        let settling = SETTLING * (1.0 - (part - SETTLED_FROM) / (1.0 - SETTLED_FROM)).max(LAST);
        let factor = if settled { settling } else { cosine.max(LAST) * warm };
        let shape_at = |step: u64| {
            let way = (step / NOISE_SHAPES * NOISE_SHAPES) as f64 / self.steps as f64 / SETTLED_FROM;
            2.0 - way.min(1.0)
        };
        Moment {
            latent_rate: if settled { 0.0 } else { LATENT_RATE * factor },
            weight_rate: WEIGHT_RATE * factor,
            gain_rate: GAIN_RATE * factor,
            temperature: FIRST_TEMPERATURE + (LAST_TEMPERATURE - FIRST_TEMPERATURE) * way as f32,
            noise_shape: shape_at(step),
            new_noise_shape: step == 0 || shape_at(step) != shape_at(step - 1),
            structure: part >= STRUCTURE_FROM,
            structure_begins: part >= STRUCTURE_FROM && ((step as f64 - 1.0) / self.steps as f64) < STRUCTURE_FROM,
            quantised: part >= QUANTISED_FROM,
            settled,
        }
    }
}
