//! Fixtures: streams of every shape, damage, what has to hold of any bytes, and frames as plain arrays.

pub mod frames;
#[cfg(feature = "encoder")]
pub mod golden;
pub mod mend;
#[cfg(feature = "encoder")]
pub mod naive;
pub mod portable;
pub mod properties;
#[cfg(feature = "encoder")]
pub mod streams;
pub mod vectors;
