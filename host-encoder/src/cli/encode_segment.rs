//! `encode-segment`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::args::positive;
use super::bar::Progress;
use super::interrupt;
use super::table::grouped;
use crate::jobs::{Folder, FolderShelf, Pace, Plan, Work, encode_segment};

/// Arguments of `encode-segment`.
#[derive(Args, Debug)]
#[command(after_help = "\
The same plan and number give the same bytes. A segment that is there already is not fitted again; an interrupted one goes on
from its last checkpoint. Running it twice, also at the same time, does no harm.

Examples:
  nvl encode-segment plan.json --index 0
  nvl encode-segment plan.json --index $SLURM_ARRAY_TASK_ID --threads 1")]
pub struct EncodeSegmentArgs {
    /// The plan
    #[arg(value_name = "PLAN.json")]
    pub plan: PathBuf,
    /// The segment's number, from 0
    #[arg(long, value_name = "N")]
    pub index: usize,
    /// Read the clip from here instead of where the plan says
    #[arg(long, value_name = "IN")]
    pub input: Option<PathBuf>,
    /// The folder of the segments [default: the plan's name with .segments]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Threads to work with; they do not change the result [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Seconds between two checkpoints [default: 20, or more where writing one takes long]
    #[arg(long, value_name = "S", value_parser = positive)]
    pub checkpoint: Option<f64>,
    /// Show no progress
    #[arg(short, long)]
    pub quiet: bool,
}

pub(super) fn run(args: &EncodeSegmentArgs) -> Result<()> {
    let mut plan = Plan::read(&args.plan)?;
    plan.settings.threads = args.threads.map(usize::from);
    let folder = folder(args.folder.as_ref(), &args.plan);
    interrupt::resumable("the same command goes on where it stopped".into());
    let pace = pace(args.checkpoint);
    let shelf = FolderShelf::new(&plan, folder.clone(), pace);
    let mut progress = Progress::new(args.quiet);
    let work = encode_segment(&plan, args.index, &shelf, args.input.as_deref(), &mut progress);
    drop(progress);
    let (fitted, how) = match work? {
        Work::Found(fitted) => (fitted, "was there already"),
        Work::Done(fitted) => (fitted, "is done"),
    };
    let (path, bytes) = (folder.segment(args.index), grouped(fitted.segment.bytes.len() as u64));
    println!("segment {} of {} {how}: {bytes} bytes in {}", args.index, plan.segments.len(), path.display());
    Ok(())
}

/// What `--checkpoint` asks for.
pub(super) fn pace(seconds: Option<f64>) -> Pace {
    let pause = seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    pause.map_or(Pace::Sparing, Pace::Every)
}

/// The folder of a plan's segments.
pub(super) fn folder(chosen: Option<&PathBuf>, plan: &std::path::Path) -> Folder {
    chosen.map_or_else(|| Folder::of_plan(plan), Folder::new)
}
