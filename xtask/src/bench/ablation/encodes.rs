//! Encodes, made once.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use decoder_core::wire::{Architecture, FileHeader};
use decoder_core::{Limits, Stream};
use host_encoder::bitstream::SegmentModel;
use host_encoder::cli::Progress;
use host_encoder::frame::Clip;
use host_encoder::metrics::PsnrMeter;
use host_encoder::playback::decode_file;
use host_encoder::settings::EncodeSettings;
use host_encoder::train::{NoShelf, Outline, encode_outline};

use super::super::rd::{ours, point};
use super::variants::Variant;
use crate::shell;

/// What everything is measured on.
#[derive(Debug)]
pub struct Subject {
    /// Clips with their names.
    pub clips: Vec<(String, Clip)>,
    /// Weights of the rate.
    pub lambdas: Vec<f64>,
    /// All other settings.
    pub settings: EncodeSettings,
}

impl Subject {
    /// Each clip with each lambda.
    pub fn points(&self) -> impl Iterator<Item = (&str, &Clip, f64)> {
        self.clips.iter().flat_map(|(name, clip)| self.lambdas.iter().map(move |&lambda| (&name[..], clip, lambda)))
    }
}

/// The kept encodes.
#[derive(Debug)]
pub struct Encodes {
    folder: PathBuf,
    build: String,
}

impl Encodes {
    /// Of this program.
    pub fn open() -> Result<Self> {
        let folder = shell::root().join("target/bench/ablation");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder, build: ours::build()? })
    }

    /// The file that an encode gives.
    pub fn get(&self, subject: &Subject, clip: &Clip, lambda: f64, variant: &Variant) -> Result<Vec<u8>> {
        let Variant { motion, pyramid, loop_filter, ablation, architecture } = *variant;
        let settings = EncodeSettings { lambda, motion, pyramid, loop_filter, ablation, ..subject.settings.clone() };
        let mut outline = Outline::new(clip, &settings)?;
        if let Some(architecture) = architecture {
            let geometry = outline.header.geometry();
            let changed: Architecture = architecture(&outline.header.architecture, geometry);
            outline =
                outline.with_architecture(changed).map_err(|error| anyhow!("no level allows the variant: {error}"))?;
        }
        let wanted = format!("{settings:?} {:?}", outline.header);
        let path = self.folder.join(point::key(&point::clip_hash(clip), &self.build, &wanted)).with_extension("nvl");
        if let Ok(bytes) = fs::read(&path) {
            return Ok(bytes);
        }
        let mut progress = Progress::new(false);
        eprintln!("{}x{}, lambda {lambda}", clip.width, clip.height);
        let bytes = encode_outline(&clip.frames, &outline, &settings, &NoShelf, &mut progress)?.bytes;
        drop(progress);
        write(&path, &bytes)?;
        Ok(bytes)
    }

    /// Keeps a file for other commands to look at.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write(&self.folder.join(name), bytes)
    }
}

/// Under another name first, so that an interruption leaves no half of a file.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_extension("part");
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// A file in integers: its header and its segments.
pub fn models(bytes: &[u8]) -> Result<(FileHeader, Vec<SegmentModel>)> {
    let read = || {
        let stream = Stream::open(bytes, &Limits::HOST)?;
        let header = stream.header().clone();
        let models = stream.segments().map(|segment| SegmentModel::read(&header, &segment?)).collect::<Result<_, _>>();
        models.map(|models| (header, models))
    };
    read().map_err(|error: decoder_core::Error| anyhow!("an encode does not decode: {error}"))
}

/// How near a file's pictures are to the clip, and its multiplications a pixel.
pub fn quality(clip: &Clip, bytes: &[u8]) -> Result<(PsnrMeter, u32)> {
    let mut psnr = PsnrMeter::default();
    let report = decode_file::<Infallible>(bytes, &mut |number, frame| {
        psnr.add(&clip.frames[number], frame);
        Ok(())
    })?;
    Ok((psnr, report.info.mac_per_pixel))
}
