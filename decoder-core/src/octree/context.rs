//! The context network: from decoded neighbours to the location and scale of the next symbol (SPEC section 7).

use crate::dsp::{add_products, even_bytes, odd_bytes};
use crate::fixed::{CONTEXT_FRACTION, round_shift};
use crate::splits::PARTS;
use crate::wire::Architecture;

/// Inputs of the network.
pub const INPUTS: usize = 9;
/// Passes with a bias of their own: the root, and three levels of three groups.
pub const PASSES: usize = 10;
/// Types with a bias of their own: intra and predicted.
const TYPES: usize = 2;
/// Outputs of the network: location and log-scale.
const OUTPUTS: usize = 2;
/// Largest location, in 1/16.
const MU_LIMIT: i32 = 127 << 4;
/// `6 * 4.5` in Q10: moves a base-2 logarithm to a scale class.
const CLASS_OFFSET: i32 = 27_648;

/// Piecewise linear `log2(m + 1)` in Q5, exact at powers of two.
#[inline]
#[must_use]
pub const fn log2_q5(magnitude: u32) -> i32 {
    let v = magnitude.saturating_add(1);
    let whole = v.ilog2();
    ((whole << 5) + (((v - (1 << whole)) << 5) >> whole)) as i32
}

/// Small logarithms.
static LOG2_Q5: [u8; 128] = {
    let mut table = [0; 128];
    let mut m = 0;
    while m < table.len() {
        table[m] = log2_q5(m as u32) as u8;
        m += 1;
    }
    table
};

/// [`log2_q5`], from a table where it is small.
#[inline(always)]
pub(super) fn quick_log2_q5(magnitude: u32) -> i32 {
    LOG2_Q5.get(magnitude as usize).map_or_else(|| log2_q5(magnitude), |&log2| log2.into())
}

/// Sizes of a set of context parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextShape {
    /// Hidden units; 0 leaves the linear part.
    pub hidden: usize,
    /// Channels with a bias of their own.
    pub channels: usize,
}

impl ContextShape {
    /// The motion field's.
    pub const MOTION: Self = Self { hidden: 4, channels: 2 };

    /// That of [splits](crate::splits).
    pub const SPLITS: Self = Self { hidden: 0, channels: PARTS };

    /// That of the sides from which blocks are predicted.
    pub const SIDES: Self = Self { hidden: 0, channels: 1 };

    /// Those of motion, in the order of the format.
    pub fn of_motion(architecture: &Architecture) -> impl Iterator<Item = Self> {
        let motion = architecture.motion.map(|_| Self::MOTION);
        let splits = architecture.has_splits().then_some(Self::SPLITS);
        let sides = architecture.is_bidirectional().then_some(Self::SIDES);
        [motion, splits, sides].into_iter().flatten()
    }

    /// The latents'.
    #[must_use]
    pub fn latents(architecture: &Architecture) -> Self {
        Self { hidden: architecture.context_hidden.into(), channels: architecture.channels() }
    }

    /// Items of `w1`, `b1`, `w2`, `linear`, `type_bias`, `pass_bias`.
    #[must_use]
    pub const fn tensors(self) -> [usize; 6] {
        [self.hidden * INPUTS, self.hidden, OUTPUTS * self.hidden, OUTPUTS * INPUTS, TYPES * self.channels, PASSES]
    }

    /// Items in all.
    #[must_use]
    pub const fn len(self) -> usize {
        let [a, b, c, d, e, f] = self.tensors();
        a + b + c + d + e + f
    }

    /// Never: there is always the linear part.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        false
    }

    /// Multiplications for one latent.
    #[must_use]
    pub const fn macs(self) -> usize {
        self.hidden * (INPUTS + OUTPUTS) + OUTPUTS * INPUTS
    }
}

/// The network's inputs in Q5.
pub type Features = [i32; INPUTS];

/// The distribution of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Laplace {
    /// Location in 1/16.
    pub mu: i32,
    /// Scale class, 0..=63.
    pub class: usize,
}

/// Words of two inputs.
const PAIRS: usize = INPUTS.div_ceil(2);

/// The network's inputs, two to a word so that processors can multiply two at once, each with the next but one, as the bytes of weights are
/// taken apart: 0 and 2, 1 and 3, 4 and 6, 5 and 7, 8. Each is within 16 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inputs([u32; PAIRS]);

/// Two numbers of 16 bits in a word.
#[inline(always)]
const fn pair(low: i32, high: i32) -> u32 {
    (low as u16 as u32) | (high as u32) << 16
}

impl Inputs {
    /// Inputs 0 and 6.
    #[inline(always)]
    pub(super) fn set_corners(&mut self, magnitude: i32, signed: i32) {
        self.0[0] |= pair(magnitude, 0);
        self.0[2] |= pair(0, signed);
    }

    /// Inputs 1 and 7.
    #[inline(always)]
    pub(super) fn set_sides(&mut self, magnitude: i32, signed: i32) {
        self.0[1] |= pair(magnitude, 0);
        self.0[3] |= pair(0, signed);
    }

