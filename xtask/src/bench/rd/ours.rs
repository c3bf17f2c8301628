//! Points of our own codec.

use std::convert::Infallible;
use std::env;
use std::fs;

use anyhow::{Context, Result};
use decoder_core::Level;
use host_encoder::cli::{Progress, encode_clip};
use host_encoder::frame::Clip;
use host_encoder::metrics::Quality;
use host_encoder::playback::decode_file;
use host_encoder::settings::{Effort, EncodeSettings};

use super::point::bytes_hash;
use super::work::Measured;

/// The start of the hash of this program, which has the encoder and the decoder in it.
pub fn build() -> Result<String> {
    let path = env::current_exe()?;
    let program = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes_hash(&program)[..12].to_owned())
}

/// The settings of a point.
pub fn settings(level: Level, lambda: f64, effort: Effort) -> EncodeSettings {
    EncodeSettings { level, lambda, effort, ..EncodeSettings::default() }
}

/// Encodes and decodes.
pub fn measure(clip: &Clip, settings: &EncodeSettings) -> Result<Measured> {
    let mut progress = Progress::new(false);
    let encoded = encode_clip(clip, settings, &mut progress)?;
    drop(progress);
    let mut quality = Quality::default();
    let report = decode_file::<Infallible>(&encoded.bytes, &mut |number, frame| {
        quality.add(&clip.frames[number], frame);
        Ok(())
    })?;
    Ok(Measured {
        bytes: encoded.bytes.len() as u64,
        quality,
        encode_seconds: encoded.encoding.as_secs_f64(),
        info: Some(report.info),
    })
}
