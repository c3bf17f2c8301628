//! The context network: from decoded neighbours to the location and scale of the next symbol (SPEC section 7).

use crate::fixed::{CONTEXT_FRACTION, round_shift};
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
    pub const MOTION: Self = Self { hidden: 0, channels: 2 };

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

/// A set of context parameters in use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContextParameters<'a> {
    w1: &'a [i8],
    b1: &'a [i8],
    w2: &'a [i8],
    linear: &'a [i8],
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
        Self { w1, b1, w2, linear, type_bias, pass_bias, channels: shape.channels }
    }

    /// Log-scale bias of a channel and type in a pass, Q5.
    pub(crate) fn bias(&self, predicted: bool, channel: usize, pass: usize) -> i32 {
        let of_type = self.type_bias.get(usize::from(predicted) * self.channels + channel).copied().unwrap_or(0);
        let of_pass = self.pass_bias.get(pass).copied().unwrap_or(0);
        i32::from(of_type) + i32::from(of_pass)
    }

    /// The distribution that the neighbours speak for.
    #[inline]
    pub(crate) fn evaluate(&self, inputs: &Features, bias: i32) -> Laplace {
        let mut out = [0i32; OUTPUTS];
        for (out, weights) in out.iter_mut().zip(self.linear.as_chunks().0) {
            *out = dot(weights, inputs);
        }
        let (to_location, to_scale) = self.w2.split_at_checked(self.b1.len()).unwrap_or_default();
        let units = self.w1.as_chunks().0.iter().zip(self.b1).zip(to_location.iter().zip(to_scale));
        for ((weights, &b), (&l, &s)) in units {
            let sum = dot(weights, inputs) + (i32::from(b) << CONTEXT_FRACTION);
            let hidden = round_shift(sum, CONTEXT_FRACTION).clamp(0, 32767);
            out[0] += i32::from(l) * hidden;
            out[1] += i32::from(s) * hidden;
        }
        let mu = round_shift(out[0], 6).clamp(-MU_LIMIT, MU_LIMIT);
        let class = round_shift(6 * (out[1] + (bias << CONTEXT_FRACTION)) + CLASS_OFFSET, 10).clamp(0, 63);
        Laplace { mu, class: class as usize }
    }
}

#[inline(always)]
fn dot(weights: &[i8; INPUTS], inputs: &Features) -> i32 {
    weights.iter().zip(inputs).map(|(&w, &x)| i32::from(w) * x).sum()
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
                let law = parameters.evaluate(&[input; INPUTS], bias);
                assert!(law.class < 64 && law.mu.abs() <= MU_LIMIT);
            }
        }
    }
}
