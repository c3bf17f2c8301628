//! The parameters of a segment: how many there are, where they lie, how they are coded (SPEC section 5).

use heapless::Vec;

use crate::entropy::{Coder, laplace, raw};
use crate::error::{Corruption, Error, Result};
use crate::octree::ContextShape;
use crate::wire::{Architecture, MAX_GRIDS, MAX_LAYERS};

/// Bits of a gain.
const GAIN_BITS: u32 = 14;
/// Bits of a layer's shift.
const SHIFT_BITS: u32 = 4;
/// Bits of a tensor's scale class.
const SCALE_BITS: u32 = 6;
/// Largest magnitude of a weight.
pub const WEIGHT_LIMIT: i32 = 1023;
/// Largest magnitude of a bias.
pub const BIAS_LIMIT: i32 = 4095;
/// Largest magnitude of a context parameter.
pub const CONTEXT_LIMIT: i32 = 127;
/// Largest gain.
pub const GAIN_LIMIT: u16 = (1 << GAIN_BITS) - 1;

/// Scalars of a segment that are too few for an array of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scalars {
    /// For each grid, activation units per latent step.
    pub gains: Vec<u16, MAX_GRIDS>,
    /// For each layer, the fraction bits of its weights, 1..=15.
    pub shifts: Vec<u8, MAX_LAYERS>,
}

/// Arrays of a segment's parameters, in memory of the caller.
#[derive(Debug)]
pub struct Parameters<'a> {
    /// All layers' weights, in order, `[output][ky][kx][input]`.
    pub weights: &'a mut [i16],
    /// All layers' biases, in order, steps of `2^-7`.
    pub biases: &'a mut [i16],
    /// The latents' context parameters, then the motion field's; steps of `2^-5`.
    pub context: &'a mut [i8],
}

/// How many parameters an architecture has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParameterCount {
    /// Weights of all layers.
    pub weights: usize,
    /// Biases of all layers.
    pub biases: usize,
    /// Context parameters.
    pub context: usize,
}

impl ParameterCount {
    /// Of an architecture.
    #[must_use]
    pub fn new(architecture: &Architecture) -> Self {
        let mut count = Self { context: ContextShape::latents(architecture).len(), ..Self::default() };
        for (_, inputs, layer) in architecture.layers() {
            count.weights += layer.kind.weights(inputs, layer.outputs.into());
            count.biases += if layer.bias { usize::from(layer.outputs) } else { 0 };
        }
        if architecture.motion.is_some() {
            count.context += ContextShape::MOTION.len();
        }
        count
    }
}

/// An integer array element.
trait Item: Copy {
    fn get(self) -> i32;
    fn set(value: i32) -> Self;
}
impl Item for i16 {
    fn get(self) -> i32 {
        self.into()
    }
    fn set(value: i32) -> Self {
        value as Self
    }
}
impl Item for i8 {
    fn get(self) -> i32 {
        self.into()
    }
    fn set(value: i32) -> Self {
        value as Self
    }
}

/// Codes a tensor; an encoder chooses the scale class from its mean magnitude.
fn tensor<C: Coder, T: Item>(coder: &mut C, items: &mut [T], limit: i32) -> Result<()> {
    let class = if C::DECODES { 0 } else { scale_class(items.iter().map(|item| item.get())) };
    let class = raw(coder, SCALE_BITS, class) as usize;
    for item in items {
        let value = laplace(coder, 0, class, item.get())?;
        if value.abs() > limit {
            return Err(Error::Corrupt(Corruption::Weight));
        }
        *item = T::set(value);
    }
    Ok(())
}

/// The class `k` whose scale `2^(k/6 - 4.5)` is nearest to the mean magnitude, the best scale of a Laplace distribution.
///
/// With `m` the mean in 1/64, `log2 m` is piecewise linear in 1/32 as in the context features; its error is below a tenth of a class.
fn scale_class(items: impl Iterator<Item = i32>) -> u32 {
    let (count, sum) = items.fold((0u64, 0u64), |(n, s), item| (n + 1, s + u64::from(item.unsigned_abs())));
    let mean = (sum * 64).checked_div(count).unwrap_or(0).clamp(1, 1 << 20) as u32;
    let log2 = crate::octree::log2_q5(mean - 1) - 6 * 32;
    (((log2 + 144) * 6 + 16) >> 5).clamp(0, 63) as u32
}

/// Codes a segment's parameters: reads them from a decoder, or writes them to an encoder.
///
/// # Errors
/// [`Corruption::Weight`] for a value out of range, [`Corruption::Overflow`] for a layer whose sums could exceed 32 bits; from an encoder the same,
/// for parameters that the format does not have.
pub fn code<C: Coder>(
    coder: &mut C,
    architecture: &Architecture,
    scalars: &mut Scalars,
    parameters: &mut Parameters<'_>,
) -> Result<()> {
    let invalid = Error::Corrupt(Corruption::Weight);
    for gain in &mut scalars.gains {
        *gain = raw(coder, GAIN_BITS, (*gain).into()) as u16;
        if *gain == 0 {
            return Err(invalid);
        }
    }
    let (mut weights, mut biases) = (&mut *parameters.weights, &mut *parameters.biases);
    for ((_, inputs, layer), shift) in architecture.layers().zip(&mut scalars.shifts) {
        *shift = raw(coder, SHIFT_BITS, (*shift).into()) as u8;
        if *shift == 0 {
            return Err(invalid);
        }
        let outputs = usize::from(layer.outputs);
        let (of_layer, rest) = weights.split_at_mut_checked(layer.kind.weights(inputs, outputs)).ok_or(invalid)?;
        weights = rest;
        tensor(coder, of_layer, WEIGHT_LIMIT)?;
        let bias_of_layer = if layer.bias {
            let (bias, rest) = biases.split_at_mut_checked(outputs).ok_or(invalid)?;
            biases = rest;
            tensor(coder, bias, BIAS_LIMIT)?;
            bias
        } else {
            &mut []
        };
        check_overflow(of_layer, bias_of_layer, outputs, (*shift).into())?;
    }
    let mut context = &mut *parameters.context;
    let motion = architecture.motion.map(|_| ContextShape::MOTION);
    for shape in [Some(ContextShape::latents(architecture)), motion].into_iter().flatten() {
        for len in shape.tensors() {
            let (items, rest) = context.split_at_mut_checked(len).ok_or(invalid)?;
            context = rest;
            if len > 0 {
                tensor(coder, items, CONTEXT_LIMIT)?;
            }
        }
    }
    Ok(())
}

/// Refuses a layer whose 32-bit sum could overflow for some input.
fn check_overflow(weights: &[i16], biases: &[i16], outputs: usize, shift: u32) -> Result<()> {
    let per_output = weights.len().checked_div(outputs).unwrap_or(0).max(1);
    for (output, filter) in weights.chunks(per_output).enumerate() {
        let sum: u64 = filter.iter().map(|weight| u64::from(weight.unsigned_abs())).sum();
        let bias = u64::from(biases.get(output).map_or(0, |bias| bias.unsigned_abs()));
        if 32768 * sum
            + (bias << (shift + crate::fixed::ACTIVATION_FRACTION - crate::fixed::BIAS_FRACTION))
            + (1 << (shift - 1))
            >= 1 << 31
        {
            return Err(Error::Corrupt(Corruption::Overflow));
        }
    }
    Ok(())
}
