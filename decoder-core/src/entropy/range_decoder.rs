//! The range decoder: 32-bit state, byte by byte (SPEC section 3).

use super::Coder;
use crate::error::{Corruption, Error, Result};

/// Bytes of lookahead in `code`: what a decoder may read beyond the end.
const LOOKAHEAD: usize = 4;

/// The bytes of a payload, wherever they are: in memory, or behind a reader.
pub trait Payload {
    /// How many there are.
    fn len(&self) -> usize;

    /// The byte at `position`; `None` beyond the end, and where it cannot be had. Positions go up by one from 0.
    fn byte(&mut self, position: usize) -> Option<u8>;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a byte could not be had that should be there.
    fn is_broken(&self) -> bool {
        false
    }
}

impl Payload for &[u8] {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    #[inline(always)]
    fn byte(&mut self, position: usize) -> Option<u8> {
        self.get(position).copied()
    }
}

impl<P: Payload> Payload for &mut P {
    fn len(&self) -> usize {
        P::len(self)
    }

    #[inline(always)]
    fn byte(&mut self, position: usize) -> Option<u8> {
        P::byte(self, position)
    }

    fn is_broken(&self) -> bool {
        P::is_broken(self)
    }
}

/// Where a decoder is in its payload, without the payload.
#[derive(Clone, Copy, Debug)]
pub struct RangeState {
    position: usize,
    range: u32,
    code: u32,
}

/// Reads decisions from a payload.
#[derive(Clone, Debug)]
pub struct RangeDecoder<P> {
    payload: P,
    position: usize,
    range: u32,
    code: u32,
}

impl<P: Payload> RangeDecoder<P> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(payload: P) -> Self {
        let mut decoder = Self { payload, position: 0, range: u32::MAX, code: 0 };
        for _ in 0..LOOKAHEAD {
            decoder.shift_in();
        }
        decoder
    }

    /// Goes on where another decoder of the same payload stopped.
    #[must_use]
    pub fn resume(state: RangeState, payload: P) -> Self {
        Self { payload, position: state.position, range: state.range, code: state.code }
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> RangeState {
        RangeState { position: self.position, range: self.range, code: self.code }
    }

    #[inline(always)]
    fn shift_in(&mut self) {
        let byte = self.payload.byte(self.position).unwrap_or(0);
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
    /// [`Corruption::PayloadLength`] if more was read than is there, or could be had.
    pub fn check(&self) -> Result<()> {
        if self.payload.is_broken() || self.position > self.payload.len().saturating_add(LOOKAHEAD) {
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
        if self.position < self.payload.len() {
            return Err(Error::Corrupt(Corruption::PayloadLength));
        }
        Ok(())
    }
}

impl<P: Payload> Coder for RangeDecoder<P> {
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

    #[inline]
    fn scale_class(&self, _items: impl Iterator<Item = i32>) -> u32 {
        0
    }
}
