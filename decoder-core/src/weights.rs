//! The parameters of a segment: how many there are, where they lie, how they are coded (SPEC section 5).

use heapless::Vec;

use crate::entropy::{Coder, exp_golomb, laplace, raw};
use crate::error::{Corruption, Error, Result};
use crate::fixed::{ACTIVATION_FRACTION, BIAS_FRACTION};
use crate::octree::ContextShape;
use crate::wire::{Architecture, MAX_GRIDS, MAX_LAYERS};

/// Fraction bits that an activation has more than a bias.
const BIAS_SHIFT: u32 = ACTIVATION_FRACTION - BIAS_FRACTION;
/// Bits of a gain.
const GAIN_BITS: u32 = 14;
/// Bits of a layer's shift.
const SHIFT_BITS: u32 = 4;
/// Order of the number of chunks until an update.
const UPDATE_ORDER: u32 = 4;
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

/// What an encoder's update makes of gains and layers; a decoder has nothing to say here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Next<'a> {
    /// As in [`Scalars`].
    pub gains: &'a [u16],
    /// As in [`Parameters`].
    pub weights: &'a [i16],
    /// As in [`Parameters`].
    pub biases: &'a [i16],
}

/// How many parameters an architecture has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParameterCount {
    /// Weights of all layers.
    pub weights: usize,
    /// Biases of all layers.
    pub biases: usize,
    /// Sums of all layers that do not begin with zero.
    pub starts: usize,
    /// Context parameters.
    pub context: usize,
}

