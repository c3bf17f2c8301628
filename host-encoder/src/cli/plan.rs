//! `plan`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::args::{CodingArgs, SourceArgs};
use super::encode::{check_level, load};
use super::failure::Usage;
use super::table::{Table, grouped};
use crate::io::{Input, check_target};
use crate::jobs::{Folder, Plan, PlannedInput};

/// Arguments of `plan`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nvl plan clip.mp4 -o plan.json                 segments of at most 128 frames, cut at scenes
  for n in 0 1 2; do nvl encode-segment plan.json --index $n; done
  nvl mux plan.json -o clip.nvl                  the file that `nvl encode clip.mp4` gives
  nvl submit plan.json --engine slurm -o clip.nvl  the same on a cluster")]
pub struct PlanArgs {
    /// The clip.
    #[command(flatten)]
    pub source: SourceArgs,

    /// The plan to write, in a folder that all machines share
    #[arg(short, long, value_name = "PLAN.json", help_heading = "Output")]
    pub output: PathBuf,
    /// Replace the plan if it exists
    #[arg(short = 'y', long = "overwrite", help_heading = "Output")]
    pub overwrite: bool,
    /// Print the plan itself instead of a summary
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// How it is coded.
    #[command(flatten)]
    pub coding: CodingArgs,
}

pub(super) fn run(args: &PlanArgs) -> Result<()> {
    let input = Input::from(args.source.input.as_os_str());
    if input == Input::Stdin {
        return Err(Usage("a plan needs a file: other machines cannot read this one's standard input".into()).into());
    }
    check_target(&args.output, args.overwrite)?;
    let (loaded, settings) = load(&args.source, &args.coding, args.coding.settings(), args.json)?;
    let clip = loaded.clip;
    check_level(&clip, &settings)?;
    let plan = Plan::new(&clip, PlannedInput::new(&input, args.source.range(), loaded.conversion), &settings)?;
    plan.write(&args.output, args.overwrite)?;
    match args.json {
        true => println!("{}", serde_json::to_string(&plan)?),
        false => print!("{}\n{}", args.output.display(), summary(&plan, &Folder::of_plan(&args.output))),
    }
    Ok(())
}

fn summary(plan: &Plan, folder: &Folder) -> Table {
    let frames = || plan.segments.iter().map(|segment| segment.span.frames);
    let (least, most) = (frames().min().unwrap_or(0), frames().max().unwrap_or(0));
    let seconds: f64 = plan.segments.iter().map(|segment| segment.expected.cpu_seconds).sum();
    let time = match seconds {
        0.0..3600.0 => format!("{seconds:.0} s on one core"),
        _ => format!("{:.1} h on one core", seconds / 3600.0),
    };
    let memory = plan.segments.iter().map(|segment| segment.expected.memory_bytes).max().unwrap_or(0);
    let mut table = Table::default();
    table
        .row([
            &"picture",
            &format!("{}x{}, {} frames", plan.width, plan.height, grouped(frames().map(u64::from).sum())),
        ])
        .row([&"segments", &format!("{} of {least} to {most} frames", plan.segments.len())])
        .row([&"expected", &format!("{time}, {} MiB a segment", grouped(memory.div_ceil(1 << 20)))])
        .row([&"folder", &folder.path().display()]);
    table
}
