//! The NVL decoder for C: `include/nvl.h` is made from this crate, and `docs/c.md` says how to use both.
//!
//! Every function takes raw pointers, checks what can be checked and gives a code of [`status::Nvl`]. The functions stand in
//! [`face`]; that module, `memory` and `callbacks` are the only ones with `unsafe` code.
#![no_std]
#![deny(unsafe_code)]

#[allow(unsafe_code)] // Callbacks of the caller are called here.
pub mod callbacks;
#[allow(unsafe_code)] // Pointers of the caller arrive here.
pub mod face;
#[allow(unsafe_code)] // Pointers of the caller become slices and decoders here.
mod memory;
#[cfg(feature = "static-library")]
#[allow(unsafe_code)] // A function that does not exist is called here.
mod panic;
mod player;
pub mod status;