impl ParameterCount {
    /// Of an architecture.
    #[must_use]
    pub fn new(architecture: &Architecture) -> Self {
        let mut count = Self { context: ContextShape::latents(architecture).len(), ..Self::default() };
        for ((_, inputs, layer), centred) in architecture.layers().zip(architecture.centred()) {
            let outputs = usize::from(layer.outputs);
            count.weights += layer.kind.weights(inputs, outputs);
            count.biases += if layer.bias { outputs } else { 0 };
            count.starts += if layer.bias || centred { outputs } else { 0 };
        }
        count.context += ContextShape::of_motion(architecture).map(ContextShape::len).sum::<usize>();
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
impl Item for u16 {
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

/// Codes a tensor, or, if there is a `next`, what it takes to become that.
fn tensor<C: Coder, T: Item>(coder: &mut C, items: &mut [T], next: Option<&[T]>, limit: i32) -> Result<()> {
    let (updates, next) = (next.is_some(), next.unwrap_or_default());
    let base = |item: &T| if updates { item.get() } else { 0 };
    let coded = |(at, item): (usize, &T)| next.get(at).unwrap_or(item).get() - base(item);
    let class = coder.scale_class(items.iter().enumerate().map(coded));
    let class = raw(coder, SCALE_BITS, class) as usize;
    for (at, item) in items.iter_mut().enumerate() {
        let value = base(item) + laplace(coder, 0, class, coded((at, item)))?;
        if value.abs() > limit {
            return Err(Error::Corrupt(Corruption::Weight));
        }
        *item = T::set(value);
    }
    Ok(())
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
    layers(coder, architecture, scalars, parameters, None)?;
    let mut context = &mut *parameters.context;
    for shape in [ContextShape::latents(architecture)].into_iter().chain(ContextShape::of_motion(architecture)) {
        for len in shape.tensors() {
            let (items, rest) = context.split_at_mut_checked(len).ok_or(invalid)?;
            context = rest;
            if len > 0 {
                tensor(coder, items, None, CONTEXT_LIMIT)?;
            }
        }
    }
    Ok(())
}

/// Codes in how many chunks gains and layers are updated; 0 is never.
///
/// # Errors
/// [`Corruption::Number`] for one that is out of every range.
pub fn code_interval<C: Coder>(coder: &mut C, chunks: u32) -> Result<u32> {
    exp_golomb(coder, UPDATE_ORDER, chunks)
}

/// Codes an update: gains, weights and biases change by what is coded, or, at an encoder, by what makes them `next`.
///
/// # Errors
/// Those of [`code`].
pub fn code_update<C: Coder>(
    coder: &mut C,
    architecture: &Architecture,
    scalars: &mut Scalars,
    parameters: &mut Parameters<'_>,
    next: Next<'_>,
) -> Result<()> {
    tensor(coder, &mut scalars.gains, Some(next.gains), GAIN_LIMIT.into())?;
    if scalars.gains.iter().any(|gain| !(1..=GAIN_LIMIT).contains(gain)) {
        return Err(Error::Corrupt(Corruption::Weight));
    }
    layers(coder, architecture, scalars, parameters, Some(next))
}

/// Codes the layers, or, if there is a `next`, how they change.
fn layers<C: Coder>(
    coder: &mut C,
    architecture: &Architecture,
    scalars: &mut Scalars,
    parameters: &mut Parameters<'_>,
    mut next: Option<Next<'_>>,
) -> Result<()> {
    let invalid = Error::Corrupt(Corruption::Weight);
    let (mut weights, mut biases) = (&mut *parameters.weights, &mut *parameters.biases);
    let mut before: &[i16] = &[];
    for (((_, inputs, layer), centred), shift) in
        architecture.layers().zip(architecture.centred()).zip(&mut scalars.shifts)
    {
        if next.is_none() {
            *shift = raw(coder, SHIFT_BITS, (*shift).into()) as u8;
            if *shift == 0 {
                return Err(invalid);
            }
        }
        let outputs = usize::from(layer.outputs);
        let (of_layer, rest) = weights.split_at_mut_checked(layer.kind.weights(inputs, outputs)).ok_or(invalid)?;
        weights = rest;
        let of_next = next.as_mut().map(|next| first(&mut next.weights, of_layer.len()));
        tensor(coder, of_layer, of_next, WEIGHT_LIMIT)?;
        let own: &[i16] = if layer.bias {
            let (own, rest) = biases.split_at_mut_checked(outputs).ok_or(invalid)?;
            biases = rest;
            let of_next = next.as_mut().map(|next| first(&mut next.biases, outputs));
            tensor(coder, own, of_next, BIAS_LIMIT)?;
            own
        } else {
            &[]
        };
        let at_rest = if centred { before } else { &[] };
        for (output, filter) in filters(of_layer, outputs).enumerate() {
            check_overflow(filter, own.get(output).copied(), at_rest, (*shift).into())?;
        }
        before = own;
    }
    Ok(())
}

/// Takes the first `count` of `items`; nothing where there are fewer.
fn first<'a, T>(items: &mut &'a [T], count: usize) -> &'a [T] {
    let (taken, rest) = items.split_at_checked(count).unwrap_or_default();
    *items = rest;
    taken
}

/// The weights of each output.
fn filters(weights: &[i16], outputs: usize) -> impl Iterator<Item = &[i16]> {
    weights.chunks(weights.len().checked_div(outputs).unwrap_or(0).max(1))
}

/// What an output's sum begins with: its bias, or what takes away what the biases of the layer before, `at_rest`, add to it where nothing speaks
/// (SPEC section 8).
fn start(filter: &[i16], bias: Option<i16>, at_rest: &[i16], shift: u32) -> i64 {
    let taken: i64 = filter.iter().zip(at_rest).map(|(&weight, &bias)| i64::from(weight) * activation_of(bias)).sum();
    (i64::from(bias.unwrap_or(0)) << (shift + BIAS_SHIFT)) - taken
}

/// What a ReLU makes of a bias alone.
fn activation_of(bias: i16) -> i64 {
    (i64::from(bias) << BIAS_SHIFT).clamp(0, i16::MAX.into())
}

/// Refuses an output whose 32-bit sum could overflow for some input.
fn check_overflow(filter: &[i16], bias: Option<i16>, at_rest: &[i16], shift: u32) -> Result<()> {
    let sum: u64 = filter.iter().map(|weight| u64::from(weight.unsigned_abs())).sum();
    let start = start(filter, bias, at_rest, shift).unsigned_abs();
    let fits = 32768 * sum + start + (1 << (shift - 1)) < 1 << 31;
    if fits { Ok(()) } else { Err(Error::Corrupt(Corruption::Overflow)) }
}

/// Fills in what the sums of the layers begin with, those that have biases or are centred, in order. The parameters must be ones that [`code`] let pass.
pub(crate) fn begin_sums(
    architecture: &Architecture,
    scalars: &Scalars,
    mut weights: &[i16],
    mut biases: &[i16],
    starts: &mut [i32],
) {
    let mut before: &[i16] = &[];
    let mut starts = starts.iter_mut();
    for (((_, inputs, layer), centred), &shift) in
        architecture.layers().zip(architecture.centred()).zip(&scalars.shifts)
    {
        let outputs = usize::from(layer.outputs);
        let (of_layer, rest) = weights.split_at_checked(layer.kind.weights(inputs, outputs)).unwrap_or_default();
        weights = rest;
        let (own, rest) = biases.split_at_checked(if layer.bias { outputs } else { 0 }).unwrap_or_default();
        biases = rest;
        if layer.bias || centred {
            let at_rest = if centred { before } else { &[] };
            for (output, filter) in filters(of_layer, outputs).enumerate() {
                let start = start(filter, own.get(output).copied(), at_rest, shift.into());
                // It fits: `check_overflow`.
                starts.next().into_iter().for_each(|slot| *slot = start as i32);
            }
        }
        before = own;
    }
}
