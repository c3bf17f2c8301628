//! The range decoder: 32-bit state, byte by byte (SPEC section 3).

use super::Coder;
use crate::error::{Corruption, Error, Result};

/// Bytes of lookahead in `code`: what a decoder may read beyond the end.
const LOOKAHEAD: usize = 4;

/// Reads decisions from a payload.
#[derive(Clone, Debug)]
pub struct RangeDecoder<'a> {
    bytes: &'a [u8],
    position: usize,
    range: u32,
    code: u32,
}

impl<'a> RangeDecoder<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self { bytes, position: 0, range: u32::MAX, code: 0 };
        for _ in 0..LOOKAHEAD {
            decoder.shift_in();
        }
        decoder
    }

    #[inline(always)]
    fn shift_in(&mut self) {
        let byte = self.bytes.get(self.position).copied().unwrap_or(0);
        self.code = (self.code << 8) | u32::from(byte);
        self.position += 1;
    }

    /// Bits read so far, in 1/256 of a bit.
    #[must_use]
    pub fn bits_q8(&self) -> u64 {
        // The range is never 0.
        let whole = self.range.checked_ilog2().unwrap_or(0);
        let fraction = (self.range - (1 << whole)).checked_shr(whole.saturating_sub(8)).unwrap_or(0);
        let unread = (u64::from(whole) << 8) + u64::from(fraction);
        ((self.position as u64) << 11).saturating_sub(unread)
    }

    /// Whether the symbols so far lie within the payload.
    ///
    /// # Errors
    /// [`Corruption::PayloadLength`] if more was read than is there.
    pub fn check(&self) -> Result<()> {
        if self.position > self.bytes.len() + LOOKAHEAD {
            return Err(Error::Corrupt(Corruption::PayloadLength));
        }
        Ok(())
    }

    /// Whether the payload ends with the symbols.
    ///
    /// # Errors
    /// [`Corruption::PayloadLength`] if it is shorter or longer.
    pub fn finish(&self) -> Result<()> {
        self.check()?;
        if self.position < self.bytes.len() {
            return Err(Error::Corrupt(Corruption::PayloadLength));
        }
        Ok(())
    }
}

impl Coder for RangeDecoder<'_> {
    const DECODES: bool = true;

    #[inline]
    fn decision(&mut self, zero_probability: u32, _value: bool) -> bool {
        let split = (self.range >> 16) * zero_probability;
        let value = self.code >= split;
        if value {
            self.code -= split;
            self.range -= split;
        } else {
            self.range = split;
        }
        while self.range < 1 << 24 {
            self.range <<= 8;
            self.shift_in();
        }
        value
    }
}
