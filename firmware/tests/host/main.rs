//! The portable parts of the firmware, on the host.

mod display;
mod player;
mod self_check;
mod streams;
