//! The entropy code: one binary arithmetic coder and the symbols that are made of its decisions (SPEC section 3).
//!
//! Every symbol is written once, over [`Coder`]: the decoder ignores the value that it is handed and returns what it
//! reads, an encoder writes the value and returns it. So both sides share one definition.

mod range_decoder;
mod symbols;
pub mod tables;

pub use range_decoder::{Payload, RangeDecoder, RangeState};
pub use symbols::{ADAPTIVE_START, adaptive, exp_golomb, laplace, raw};
pub(crate) use symbols::{laplace_centre, laplace_rest};

/// A source or a drain of binary decisions.
pub trait Coder {
    /// Whether values come out of the coder, not in.
    const DECODES: bool;

    /// Codes one decision. `zero_probability` is that of `false`, 1..=65535 in 1/65536. An encoder codes `value` and returns it; a decoder
    /// ignores it and returns what it reads.
    fn decision(&mut self, zero_probability: u32, value: bool) -> bool;

    /// The scale class that an encoder chooses for a tensor with such items, 0..=63; a decoder, which reads it, has none to choose.
    fn scale_class(&self, items: impl Iterator<Item = i32>) -> u32;
}
