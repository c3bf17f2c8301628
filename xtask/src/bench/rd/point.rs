//! One measured point of a rate-distortion curve, and what it is known by.

use host_encoder::frame::Clip;
use host_encoder::metrics::{RatePoint, ms_ssim_db};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Goes up when the way of measuring changes, so that older points are measured again.
const MEASURE: &str = "1";

/// A row of the CSV.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// [`key`] of the point.
    pub key: String,
    /// What encoded it: the start of the hash of this program, or ffmpeg's version.
    pub build: String,
    /// Name of the clip.
    pub clip: String,
    /// Luma samples a row.
    pub width: usize,
    /// Luma rows.
    pub height: usize,
    /// Pictures.
    pub frames: usize,
    /// A level of ours, or another codec.
    pub codec: String,
    /// Effort of ours.
    pub effort: Option<String>,
    /// Lambda of ours, CRF of H.264 and HEVC, quantiser scale of MPEG-4 and MJPEG.
    pub parameter: f64,
    /// Bytes of the whole file, or of the other codec's elementary stream.
    pub bytes: u64,
    /// Bytes of headers, index and checksums of ours.
    pub header_bytes: Option<f64>,
    /// Bytes of weights and context models of ours.
    pub weight_bytes: Option<f64>,
    /// Bytes of motion of ours.
    pub motion_bytes: Option<f64>,
    /// Bytes of the latents of ours: each grid, coarse to fine, with spaces between.
    pub grid_bytes: String,
    /// PSNR of luma in dB.
    pub psnr_y: f64,
    /// `(6 Y + U + V) / 8` of the PSNR in dB.
    pub psnr_yuv: f64,
    /// MS-SSIM of luma, mean of the pictures.
    pub ms_ssim: f64,
    /// Wall-clock time of the encoder.
    pub encode_seconds: f64,
    /// Multiply-accumulates for one luma sample in the decoder, of ours.
    pub mac_per_pixel: Option<u32>,
}

impl Point {
    /// Bits for a luma sample.
    pub fn bits_per_pixel(&self) -> f64 {
        8.0 * self.bytes as f64 / (self.width * self.height * self.frames) as f64
    }
}

/// By what a curve is drawn and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// PSNR of luma.
    PsnrY,
    /// MS-SSIM of luma in dB.
    MsSsim,
}

impl Metric {
    /// Both.
    pub const ALL: [Self; 2] = [Self::PsnrY, Self::MsSsim];

    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::PsnrY => "PSNR-Y",
            Self::MsSsim => "MS-SSIM",
        }
    }

    /// Bits per pixel and the quality in dB.
    pub fn of(self, point: &Point) -> RatePoint {
        let quality = match self {
            Self::PsnrY => point.psnr_y,
            Self::MsSsim => ms_ssim_db(point.ms_ssim),
        };
        RatePoint { rate: point.bits_per_pixel(), quality }
    }
}

/// The hash that tells points apart: of the clip's [`clip_hash`], the build and the settings.
pub fn key(clip_hash: &str, build: &str, settings: &str) -> String {
    let mut hash = Sha256::new();
    for part in [MEASURE, clip_hash, build, settings] {
        hash.update(part);
        hash.update([0]);
    }
    hex(&hash.finalize())
}

/// The hash of a clip's samples, size and frame rate.
pub fn clip_hash(clip: &Clip) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{}x{} {:?}\n", clip.width, clip.height, clip.rate));
    clip.frames.iter().flat_map(|frame| frame.planes()).for_each(|plane| hash.update(plane));
    hex(&hash.finalize())
}

/// The hash of bytes.
pub fn bytes_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The first 16 bytes, which are enough.
fn hex(hash: &[u8]) -> String {
    hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub mod tests {
    use host_encoder::frame::Frame;

    use super::*;

    /// A point of a clip of 100 by 10 samples and 8 pictures, so that bits per pixel are thousandths of the bytes.
    pub fn point(codec: &str, bytes: u64, psnr_y: f64) -> Point {
        let ours = codec == "nano";
        Point {
            key: key("clip", codec, &bytes.to_string()),
            build: "build".into(),
            clip: "clip".into(),
            width: 100,
            height: 10,
            frames: 8,
            codec: codec.into(),
            effort: ours.then(|| "draft".into()),
            parameter: 150.0,
            bytes,
            header_bytes: ours.then_some(10.5),
            weight_bytes: None,
            motion_bytes: None,
            grid_bytes: if ours { "1.5 2.5".into() } else { String::new() },
            psnr_y,
            psnr_yuv: psnr_y,
            ms_ssim: 1.0 - 10f64.powf(-psnr_y / 20.0),
            encode_seconds: 1.0,
            mac_per_pixel: ours.then_some(99),
        }
    }

    #[test]
    fn every_part_of_the_key_counts() {
        let keys = [key("a", "b", "c"), key("x", "b", "c"), key("a", "x", "c"), key("a", "b", "x"), key("ab", "", "c")];
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(key.len(), 32);
            assert!(!keys[..at].contains(key));
        }
    }

    #[test]
    fn a_changed_sample_is_another_clip() {
        let clip = Clip { width: 8, height: 8, rate: (25, 1), frames: vec![Frame::black(8, 8); 2] };
        let mut other = clip.clone();
        other.frames[1].v[3] += 1;
        assert_ne!(clip_hash(&clip), clip_hash(&other));
    }
}