    /// Inputs 2 to 4 and 8.
    #[inline(always)]
    pub(super) fn set_past(&mut self, [own, cross, diagonal]: [i32; 3], signed: i32) {
        self.0[0] |= pair(0, own);
        self.0[1] |= pair(0, cross);
        self.0[2] |= pair(diagonal, 0);
        self.0[4] = pair(signed, 0);
    }

    /// Input 5.
    #[inline(always)]
    pub(super) fn set_parent(&mut self, magnitude: i32) {
        self.0[3] |= pair(magnitude, 0);
    }
}

/// A set of context parameters in use.
#[derive(Clone, Debug)]
pub(crate) struct ContextParameters<'a> {
    w1: &'a [[i8; INPUTS]],
    b1: &'a [i8],
    w2: &'a [i8],
    linear: [[i8; INPUTS]; OUTPUTS],
    type_bias: &'a [i8],
    pass_bias: &'a [i8],
    channels: usize,
}

impl<'a> ContextParameters<'a> {
    /// Cuts `items` into its tensors; missing items make missing terms.
    pub(crate) fn new(shape: ContextShape, items: &'a [i8]) -> Self {
        let mut rest = items;
        let [w1, b1, w2, linear, type_bias, pass_bias] = shape.tensors().map(|len| {
            let (tensor, after) = rest.split_at_checked(len).unwrap_or_default();
            rest = after;
            tensor
        });
        let linear = *linear.as_chunks().0.first_chunk().unwrap_or(&[[0; INPUTS]; OUTPUTS]);
        Self { w1: w1.as_chunks().0, b1, w2, linear, type_bias, pass_bias, channels: shape.channels }
    }

    /// Log-scale bias of a channel and type in a pass, Q5.
    pub(crate) fn bias(&self, predicted: bool, channel: usize, pass: usize) -> i32 {
        let of_type = self.type_bias.get(usize::from(predicted) * self.channels + channel).copied().unwrap_or(0);
        let of_pass = self.pass_bias.get(pass).copied().unwrap_or(0);
        i32::from(of_type) + i32::from(of_pass)
    }

    /// The distribution that the neighbours speak for.
    #[inline(never)]
    pub(crate) fn evaluate(&self, inputs: &Inputs, bias: i32) -> Laplace {
        let mut out = self.linear.each_ref().map(|weights| dot(weights, inputs));
        if !self.w1.is_empty() {
            let (to_location, to_scale) = self.w2.split_at_checked(self.w1.len()).unwrap_or_default();
            let units = self.w1.iter().zip(self.b1).zip(to_location.iter().zip(to_scale));
            for ((weights, &b), (&l, &s)) in units {
                let sum = dot(weights, inputs) + (i32::from(b) << CONTEXT_FRACTION);
                let hidden = round_shift(sum, CONTEXT_FRACTION).clamp(0, 32767);
                out[0] += i32::from(l) * hidden;
                out[1] += i32::from(s) * hidden;
            }
        }
        let mu = round_shift(out[0], 6).clamp(-MU_LIMIT, MU_LIMIT);
        let class = round_shift(6 * (out[1] + (bias << CONTEXT_FRACTION)) + CLASS_OFFSET, 10).clamp(0, 63);
        Laplace { mu, class: class as usize }
    }
}

#[inline(always)]
fn dot(weights: &[i8; INPUTS], inputs: &Inputs) -> i32 {
    let (words, rest) = bytemuck::must_cast_slice::<i8, u8>(weights).as_chunks::<4>();
    let [first, second] = [0, 1].map(|at| words.get(at).map_or(0, |word| u32::from_le_bytes(*word)));
    let last = rest.first().map_or(0, |&byte| i32::from(byte as i8));
    let [v, w, x, y, z] = inputs.0;
    let sum = last * i32::from(z as i16);
    let sum = add_products(odd_bytes(second), y, add_products(even_bytes(second), x, sum));
    add_products(odd_bytes(first), w, add_products(even_bytes(first), v, sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_exact_at_powers_of_two_and_never_falls() {
        for e in 0..20 {
            assert_eq!(log2_q5((1 << e) - 1), 32 * e);
        }
        for m in 0..5000 {
            assert!(log2_q5(m + 1) >= log2_q5(m));
        }
    }

    #[test]
    fn no_parameters_and_inputs_overflow() {
        let shape = ContextShape { hidden: 16, channels: 1 };
        for item in [-127, 127] {
            let items = [item; 256];
            let parameters = ContextParameters::new(shape, &items[..shape.len()]);
            for input in [-4064, 4064] {
                let bias = parameters.bias(true, 0, 9);
                let law = parameters.evaluate(&Inputs([pair(input, input); PAIRS]), bias);
                assert!(law.class < 64 && law.mu.abs() <= MU_LIMIT);
            }
        }
    }
}
