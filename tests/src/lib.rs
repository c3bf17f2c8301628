//! Fixtures: random streams of every shape, and frames as plain arrays.

pub mod frames;
pub mod naive;
pub mod streams;
