//! `bench encode`: what every level costs and gives.

use anyhow::Result;
use clap::{Args, ValueEnum};
use host_encoder::cli::{EffortName, LevelName, Progress, Table, encode_clip, grouped};
use host_encoder::sample::{SampleSettings, sample_clip};
use host_encoder::settings::EncodeSettings;

/// Arguments of `bench encode`.
#[derive(Args, Debug)]
pub struct EncodeArgs {
    /// How long to fit
    #[arg(long, value_name = "EFFORT", value_enum, default_value_t = EffortName::Draft)]
    effort: EffortName,
    /// Frames of the clip
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    frames: u16,
    /// Levels to measure
    #[arg(long, value_name = "LEVEL", value_enum, default_values_t = [LevelName::Nano, LevelName::Micro, LevelName::Edge])]
    level: Vec<LevelName>,
}

/// Encodes the demo's clip at every level and prints a table.
pub fn run(args: &EncodeArgs) -> Result<()> {
    let sample = SampleSettings { frames: args.frames.into(), ..SampleSettings::default() };
    let clip = sample_clip(&sample);
    println!("{}x{}, {} frames, on this machine", clip.width, clip.height, clip.frames.len());
    let mut table = Table::aligned_right(&[1, 2, 3, 4, 5, 6, 7]);
    table.row([&"level", &"bytes", &"PSNR-Y", &"MAC/pixel", &"scratch", &"encode", &"decode", &"ns/pixel"]);
    for &level in &args.level {
        let settings = EncodeSettings { level: level.into(), effort: args.effort.into(), ..EncodeSettings::default() };
        let mut progress = Progress::new(false);
        let encoded = encode_clip(&clip, &settings, &mut progress)?;
        drop(progress);
        let decoding = encoded.decoding.as_secs_f64();
        let name = level.to_possible_value().map(|name| name.get_name().to_owned()).unwrap_or_default();
        table.row([
            &name,
            &grouped(encoded.info.bytes as u64),
            &format!("{:.2} dB", encoded.psnr.total().y),
            &encoded.info.mac_per_pixel,
            &grouped(encoded.info.scratch_bytes as u64),
            &format!("{:.1} s", encoded.encoding.as_secs_f64()),
            &format!("{:.0} frames/s", clip.frames.len() as f64 / decoding),
            &format!("{:.0}", decoding * 1e9 / clip.pixels() as f64),
        ]);
    }
    print!("{table}");
    Ok(())
}
