//! A context network: its law in integers, as SPEC section 7 has it, and its fitting to given latents.

use anyhow::{Result, anyhow};
use decoder_core::entropy::{Coder, laplace};
use decoder_core::octree::{ContextShape, INPUTS, PASSES};
use decoder_core::weights::CONTEXT_LIMIT;
use host_encoder::autodiff::kernels::Plain;
use host_encoder::autodiff::ops::octree_rate::laplace_cost;
use host_encoder::autodiff::optim::{Adam, AdamSettings};
use host_encoder::bitstream::CostMeter;
use ndarray::Array1;
use rayon::prelude::*;

use super::walk::Known;

/// Steps of a fit.
const STEPS: u32 = 500;
/// Rate of the first steps; it falls as half a cosine.
const RATE: f64 = 0.03;
/// From when on, as a part of the steps, parameters are rounded while they are fitted.
const ROUNDED_FROM: f64 = 0.6;
/// Steps of a parameter in a unit.
const UNIT: f32 = 32.0;
/// Scale classes of the format.
const CLASSES: usize = 64;
/// Latents of a piece of work. Sums are made in the order of the pieces, so that threads change nothing.
const PIECE: usize = 4096;

/// Equal latents that know the same, and their number.
pub type Counted = (Known, i8, u32);

/// The parameters of a context network, in the order of the format.
#[derive(Clone, Debug)]
pub struct Context {
    shape: ContextShape,
    items: Vec<i8>,
    /// Laws of latents that know of nothing but zeros.
    at_rest: Vec<Law>,
}

/// Location in 1/16 and scale class.
pub type Law = (i32, usize);

/// Where the tensors begin.
struct Places {
    b1: usize,
    w2: usize,
    linear: usize,
    types: usize,
    passes: usize,
}

impl Places {
    fn new(shape: ContextShape) -> Self {
        let [w1, b1, w2, linear, types, _] = shape.tensors();
        let (w2_at, linear_at) = (w1 + b1, w1 + b1 + w2);
        Self { b1: w1, w2: w2_at, linear: linear_at, types: linear_at + linear, passes: linear_at + linear + types }
    }

    /// Of the biases of a latent's scale.
    fn biases(&self, shape: ContextShape, known: &Known) -> [usize; 2] {
        [self.types + usize::from(known.predicted) * shape.channels + known.channel, self.passes + known.pass]
    }
}

impl Context {
    /// Of parameters that are there.
    pub fn new(shape: ContextShape, items: &[i8]) -> Self {
        let mut context = Self { shape, items: items[..shape.len()].to_vec(), at_rest: vec![] };
        let types = (0..shape.channels).flat_map(|channel| [false, true].map(|predicted| (channel, predicted)));
        let known =
            |(channel, predicted)| (0..PASSES).map(move |pass| Known { channel, predicted, pass, ..Known::default() });
        context.at_rest = types.flat_map(known).map(|known| context.evaluate(&known)).collect();
        context
    }

    /// The law of a latent.
    pub fn law(&self, known: &Known) -> Law {
        if known.inputs == [0; INPUTS] {
            return self.at_rest[(2 * known.channel + usize::from(known.predicted)) * PASSES + known.pass];
        }
        self.evaluate(known)
    }

    fn evaluate(&self, known: &Known) -> Law {
        let at = Places::new(self.shape);
        let item = |at: usize| i32::from(self.items[at]);
        let dot = |from: usize| -> i32 {
            self.items[from..from + INPUTS].iter().zip(&known.inputs).map(|(&w, &x)| i32::from(w) * x).sum()
        };
        let mut out = [dot(at.linear), dot(at.linear + INPUTS)];
        for unit in 0..self.shape.hidden {
            let sum = dot(unit * INPUTS) + (item(at.b1 + unit) << 5);
            let hidden = ((sum + 16) >> 5).clamp(0, 32767);
            out[0] += item(at.w2 + unit) * hidden;
            out[1] += item(at.w2 + self.shape.hidden + unit) * hidden;
        }
        let bias: i32 = at.biases(self.shape, known).map(item).into_iter().sum();
        let class = ((6 * (out[1] + (bias << 5)) + 27_648 + 512) >> 10).clamp(0, 63);
        (((out[0] + 32) >> 6).clamp(-2032, 2032), class as usize)
    }

    /// Codes a latent.
    ///
    /// # Errors
    /// If it is not one that the format has.
    pub fn code<C: Coder>(&self, coder: &mut C, known: &Known, value: i8) -> Result<i8> {
        let (location, class) = self.law(known);
        let value = laplace(coder, location, class, value.into()).map_err(|error| anyhow!("{error}"))?;
        Ok(i8::try_from(value)?)
    }

    /// Bits of latents.
    ///
    /// # Errors
    /// As [`Self::code`].
    pub fn bits(&self, latents: &[Counted]) -> Result<f64> {
        let mut bits = 0.0;
        for (known, value, count) in latents {
            let mut meter = CostMeter::default();
            self.code(&mut meter, known, *value)?;
            bits += f64::from(*count) * meter.bits;
        }
        Ok(bits)
    }

