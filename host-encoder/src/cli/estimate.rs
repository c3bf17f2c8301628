//! `estimate`.

use std::time::Instant;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::args::EncodeArgs;
use super::bar::Progress;
use super::encode::{encode_clip, load};
use super::table::{Table, grouped, rate};
use crate::device::DEVICES;
use crate::frame::Clip;
use crate::settings::{Effort, EncodeSettings};
use crate::train::Outline;

/// Arguments of `estimate`.
#[derive(Args, Debug)]
#[command(after_help = "\
Encodes a few frames with few steps and says what the whole encode would give. Takes the arguments of `encode`.

Examples:
  nvl estimate clip.y4m
  nvl estimate clip.mp4 --device pico2 --effort best --json")]
pub struct EstimateArgs {
    /// The encode to predict.
    #[command(flatten)]
    pub encode: EncodeArgs,
}

/// Frames of the trial.
const TRIAL: usize = 12;

/// What an effort gives beyond a draft at the same lambda: times the bytes, and dB more. Rules of thumb: twelve frames of one
/// clip of 176x144 took 5402 bytes at 33.3 dB as a draft and 5205 bytes at 34.2 dB with normal effort.
const fn beyond_draft(effort: Effort) -> (f64, f64) {
    match effort {
        Effort::Draft => (1.0, 0.0),
        Effort::Normal => (0.96, 0.9),
        Effort::Best => (0.95, 1.3),
    }
}

/// What is predicted.
struct Estimate {
    bytes: f64,
    psnr_y: f64,
    seconds: f64,
    mac_per_pixel: u32,
    scratch: usize,
}

pub(super) fn run(args: &EstimateArgs) -> Result<()> {
    let args = &args.encode;
    let (loaded, settings) = load(&args.source, &args.coding, args.settings(), args.quiet)?;
    let clip = loaded.clip;
    let estimate = estimate(&clip, &settings, args.quiet)?;
    let pixels = (clip.width * clip.height) as u64;
    let kilobits = 8.0 * estimate.bytes / clip.seconds() / 1000.0;
    let speeds = DEVICES.iter().map(|device| (device, device.frames_per_second(estimate.mac_per_pixel, pixels)));
    if args.json {
        let devices = speeds.map(|(device, speed)| {
            let memory = device.has_memory(estimate.scratch);
            json!({ "name": device.name, "frames_per_second": speed, "has_memory": memory })
        });
        let object = json!({
            "type": "estimate",
            "input": args.source.input.to_string_lossy(),
            "width": clip.width,
            "height": clip.height,
            "frames": clip.frames.len(),
            "rate": [clip.rate.0, clip.rate.1],
            "level": settings.level.name(),
            "lambda": settings.lambda,
            "effort": settings.effort.name(),
            "bytes": estimate.bytes.round(),
            "kilobits_per_second": kilobits,
            "psnr_y": estimate.psnr_y,
            "encode_seconds": estimate.seconds,
            "mac_per_pixel": estimate.mac_per_pixel,
            "scratch_bytes": estimate.scratch,
            "devices": devices.collect::<Vec<_>>(),
        });
        println!("{object}");
        return Ok(());
    }
    let mut table = Table::default();
    let fps = rate(clip.rate.0, clip.rate.1);
    table
        .row([&"picture", &format!("{}x{}, {} frames, {fps} frames/s", clip.width, clip.height, clip.frames.len())])
        .row([&"bytes", &format!("about {}", grouped(two_digits(estimate.bytes) as u64))])
        .row([&"bitrate", &format!("about {:.0} kb/s", two_digits(kilobits))])
        .row([&"PSNR-Y", &format!("about {:.0} dB", estimate.psnr_y)])
        .row([&"encoding", &format!("about {} on this machine as busy as it is", duration(estimate.seconds))])
        .row([&"MAC/pixel", &grouped(estimate.mac_per_pixel.into())])
        .row([&"scratch", &format!("{} bytes", grouped(estimate.scratch as u64))]);
    let mut devices = Table::aligned_right(&[2]);
    devices.row([&"device", &"core", &"frames/s", &""]);
    let wanted = f64::from(clip.rate.0) / f64::from(clip.rate.1);
    for (device, speed) in speeds {
        let verdict = match (device.has_memory(estimate.scratch), speed >= wanted) {
            (false, _) => "has not the memory",
            (true, true) => "plays",
            (true, false) => "too slow",
        };
        devices.row([&device.name, &device.core, &format!("{speed:.1}"), &verdict]);
    }
    print!("{}\n{table}\n{devices}", args.source.input.to_string_lossy());
    Ok(())
}

fn estimate(clip: &Clip, settings: &EncodeSettings, quiet: bool) -> Result<Estimate> {
    let frames = clip.frames.len();
    let trial = Clip { frames: clip.frames[..frames.min(TRIAL)].to_vec(), ..*clip };
    let draft = EncodeSettings { effort: Effort::Draft, scene_cuts: false, ..settings.clone() };
    let started = Instant::now();
    let mut progress = Progress::new(quiet);
    let encoded = encode_clip(&trial, &draft, &mut progress)?;
    drop(progress);
    // The trial says how fast the machine is, the model how much more the encode is.
    let (outline, tried) = (Outline::new(clip, settings)?, Outline::new(&trial, &draft)?);
    let more_work = cpu_seconds(&outline, settings) / cpu_seconds(&tried, &draft);
    let seconds = started.elapsed().as_secs_f64() * more_work;

    // The first frame stands alone, as do the weights; the others are alike.
    let pictures: Vec<f64> =
        encoded.pictures.iter().map(|bytes| bytes.motion + bytes.grids.iter().sum::<f64>()).collect();
    let parts = &encoded.info.parts;
    let segments = outline.segments.len();
    let followers = pictures.len() - 1;
    let follower = if followers == 0 { 0.0 } else { pictures[1..].iter().sum::<f64>() / followers as f64 };
    let once = parts.header + parts.weights + pictures[0];
    let (share, more) = beyond_draft(settings.effort);
    let bytes = segments as f64 * once + (frames - segments) as f64 * follower;
    Ok(Estimate {
        bytes: share * bytes,
        psnr_y: encoded.psnr.total().y + more,
        seconds,
        mac_per_pixel: encoded.info.mac_per_pixel,
        scratch: encoded.info.scratch_bytes,
    })
}

/// What an encode takes by the model of `train::expected_cost`, on one core of the machine whose coefficients it has.
fn cpu_seconds(outline: &Outline, settings: &EncodeSettings) -> f64 {
    (0..outline.segments.len()).map(|index| outline.cost(index, settings).cpu_seconds).sum()
}

/// A prediction is not better than that.
fn two_digits(value: f64) -> f64 {
    let unit = 10f64.powf((value.max(1.0).log10().floor() - 1.0).max(0.0));
    (value / unit).round() * unit
}

fn duration(seconds: f64) -> String {
    match seconds {
        ..100.0 => format!("{seconds:.0} seconds"),
        ..6000.0 => format!("{:.0} minutes", seconds / 60.0),
        _ => format!("{:.1} hours", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_are_rounded() {
        assert_eq!([3.0, 12_345.0, 987_654.0].map(two_digits), [3.0, 12_000.0, 990_000.0]);
        assert_eq!([50.0, 300.0, 9000.0].map(duration), ["50 seconds", "5 minutes", "2.5 hours"]);
    }
}
