//! How close two clips are, and how two codecs compare.

mod bd_rate;
pub(crate) mod ms_ssim;
mod psnr;

pub use bd_rate::{BdRate, RatePoint, bd_rate};
pub use ms_ssim::{MsSsimMeter, ms_ssim, ms_ssim_db};
pub use psnr::{Psnr, PsnrMeter};

use crate::frame::Frame;

/// Compares decoded pictures with their sources in every way that is reported.
#[derive(Clone, Debug, Default)]
pub struct Quality {
    /// PSNR.
    pub psnr: PsnrMeter,
    /// MS-SSIM.
    pub ms_ssim: MsSsimMeter,
}

impl Quality {
    /// Adds one picture.
    ///
    /// # Panics
    /// If the frames differ in size.
    pub fn add(&mut self, source: &Frame, decoded: &Frame) {
        self.psnr.add(source, decoded);
        self.ms_ssim.add(source, decoded);
    }
}
