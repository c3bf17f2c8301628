//! The NVL player: portable parts, tested on the host, that thin board binaries put together.
//!
//! A clip is a byte slice, which on a board is flash. [`player`] decodes it picture by picture in memory that the board
//! lends, paced by the board's clock; rows go to a display (feature `display`), a checksum or any other sink.
#![no_std]

pub mod checksum;
#[cfg(feature = "display")]
pub mod display;
#[cfg(feature = "emulated")]
pub mod emulated;
pub mod kernel_costs;
pub mod layer_rows;
mod log;
pub mod player;
pub mod self_check;
