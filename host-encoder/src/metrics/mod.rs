//! How close two clips are.

mod psnr;

pub use psnr::{Psnr, PsnrMeter};
