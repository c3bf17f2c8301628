//! What decisions would cost, without writing them.

use decoder_core::entropy::Coder;

/// Adds up ideal code lengths.
#[derive(Clone, Copy, Debug, Default)]
pub struct CostMeter {
    /// Bits so far.
    pub bits: f64,
}

impl Coder for CostMeter {
    const DECODES: bool = false;

    fn decision(&mut self, zero_probability: u32, value: bool) -> bool {
        let zero = f64::from(zero_probability) / 65536.0;
        self.bits -= if value { 1.0 - zero } else { zero }.log2();
        value
    }
}
