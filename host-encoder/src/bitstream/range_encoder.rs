//! The range encoder (SPEC section 3).

use decoder_core::entropy::Coder;

use super::cost::cheapest_class;

/// Writes decisions.
#[derive(Clone, Debug)]
pub struct RangeEncoder {
    bytes: Vec<u8>,
    low: u32,
    range: u32,
}

impl Default for RangeEncoder {
    fn default() -> Self {
        Self { bytes: Vec::new(), low: 0, range: u32::MAX }
    }
}

impl RangeEncoder {
    /// Ends the code with as few bytes as identify it: a decoder reads zeros after them.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let (low, high) = (u64::from(self.low), u64::from(self.low) + u64::from(self.range) - 1);
        let round_up = |bits: u32| (low + (1 << bits) - 1) >> bits << bits;
        let value = (0..=32).rev().map(round_up).find(|&value| value <= high).unwrap_or(low);
        if value > u64::from(u32::MAX) {
            self.carry();
        }
        // A decoder looks four bytes ahead, and may find no more than these missing.
        let tail = (value as u32).to_be_bytes();
        let kept = tail.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        self.bytes.extend(&tail[..kept]);
        self.bytes
    }

    /// Adds one to the bytes that are out.
    fn carry(&mut self) {
        for byte in self.bytes.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }
}

impl Coder for RangeEncoder {
    const DECODES: bool = false;

    fn decision(&mut self, zero_probability: u32, value: bool) -> bool {
        let split = (self.range >> 16) * zero_probability;
        if value {
            let (low, carries) = self.low.overflowing_add(split);
            self.low = low;
            self.range -= split;
            if carries {
                self.carry();
            }
        } else {
            self.range = split;
        }
        while self.range < 1 << 24 {
            self.bytes.push((self.low >> 24) as u8);
            self.low <<= 8;
            self.range <<= 8;
        }
        value
    }

    fn scale_class(&self, items: impl Iterator<Item = i32>) -> u32 {
        cheapest_class(items)
    }
}
