//! `report`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde_json::{Value, json};

use super::decode::read_file;
use super::interrupt;
use super::table::grouped;
use crate::io::{ClipRange, Conversion, Input, Original, OutputFile, check_target, read_converted};
use crate::reference::Reference;
use crate::report::{Names, collect, compare, html};

/// Arguments of `report`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nvl report clip.nvl --source clip.y4m
  nvl report clip.nvl --source clip.mp4 --frames 96 -o page.html --against h264,mjpeg
  nvl encode clip.y4m --json > clip.json; nvl report clip.nvl --source clip.y4m --encode clip.json")]
pub struct ReportArgs {
    /// The file to look at; `-` is standard input
    #[arg(value_name = "IN.nvl")]
    pub input: std::ffi::OsString,

    /// The clip that it was encoded from: Y4M, or anything that ffmpeg reads. It is scaled as the file is
    #[arg(long, value_name = "CLIP", help_heading = "Source")]
    pub source: PathBuf,
    /// Leave out the first N frames of the source, as `encode` did
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, help_heading = "Source")]
    pub skip: usize,
    /// What `encode --json` printed: adds the settings to the page
    #[arg(long, value_name = "FILE.json", help_heading = "Source")]
    pub encode: Option<PathBuf>,

    /// Codecs of ffmpeg to compare with on the same frames
    #[arg(long, value_name = "CODECS", value_enum, value_delimiter = ',', help_heading = "Comparison",
        default_values_t = [Reference::H264, Reference::H264Baseline, Reference::Hevc, Reference::Mpeg4, Reference::Mjpeg])]
    pub against: Vec<Reference>,
    /// Compare with no other codec
    #[arg(long, conflicts_with = "against", help_heading = "Comparison")]
    pub alone: bool,

    /// The page to write [default: the input's name with .html, in the current folder]
    #[arg(short, long, value_name = "OUT.html", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Replace the output if it exists
    #[arg(short = 'y', long = "overwrite", help_heading = "Output")]
    pub overwrite: bool,
    /// Print the result as one JSON object a line
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Show no progress
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

pub(super) fn run(args: &ReportArgs) -> Result<()> {
    let input = Input::from(args.input.as_os_str());
    let output = match (&args.output, &input) {
        (Some(path), _) => path.clone(),
        (None, Input::File(path)) => {
            PathBuf::from(path.file_name().unwrap_or("report".as_ref())).with_extension("html")
        }
        (None, Input::Stdin) => "report.html".into(),
    };
    check_target(&output, args.overwrite)?;
    let encode = args.encode.as_deref().map(encode_result).transpose()?;
    let bytes = read_file(&input)?;
    let header = crate::playback::check(&bytes).map_err(|error| super::decode::damaged(&input, error))?;
    let source = Input::File(args.source.clone());
    let range = ClipRange { skip: args.skip, frames: Some(header.frames as usize) };
    // The source in the size and at the rate that it was encoded in.
    let mut as_encoded = |original: &Original| {
        let size = (usize::from(header.width), usize::from(header.height));
        let rate = (header.rate_num, header.rate_den);
        Conversion {
            size: (size != (original.width, original.height)).then_some(size),
            rate: (rate != original.rate).then_some(rate),
        }
    };
    let clip = read_converted(&source, range, &mut as_encoded)?.clip;
    interrupt::check()?;

    let name = |input: &Input| match input {
        Input::File(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        Input::Stdin => input.to_string(),
    };
    let names = Names { file: name(&input), source: name(&source) };
    let mut report = collect(&names, &bytes, &clip, encode)?;
    if let (false, Some(psnr_y)) = (args.alone, report.totals.psnr_y) {
        let mut stopped = Ok(());
        report.comparison = compare(&clip, psnr_y, &args.against, &mut |codec| {
            stopped = interrupt::check();
            if !args.quiet {
                eprintln!("comparing with {codec}");
            }
        })?;
        stopped?;
    }
    let page = html(&report);
    let mut file = OutputFile::create(&output, args.overwrite)?;
    file.write_all(page.as_bytes()).with_context(|| format!("cannot write {}", output.display()))?;
    file.commit()?;

    let output = output.display().to_string();
    if args.json {
        println!("{}", json!({ "type": "report", "input": input.to_string(), "output": output, "bytes": page.len() }));
    } else {
        println!("{output}\n  {} bytes: open it in a browser", grouped(page.len() as u64));
    }
    Ok(())
}

/// The last object of what `encode --json` printed.
fn encode_result(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut objects = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = objects.find(|object| object["type"] == "encode");
    found.ok_or_else(|| anyhow!("{} is not what `encode --json` prints", path.display()))
}
