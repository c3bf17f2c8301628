//! The decoder as a WebAssembly module without imports: an instance decodes one clip and goes with it.
//!
//! [`Session`] is all that it does; `exports` hands it to JavaScript, function by function. The ES module `web/nvl/decoder.js`
//! is the other side of `exports`, and nobody else's business. `docs/web.md` shows how a page uses it.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![deny(unsafe_code)]
#![deny(clippy::float_arithmetic)]

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod exports;
mod memory;
mod message;
mod picture;
mod session;

pub use picture::Picture;
pub use session::{Facts, Session, Status};
