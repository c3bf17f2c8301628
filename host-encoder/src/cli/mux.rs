//! `mux`.

use std::convert::Infallible;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;

use super::encode::Output;
use super::encode_segment::folder;
use super::table::{Table, grouped};
use crate::io::Input;
use crate::jobs::{Plan, mux};
use crate::playback::decode_file;

/// Arguments of `mux`.
#[derive(Args, Debug)]
#[command(after_help = "\
Every segment is checked before the file is begun, and the file is decoded before it takes its name.

Examples:
  nvl mux plan.json -o clip.nvl
  nvl mux plan.json -o clip.nvl --clean   and remove the segments")]
pub struct MuxArgs {
    /// The plan
    #[arg(value_name = "PLAN.json")]
    pub plan: PathBuf,
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "OUT.nvl")]
    pub output: PathBuf,
    /// Replace the output if it exists
    #[arg(short = 'y', long = "overwrite")]
    pub overwrite: bool,
    /// The folder of the segments [default: the plan's name with .segments]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Remove the segments when the file is written
    #[arg(long)]
    pub clean: bool,
}

pub(super) fn run(args: &MuxArgs) -> Result<()> {
    let plan = Plan::read(&args.plan)?;
    let folder = folder(args.folder.as_ref(), &args.plan);
    let output = Output::choose(Some(&args.output), &Input::File(args.plan.clone()))?;
    output.check(args.overwrite)?;
    let encoded = mux(&plan, &folder)?;
    let mut frames = 0_u64;
    let report = decode_file::<Infallible>(&encoded.bytes, &mut |_, _| {
        frames += 1;
        Ok(())
    });
    let info = report.map_err(|error| anyhow!("the segments do not decode ({error}): please report this"))?.info;
    output.write(&encoded.bytes, args.overwrite)?;
    if args.clean {
        folder.clear();
    }
    let mut table = Table::default();
    table
        .row([&"segments", &plan.segments.len()])
        .row([&"frames", &grouped(frames)])
        .row([&"bytes", &grouped(info.bytes as u64)])
        .row([&"bitrate", &format!("{:.2} kb/s", info.kilobits_per_second())])
        .row([&"bits/pixel", &format!("{:.4}", info.bits_per_pixel())]);
    // Standard output may have the file.
    match args.output.as_os_str() == "-" {
        true => eprint!("{}\n{table}", output.name()),
        false => print!("{}\n{table}", output.name()),
    }
    Ok(())
}
