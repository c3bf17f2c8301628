//! The portable parts of the firmware, on the host.

mod card;
mod display;
mod player;
mod queue;
mod self_check;
mod streams;
