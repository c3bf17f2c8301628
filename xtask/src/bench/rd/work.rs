//! Everything that is to be measured of one clip, and the measuring of it.

use anyhow::{Result, anyhow};
use host_encoder::cli::grouped;
use host_encoder::frame::Clip;
use host_encoder::metrics::Quality;
use host_encoder::playback::StreamInfo;
use host_encoder::reference::{Coded, RawClip, Reference};
use host_encoder::settings::EncodeSettings;

use super::ours;
use super::point::{Point, clip_hash, key};
use super::store::Store;

/// What a codec did.
#[derive(Debug)]
pub struct Measured {
    /// Size of the whole stream.
    pub bytes: u64,
    /// How close the pictures are.
    pub quality: Quality,
    /// Wall-clock time of the encoder.
    pub encode_seconds: f64,
    /// What the stream is made of, if it is ours.
    pub info: Option<StreamInfo>,
}

impl From<Coded> for Measured {
    fn from(Coded { bytes, quality, encode_seconds }: Coded) -> Self {
        Self { bytes, quality, encode_seconds, info: None }
    }
}

/// One point that is wanted of every clip.
#[derive(Clone, Debug)]
pub enum Job {
    /// Of ours.
    Ours(EncodeSettings),
    /// Of another codec, with its parameter.
    Reference(Reference, u8),
}

impl Job {
    /// The level, or the other codec.
    pub fn codec(&self) -> &'static str {
        match self {
            Self::Ours(settings) => settings.level.name(),
            Self::Reference(reference, _) => reference.name(),
        }
    }

    fn parameter(&self) -> f64 {
        match self {
            Self::Ours(settings) => settings.lambda,
            Self::Reference(_, parameter) => f64::from(*parameter),
        }
    }

    /// Everything that the result depends on, besides clip and build.
    fn settings(&self) -> String {
        match self {
            Self::Ours(settings) => format!("{settings:?}"),
            Self::Reference(reference, parameter) => reference.arguments(*parameter),
        }
    }
}

/// What made the streams.
#[derive(Clone, Debug)]
pub struct Builds {
    /// Of ours.
    pub ours: String,
    /// ffmpeg.
    pub reference: String,
}

/// Measures the jobs of one clip, those that are not in the store, and gives all their points. `done` counts the jobs
/// before, of `all`.
pub fn measure(
    (name, clip): (&str, &Clip),
    jobs: &[Job],
    builds: &Builds,
    store: &mut Store,
    (done, all): (usize, usize),
) -> Result<Vec<Point>> {
    let hash = clip_hash(clip);
    let mut raw = None;
    let mut points = Vec::new();
    for (job, number) in jobs.iter().zip(done + 1..) {
        let build = match job {
            Job::Ours(_) => &builds.ours,
            Job::Reference(..) => &builds.reference,
        };
        let key = key(&hash, build, &job.settings());
        if let Some(point) = store.get(&key) {
            // The same clip may have another name now.
            points.push(Point { clip: name.to_owned(), ..point.clone() });
            continue;
        }
        let what = format!("{name}, {} at {}", job.codec(), job.parameter());
        eprintln!("[{number}/{all}] {what}");
        let measured = match job {
            Job::Ours(settings) => ours::measure(clip, settings),
            Job::Reference(reference, parameter) => {
                let raw = match &raw {
                    Some(raw) => raw,
                    None => raw.insert(RawClip::write(clip)?),
                };
                raw.measure(*reference, *parameter).map(Measured::from)
            }
        };
        let measured = measured.map_err(|error| anyhow!("{what}: {error:#}"))?;
        let point = point((key, build), (name, clip), job, &measured);
        let (bytes, seconds) = (grouped(point.bytes), point.encode_seconds);
        eprintln!("    {bytes} bytes, PSNR-Y {:.2} dB, MS-SSIM {:.4}, {seconds:.1} s", point.psnr_y, point.ms_ssim);
        store.add(point.clone())?;
        points.push(point);
    }
    Ok(points)
}

fn point((key, build): (String, &str), (name, clip): (&str, &Clip), job: &Job, measured: &Measured) -> Point {
    let parts = measured.info.as_ref().map(|info| &info.parts);
    let grids = parts.iter().flat_map(|parts| &parts.grids).map(|bytes| format!("{bytes:.1}"));
    let tenths = |bytes: f64| (10.0 * bytes).round() / 10.0;
    let psnr = measured.quality.psnr.total();
    Point {
        key,
        build: build.to_owned(),
        clip: name.to_owned(),
        width: clip.width,
        height: clip.height,
        frames: clip.frames.len(),
        codec: job.codec().to_owned(),
        effort: match job {
            Job::Ours(settings) => Some(settings.effort.name().to_owned()),
            Job::Reference(..) => None,
        },
        parameter: job.parameter(),
        bytes: measured.bytes,
        header_bytes: parts.map(|parts| tenths(parts.header)),
        weight_bytes: parts.map(|parts| tenths(parts.weights)),
        motion_bytes: parts.map(|parts| tenths(parts.motion)),
        grid_bytes: grids.collect::<Vec<_>>().join(" "),
        psnr_y: psnr.y,
        psnr_yuv: psnr.yuv(),
        ms_ssim: measured.quality.ms_ssim.mean(),
        encode_seconds: measured.encode_seconds,
        mac_per_pixel: measured.info.as_ref().map(|info| info.mac_per_pixel),
    }
}
