//! How close two clips are, and how two codecs compare.

mod bd_rate;
mod ms_ssim;
mod psnr;

pub use bd_rate::{BdRate, RatePoint, bd_rate};
pub use ms_ssim::{MsSsimMeter, ms_ssim, ms_ssim_db};
pub use psnr::{Psnr, PsnrMeter};
