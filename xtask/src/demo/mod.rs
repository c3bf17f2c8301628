//! `demo`: from nothing to a compressed clip and a picture of it.

mod canvas;
mod font;
mod sheet;

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use host_encoder::cli::{EffortName, Encoded, LevelName, Progress, encode_clip, install_interrupt_handler};
use host_encoder::frame::Frame;
use host_encoder::io::{
    ClipWriter, OutputError, OutputFile, OutputKind, Target, VideoHeader, write_rgb_png, write_y4m,
};
use host_encoder::playback::{PlaybackError, decode_file};
use host_encoder::sample::{SampleSettings, sample_clip};
use host_encoder::settings::{EncodeSettings, lambda_of_quality};

use crate::shell;

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// How much work and memory decoding may take
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = LevelName::Micro)]
    level: LevelName,
    /// How long to fit; `draft` is a first look
    #[arg(long, value_name = "EFFORT", value_enum, default_value_t = EffortName::Normal)]
    effort: EffortName,
    /// From 1, small, to 100, good
    #[arg(long, value_name = "1..100", value_parser = clap::value_parser!(u8).range(1..=100), default_value_t = 60)]
    quality: u8,
}

/// Makes the clip, encodes it, decodes it, draws the sheet, prints the table.
pub fn run(args: &DemoArgs) -> Result<()> {
    install_interrupt_handler();
    let folder = shell::root().join("target/demo");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let sample = SampleSettings::default();
    let clip = sample_clip(&sample);
    write(&folder.join("sample.y4m"), |file| write_y4m(file, &clip))?;

    let settings = EncodeSettings {
        level: args.level.into(),
        effort: args.effort.into(),
        lambda: lambda_of_quality(args.quality),
        ..EncodeSettings::default()
    };
    eprintln!("encoding {} frames of {}x{}; Ctrl-C ends it", clip.frames.len(), clip.width, clip.height);
    let mut progress = Progress::new(false);
    let encoded = encode_clip(&clip, &settings, &mut progress)?;
    drop(progress);
    write(&folder.join("sample.nvl"), |file| file.write_all(&encoded.bytes))?;

    let decoded = animate(&encoded, &folder.join("decoded.gif"))?;
    let sheet = sheet::draw(&clip.frames, &decoded, &encoded);
    write(&folder.join("sample.png"), |file| write_rgb_png(file, &sheet))?;

    println!("{}", encoded.table());
    for (name, what) in [
        ("sample.png", "source, decoded and difference: look at this first"),
        ("decoded.gif", "what the integer decoder shows"),
        ("sample.nvl", "the compressed clip"),
        ("sample.y4m", "the source"),
    ] {
        println!("  target/demo/{name:12} {what}");
    }
    Ok(())
}

/// Writes what the integer decoder makes of the file as GIF; returns its pictures.
fn animate(encoded: &Encoded, path: &Path) -> Result<Vec<Frame>> {
    let mut frames = Vec::new();
    let decoded = decode_file(&encoded.bytes, &mut |_, frame| {
        frames.push(frame.clone());
        Ok::<(), OutputError>(())
    });
    decoded.map_err(|error: PlaybackError<OutputError>| anyhow::anyhow!("{error}"))?;
    let header = &encoded.info.header;
    let rate = (header.rate_num, header.rate_den);
    let video = VideoHeader { width: header.width, height: header.height, rate, frames: header.frames };
    let target = Target::File(path.into(), OutputKind::Gif);
    let mut gif = ClipWriter::create(&target, &video, true, |show| {
        frames.iter().for_each(show);
        Ok::<(), OutputError>(())
    })?;
    frames.iter().try_for_each(|frame| gif.write(frame))?;
    gif.finish()?;
    Ok(frames)
}

/// Writes a file of the demo; earlier ones are replaced.
fn write(path: &Path, fill: impl FnOnce(&mut OutputFile) -> std::io::Result<()>) -> Result<()> {
    let mut file = OutputFile::create(path, true)?;
    fill(&mut file).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(file.commit()?)
}
