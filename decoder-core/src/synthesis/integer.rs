//! The arithmetic of the codec.

use super::arithmetic::upsample_singly;
use super::{Arithmetic, LayerRow, kernels, portable_add_residual, portable_row, portable_upsample};
use crate::fixed::{CODE_VALUE_SHIFT, round_shift, sat16};
use crate::wire::SITE;

/// 16-bit activations, 32-bit sums.
#[derive(Clone, Copy, Debug)]
pub struct Integer;

impl Arithmetic for Integer {
    type Activation = i16;
    type Sum = i32;

    #[inline(always)]
    fn latent(gain: u16, before: i8, after: i8, m: u32, log2: u32) -> i16 {
        let (gain, m, n) = (i32::from(gain), m as i32, 1 << log2);
        let sum = (n - m) * gain * i32::from(before) + m * gain * i32::from(after);
        sat16(if log2 == 0 { gain * i32::from(after) } else { round_shift(sum, log2) })
    }

    #[inline(always)]
    fn sample(prediction: u8) -> i16 {
        (i16::from(prediction) - 128) << CODE_VALUE_SHIFT
    }

    #[inline(always)]
    fn column(near: i16, far: i16) -> i32 {
        3 * i32::from(near) + i32::from(far)
    }

    #[inline(always)]
    fn upsample(near: i32, far: i32) -> i16 {
        round_shift(3 * near + far, 4) as i16
    }

    #[inline(always)]
    fn start(start: i32) -> i32 {
        start
    }

    #[inline(always)]
    fn multiply_add(sum: i32, activation: i16, weight: i16) -> i32 {
        // Cannot overflow: the weights were checked.
        sum.wrapping_add(i32::from(activation) * i32::from(weight))
    }

    #[inline(always)]
    fn finish(sum: i32, shift: u32, residual: Option<i16>, relu: bool) -> i16 {
        let y = i32::from(sat16(round_shift(sum, shift)));
        let y = residual.map_or(y, |x| i32::from(sat16(y + i32::from(x))));
        sat16(if relu { y.max(0) } else { y })
    }

    #[inline(always)]
    fn code_value(activation: i16) -> i32 {
        round_shift(activation.into(), CODE_VALUE_SHIFT)
    }

    #[inline(always)]
    fn is_seen(residual: &[i16; SITE]) -> bool {
        // What rounds to zero has none of these bits, half a code value up.
        let half = 1 << (CODE_VALUE_SHIFT - 1);
        let bits = residual.iter().fold(0, |bits, &activation| bits | activation.wrapping_add(half));
        bits >> CODE_VALUE_SHIFT != 0
    }

    fn upsample_row(rows: [&[i16]; 2], inputs: usize, outputs: usize, out: &mut [i16]) {
        let done = kernels::upsample(rows, inputs, inputs, outputs, out);
        if let Some(rest) = out.get_mut(done * outputs..).filter(|rest| !rest.is_empty()) {
            let rows = rows.map(|row| row.get(done / 2 * inputs..).unwrap_or_default());
            if cfg!(arm_dsp) {
                // A site at most.
                upsample_singly::<Self>(rows, inputs, outputs, rest);
            } else {
                portable_upsample::<Self>(rows, inputs, outputs, rest);
            }
        }
    }

    fn add_residual(residual: &[i16], samples: [&mut [u8]; 4]) {
        let [above, below, u, v] = samples;
        if !kernels::add_residual(residual, [&mut *above, &mut *below, &mut *u, &mut *v]) {
            portable_add_residual::<Self>(residual, [above, below, u, v]);
        }
    }

    fn layer_row(layer: &LayerRow<'_, i16>, out: &mut [i16]) {
        if !kernels::layer_row(layer, out) {
            portable_row::<Self>(layer, out);
        }
    }
}