    /// Bits of the parameters: for each tensor a scale class, and each item with a Laplace distribution of that scale.
    pub fn parameter_bits(&self) -> f64 {
        let mut rest = &self.items[..];
        let of_tensor = |len| {
            let (items, after) = rest.split_at(len);
            rest = after;
            let with_class = |class| {
                let mut meter = CostMeter::default();
                let codes = items.iter().map(|&item| laplace(&mut meter, 0, class, item.into()));
                if codes.filter(Result::is_err).count() == 0 { meter.bits } else { f64::INFINITY }
            };
            let class_bits = if items.is_empty() { 0.0 } else { f64::from(CLASSES.ilog2()) };
            class_bits + (0..CLASSES).map(with_class).fold(f64::INFINITY, f64::min)
        };
        self.shape.tensors().map(of_tensor).into_iter().sum()
    }

    /// The parameters that make the bits of `latents` few. The same latents give the same parameters.
    ///
    /// # Errors
    /// If the numbers leave all bounds.
    pub fn fit(shape: ContextShape, latents: &[Counted]) -> Result<Self> {
        let all: f64 = latents.iter().map(|(.., count)| f64::from(*count)).sum();
        let mut items = start(shape).into_dyn();
        let mut adam = Adam::new(shape.len(), AdamSettings { beta2: 0.98, ..AdamSettings::default() });
        for step in 0..STEPS {
            let part = f64::from(step) / f64::from(STEPS);
            let used: Vec<f32> = match part >= ROUNDED_FROM {
                true => items.iter().map(|&item| f32::from(rounded(item)) / UNIT).collect(),
                false => items.iter().copied().collect(),
            };
            let pieces: Vec<Vec<f32>> = latents.par_chunks(PIECE).map(|piece| gradient(shape, &used, piece)).collect();
            let mut sum = Array1::zeros(shape.len()).into_dyn();
            for piece in pieces {
                sum.iter_mut().zip(piece).for_each(|(sum, gradient)| *sum += gradient / all as f32);
            }
            let rate = RATE * 0.5 * (1.0 + (std::f64::consts::PI * part).cos());
            adam.step(&mut items, &sum, rate)?;
        }
        Ok(Self::new(shape, &items.iter().map(|&item| rounded(item)).collect::<Vec<_>>()))
    }
}

fn rounded(item: f32) -> i8 {
    let limit = CONTEXT_LIMIT as f32;
    (item * UNIT).round().clamp(-limit, limit) as i8
}

/// What a fit starts with: scales that follow the magnitudes of what is known, and hidden units that differ.
fn start(shape: ContextShape) -> Array1<f32> {
    let at = Places::new(shape);
    let mut items = Array1::zeros(shape.len());
    for number in 0..at.b1 {
        items[number] = 0.3 * ((number * 7919 + 13) as f32).sin();
    }
    for number in at.w2..at.linear {
        items[number] = 0.1 * ((number * 104_729 + 7) as f32).sin();
    }
    for (input, weight) in [0.3, 0.3, 0.2, 0.1, 0.1, 0.1].into_iter().enumerate() {
        items[at.linear + INPUTS + input] = weight;
    }
    items.slice_mut(ndarray::s![at.types..at.passes]).fill(-1.5);
    items
}

/// The gradient of the bits of some latents by the parameters.
fn gradient(shape: ContextShape, items: &[f32], latents: &[Counted]) -> Vec<f32> {
    let (at, hidden) = (Places::new(shape), shape.hidden);
    let mut sums = vec![0.0; items.len()];
    let mut units = [0.0f32; 16];
    for (known, value, count) in latents {
        let x = known.inputs.map(|input| input as f32 / UNIT);
        let dot = |from: usize| -> f32 { items[from..from + INPUTS].iter().zip(&x).map(|(w, x)| w * x).sum() };
        let biases = at.biases(shape, known);
        let mut out = [dot(at.linear), dot(at.linear + INPUTS) + items[biases[0]] + items[biases[1]]];
        for (number, unit) in units.iter_mut().enumerate().take(hidden) {
            *unit = (dot(number * INPUTS) + items[at.b1 + number]).max(0.0);
            out[0] += items[at.w2 + number] * *unit;
            out[1] += items[at.w2 + hidden + number] * *unit;
        }
        let (location, scale) = (out[0].clamp(-127.0, 127.0), out[1].clamp(-4.5, 6.0));
        let cost = laplace_cost::<f32, Plain>(f32::from(*value), location, scale);
        // Beyond a bound only what leads back counts.
        let gate = |out: f32, inside: f32, slope: f32| if (out - inside) * slope < 0.0 { 0.0 } else { slope };
        let count = *count as f32;
        let by = [gate(out[0], location, -cost.by_value), gate(out[1], scale, cost.by_log2_scale)].map(|by| count * by);
        for (output, by) in by.into_iter().enumerate() {
            let from = at.linear + output * INPUTS;
            sums[from..from + INPUTS].iter_mut().zip(&x).for_each(|(sum, x)| *sum += by * x);
        }
        biases.into_iter().for_each(|bias| sums[bias] += by[1]);
        for (number, &unit) in units.iter().enumerate().take(hidden).filter(|(_, unit)| **unit > 0.0) {
            let mut by_unit = 0.0;
            for (output, by) in by.into_iter().enumerate() {
                let weight = at.w2 + output * hidden + number;
                sums[weight] += by * unit;
                by_unit += by * items[weight];
            }
            sums[at.b1 + number] += by_unit;
            let from = number * INPUTS;
            sums[from..from + INPUTS].iter_mut().zip(&x).for_each(|(sum, x)| *sum += by_unit * x);
        }
    }
    sums
}
