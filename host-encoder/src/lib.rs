//! x
pub mod bitstream;
pub mod tables;
