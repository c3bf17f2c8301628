//! The streams that are decoded: committed in `xtask/streams`, made from the project's own clip.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use decoder_core::{Level, Limits, Stream};
use host_encoder::cli::{Progress, encode_clip};
use host_encoder::frame::{Clip as Video, Frame};
use host_encoder::sample::{SampleSettings, sample_clip};
use host_encoder::settings::{Effort, EncodeSettings};

use super::stem;
use crate::shell;

/// A stream.
pub struct Clip {
    pub name: String,
    pub level: Level,
    pub mac_per_pixel: u32,
    pub pixels: u64,
    pub bytes: Vec<u8>,
}

/// What the camera does.
#[derive(Clone, Copy)]
enum Camera {
    /// It moves sideways, so that everything moves.
    Moves,
    /// It stands still, and a ball rolls.
    Stands,
    /// Nothing moves at all.
    Frozen,
}

/// The streams: name, level, camera.
const OWN: [(&str, Level, Camera); 4] = [
    ("moving-nano", Level::Nano, Camera::Moves),
    ("still-nano", Level::Nano, Camera::Stands),
    ("frozen-nano", Level::Nano, Camera::Frozen),
    ("moving-micro", Level::Micro, Camera::Moves),
];

/// Size and length of the clips.
const SIZE: [usize; 2] = [160, 96];
const FRAMES: usize = 16;
/// Samples that the camera moves between two pictures.
const STEP: usize = 2;

fn folder() -> PathBuf {
    shell::root().join("xtask/streams")
}

/// The project's own streams.
pub fn own() -> Result<Vec<Clip>> {
    OWN.iter().map(|(name, _, _)| Clip::read(&folder().join(format!("{name}.nvl")))).collect()
}

impl Clip {
    /// Reads a stream.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let stream =
            Stream::open(&bytes, &Limits::HOST).with_context(|| format!("cannot decode {}", path.display()))?;
        let header = stream.header();
        let (level, mac_per_pixel) = (header.level, stream.mac_per_pixel());
        let pixels = u64::from(header.width) * u64::from(header.height);
        Ok(Self { name: stem(path), level, mac_per_pixel, pixels, bytes })
    }
}

/// Encodes all streams.
pub fn encode_all() -> Result<()> {
    fs::create_dir_all(folder())?;
    for (name, level, camera) in OWN {
        let settings = EncodeSettings { level, effort: Effort::Draft, ..EncodeSettings::default() };
        let mut progress = Progress::new(false);
        let encoded = encode_clip(&video(camera), &settings, &mut progress)?;
        drop(progress);
        let path = folder().join(format!("{name}.nvl"));
        fs::write(&path, &encoded.bytes).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}: {} bytes, {:.2} dB", path.display(), encoded.bytes.len(), encoded.psnr.total().y);
        ensure!(encoded.bytes.len() < 32 << 10, "{name} is too large to be committed");
    }
    Ok(())
}

/// Makes a clip.
fn video(camera: Camera) -> Video {
    let [width, height] = SIZE;
    let room = match camera {
        Camera::Moves => STEP * (FRAMES - 1),
        Camera::Stands | Camera::Frozen => 0,
    };
    let sample = SampleSettings { width: width + room, height, frames: FRAMES, ..SampleSettings::default() };
    let mut video = sample_clip(&sample);
    if let Camera::Frozen = camera {
        let first = video.frames[0].clone();
        video.frames.fill(first);
    }
    for (number, frame) in video.frames.iter_mut().enumerate() {
        *frame = cut(frame, width, if room > 0 { STEP * number } else { 0 });
    }
    video.width = width;
    video
}

/// `width` columns of a picture from the even column `left` on.
fn cut(frame: &Frame, width: usize, left: usize) -> Frame {
    let plane = |samples: &[u8], row: usize, left: usize, width: usize| -> Vec<u8> {
        samples.chunks_exact(row).flat_map(|row| &row[left..left + width]).copied().collect()
    };
    let chroma = |samples: &[u8]| plane(samples, frame.chroma_width(), left / 2, width.div_ceil(2));
    let y = plane(&frame.y, frame.width, left, width);
    Frame { width, height: frame.height, y, u: chroma(&frame.u), v: chroma(&frame.v) }
}
