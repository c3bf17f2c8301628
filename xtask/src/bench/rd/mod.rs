//! `bench rd`: rate and distortion of every level against ffmpeg's codecs.

pub(super) mod ours;
mod plot;
pub(super) mod point;
mod report;
mod store;
mod work;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use decoder_core::Level;
use host_encoder::cli::{EffortName, LevelName};
use host_encoder::reference::{self, Reference};

use super::clips::{Source, lambda, sources};
use crate::shell;
use store::Store;
use work::{Builds, Job};

/// Arguments of `bench rd`.
#[derive(Args, Debug)]
#[command(after_help = "\
Writes target/bench/rd/: points.csv, a plot of every clip, table.md. An interrupted run goes on
where it was: what points.csv has of the same clip, settings and program is not measured again.

Examples:
  cargo xtask bench rd --clips clip.y4m --levels nano --effort draft --frames 16
  cargo xtask bench rd --clips clips/ --effort best --against h264,h264-baseline")]
pub struct RdArgs {
    /// Clips, or folders whose .y4m files are meant [default: the demo's clip]
    #[arg(long, value_name = "DIR|FILE", num_args = 1..)]
    clips: Vec<PathBuf>,
    /// Levels to measure
    #[arg(long, value_name = "LEVELS", value_enum, value_delimiter = ',',
        default_values_t = [LevelName::Nano, LevelName::Micro, LevelName::Edge])]
    levels: Vec<LevelName>,
    /// The first N frames of each clip
    #[arg(long, value_name = "N", default_value_t = 96, value_parser = clap::value_parser!(u16).range(1..))]
    frames: u16,
    /// How long to fit
    #[arg(long, value_name = "EFFORT", value_enum, default_value_t = EffortName::Normal)]
    effort: EffortName,
    /// Weights of the rate in D + lambda x bits/pixel, four or more for figures to be trusted
    #[arg(long, value_name = "LAMBDAS", value_delimiter = ',', default_values_t = [30.0, 90.0, 270.0, 810.0],
        value_parser = lambda)]
    lambdas: Vec<f64>,
    /// Codecs to compare with
    #[arg(long, value_name = "CODECS", value_enum, value_delimiter = ',',
        default_values_t = [Reference::H264, Reference::H264Baseline, Reference::Hevc, Reference::Mpeg4, Reference::Mjpeg])]
    against: Vec<Reference>,
}

/// Measures what is missing, then writes plots and table.
pub fn run(args: &RdArgs) -> Result<()> {
    let sources = sources(&args.clips)?;
    let folder = shell::root().join("target/bench/rd");
    let mut store = Store::open(&folder.join("points.csv"))?;
    let builds = Builds { ours: ours::build()?, reference: reference::build()? };
    let jobs = jobs(args);
    let levels: Vec<&str> = args.levels.iter().map(|&level| Level::from(level).name()).collect();
    let references: Vec<&str> = args.against.iter().map(|reference| reference.name()).collect();
    let codecs = [levels.clone(), references.clone()].concat();
    let mut points = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let clip = source.read(args.frames)?;
        let name = source.name();
        let place = (number * jobs.len(), sources.len() * jobs.len());
        let measured = work::measure((&name, &clip), &jobs, &builds, &mut store, place)?;
        let plot = folder.join(format!("{name}.svg"));
        let svg = plot::svg(&name, &codecs, &measured)?;
        fs::write(&plot, svg).with_context(|| format!("cannot write {}", plot.display()))?;
        points.extend(measured);
    }
    let names: Vec<String> = sources.iter().map(Source::name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let effort = host_encoder::settings::Effort::from(args.effort).name();
    let head = format!(
        "# Rate and distortion\n\nAt most {} frames, effort {effort}, lambda {:?}, build {}, {}.\n",
        args.frames, args.lambdas, builds.ours, builds.reference
    );
    let table = head + &report::markdown(&levels, &references, &names, &points);
    fs::write(folder.join("table.md"), &table).context("cannot write table.md")?;
    println!("{table}\nPoints, plots and this table are in {}", folder.display());
    Ok(())
}

/// What is wanted of every clip; the other codecs first, because they take less time.
fn jobs(args: &RdArgs) -> Vec<Job> {
    let others = args.against.iter().flat_map(|&reference| {
        reference.parameters().iter().map(move |&parameter| Job::Reference(reference, parameter))
    });
    let ours = args.levels.iter().flat_map(|&level| {
        let effort = args.effort.into();
        args.lambdas.iter().map(move |&lambda| Job::Ours(ours::settings(level.into(), lambda, effort)))
    });
    others.chain(ours).collect()
}
