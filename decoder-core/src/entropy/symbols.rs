//! Symbols made of decisions (SPEC section 3).

use super::Coder;
use super::tables::{MORE, SIGN, ZERO};
use crate::error::{Corruption, Error, Result};

const ONE: u32 = 1 << 16;
/// Magnitudes from here on are written by [`exp_golomb`].
const ESCAPE: i32 = 15;
/// Where an adaptive probability starts: one half.
pub const ADAPTIVE_START: u16 = 1 << 15;

/// `count` bits, most significant first. `count` is at most 31.
#[inline(never)]
pub fn raw<C: Coder>(coder: &mut C, count: u32, value: u32) -> u32 {
    (0..count).rev().fold(0, |bits, i| (bits << 1) | u32::from(coder.decision(ONE / 2, (value >> i) & 1 == 1)))
}

/// A decision whose probability follows what was coded with it.
#[inline]
pub fn adaptive<C: Coder>(coder: &mut C, state: &mut u16, value: bool) -> bool {
    let value = coder.decision(u32::from(*state), value);
    // Stays within 31..=65505, so it is always a valid probability.
    if value {
        *state -= *state >> 5;
    } else {
        *state += ((ONE - u32::from(*state)) >> 5) as u16;
    }
    value
}

/// A number, cheap up to about `2^order`: its lowest `order` bits as they are, the rest, at most 65534, in a length and bits.
///
/// # Errors
/// [`Corruption::Number`] if the rest is longer than 16 bits.
pub fn exp_golomb<C: Coder>(coder: &mut C, order: u32, number: u32) -> Result<u32> {
    let value = (number >> order).saturating_add(1);
    let length = value.ilog2();
    let mut count = 0;
    while !coder.decision(ONE / 2, count >= length) {
        count += 1;
        if count > 15 {
            return Err(Error::Corrupt(Corruption::Number));
        }
    }
    let rest = (1 << count) - 1 + raw(coder, count, value - (1 << length));
    Ok((rest << order) + raw(coder, order, number))
}

/// Log2 of the scale of a class, not below 0.
#[inline(always)]
const fn escape_order(k: usize) -> u32 {
    (k as u32).saturating_sub(27) / 6
}

/// An integer with a Laplace distribution: location `mu` in 1/16, scale class `k`, `b = 2^(k/6 - 4.5)`.
///
/// # Errors
/// [`Corruption::Number`] if the value is out of every range.
#[inline]
pub fn laplace<C: Coder>(coder: &mut C, mu: i32, k: usize, value: i32) -> Result<i32> {
    let (centre, centre_probability) = laplace_centre(mu, k);
    if coder.decision(centre_probability, value != centre) { laplace_rest(coder, mu, k, value) } else { Ok(centre) }
}

/// The likeliest value of [`laplace`] and its probability.
#[inline(always)]
pub(crate) fn laplace_centre(mu: i32, k: usize) -> (i32, u32) {
    let centre = (mu + 8) >> 4;
    let column = (mu - 16 * centre).unsigned_abs() as usize;
    (centre, ZERO[k & 63].get(column).copied().unwrap_or(1).into())
}

/// A value of [`laplace`] that is known not to be the likeliest.
#[inline(never)]
pub(crate) fn laplace_rest<C: Coder>(coder: &mut C, mu: i32, k: usize, value: i32) -> Result<i32> {
    let centre = (mu + 8) >> 4;
    let fraction = mu - 16 * centre;
    let distance = value - centre;
    let column = fraction.unsigned_abs() as usize & 15;
    let k = k & 63;
    let sign = u32::from(SIGN[k].get(column).copied().unwrap_or(1));
    let negative = !coder.decision(if fraction >= 0 { sign } else { ONE - sign }, distance > 0);
    let target = distance.abs();
    let stop = ONE - u32::from(MORE[k]);
    let mut magnitude = 1;
    while magnitude < ESCAPE && coder.decision(stop, magnitude < target) {
        magnitude += 1;
    }
    if magnitude == ESCAPE {
        magnitude += exp_golomb(coder, escape_order(k), (target - ESCAPE).max(0) as u32)? as i32;
    }
    Ok(if negative { centre - magnitude } else { centre + magnitude })
}
