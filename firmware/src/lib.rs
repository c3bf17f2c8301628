//! The NVL player: portable parts, tested on the host, that thin board binaries put together.
//!
//! A clip is read from flash ([`mapped`]) or an SD card (feature `card`). [`player`] decodes it picture by picture in memory that
//! the board lends, paced by the board's clock, past damage; rows go to a display (feature `display`), through a [`queue`] to
//! another core, to a checksum or any other sink.
#![no_std]

#[cfg(feature = "board")]
pub mod board;
#[cfg(feature = "card")]
pub mod card;
pub mod checksum;
#[cfg(feature = "display")]
pub mod display;
#[cfg(feature = "emulated")]
pub mod emulated;
pub mod faults;
pub mod kernel_costs;
pub mod layer_rows;
mod log;
pub mod mapped;
pub mod player;
pub mod queue;
pub mod self_check;
