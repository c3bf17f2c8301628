//! Arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use decoder_core::Level;
use decoder_core::order::MAX_PYRAMID;

use super::completions::CompletionsArgs;
use super::encode_segment::EncodeSegmentArgs;
use super::estimate::EstimateArgs;
use super::mux::MuxArgs;
use super::plan::PlanArgs;
use super::play::PlayArgs;
use super::report::ReportArgs;
use super::scale::{Scale, frames_per_second};
use super::submit::SubmitArgs;
use crate::device::{DEVICES, Device};
use crate::frame::Clip;
use crate::io::{ClipRange, Conversion, Original, Target};
use crate::settings::{Effort, EncodeSettings, Metric, lambda_of_quality};
use crate::train::Target as Goal;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Encode a clip into an .nvl file
    Encode(EncodeArgs),
    /// Predict what `encode` would give and take, from a short trial
    Estimate(EstimateArgs),
    /// Decode an .nvl file with the integer decoder
    Decode(DecodeArgs),
    /// Show what an .nvl file is made of
    Info(InfoArgs),
    /// Cut an encode into segments that many machines can share
    Plan(PlanArgs),
    /// Fit one segment of a plan
    EncodeSegment(EncodeSegmentArgs),
    /// Put the finished segments of a plan together
    Mux(MuxArgs),
    /// Hand a plan to a cluster: Slurm, or the script or manifest of another engine
    Submit(SubmitArgs),
    /// Show an .nvl file in a window
    Play(PlayArgs),
    /// Write a page that shows an .nvl file beside its source, with plots and other codecs
    Report(ReportArgs),
    /// Print a script with which a shell completes the arguments of nvl
    Completions(CompletionsArgs),
}

/// Arguments of `encode`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nvl encode clip.y4m                            clip.nvl, in the current folder
  nvl encode clip.mp4 -o a.nvl --frames 96       any format, through ffmpeg
  nvl encode clip.mp4 --device pico2             so that it plays on a Raspberry Pi Pico 2
  nvl encode clip.y4m --size 50000               50 000 bytes, or --bitrate 40, or --psnr 35
  ffmpeg -i in.mov -vf scale=160:-2 -f yuv4mpegpipe - | nvl encode - -o a.nvl")]
pub struct EncodeArgs {
    /// The clip.
    #[command(flatten)]
    pub source: SourceArgs,

    /// The file to write; `-` is standard output [default: the input's name with .nvl, in the current folder]
    #[arg(short, long, value_name = "OUT.nvl", help_heading = "Output")]
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

    /// How it is coded.
    #[command(flatten)]
    pub coding: CodingArgs,
    /// A file of N bytes, within 3 %; searches for the lambda
    #[arg(long, value_name = "BYTES", value_parser = positive, group = "aim", help_heading = "Coding")]
    pub size: Option<f64>,
    /// N thousand bits for a second, within 3 %
    #[arg(long, value_name = "KBPS", value_parser = positive, group = "aim", help_heading = "Coding")]
    pub bitrate: Option<f64>,
    /// A PSNR of luma, within 0.1 dB
    #[arg(long, value_name = "DB", value_parser = positive, group = "aim", help_heading = "Coding")]
    pub psnr: Option<f64>,

    /// Threads to work with; they do not change the result [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Running")]
    pub threads: Option<u16>,
    /// Begin anew, also where an interrupted encode could be gone on with
    #[arg(long, help_heading = "Running")]
    pub no_resume: bool,
    /// Keep what is done in this folder until the file is whole [default: OUT.nvl.work]
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    pub work: Option<PathBuf>,
    /// Seconds between two checkpoints [default: 20, or more where writing one takes long]
    #[arg(long, value_name = "S", value_parser = positive, help_heading = "Running")]
    pub checkpoint: Option<f64>,
}

/// Which pictures are encoded.
#[derive(Args, Clone, Debug)]
pub struct SourceArgs {
    /// The clip: Y4M, or anything that ffmpeg reads; `-` is standard input
    #[arg(value_name = "IN")]
    pub input: OsString,
    /// Leave out the first N frames
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, help_heading = "Input")]
    pub skip: usize,
    /// Encode at most N frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Input")]
    pub frames: Option<u32>,
    /// Scale the pictures, e.g. 240x240, or 240 for that width with the same aspect
    #[arg(long, value_name = "WxH", value_parser = Scale::parse, help_heading = "Input")]
    pub scale: Option<Scale>,
    /// Leave out frames so that N are left for a second, e.g. 15 or 30000/1001
    #[arg(long, value_name = "N", value_parser = frames_per_second, help_heading = "Input")]
    pub fps: Option<(u32, u32)>,
}

/// How a clip is coded: what its bytes depend on.
#[derive(Args, Clone, Debug)]
pub struct CodingArgs {
    /// Choose the level for a device; scale the pictures and leave out frames until they play there
    #[arg(long, value_name = "DEVICE", value_parser = device_names(), help_heading = "Coding")]
    pub device: Option<Device>,
    /// How much work and memory decoding may take [default: micro, or the device's]
    #[arg(long, value_name = "LEVEL", value_enum, help_heading = "Coding")]
    pub level: Option<LevelName>,
    /// From 1, small, to 100, good; 20 steps are a factor of 3 in lambda [default: 50]
    #[arg(long, value_name = "1..100", value_parser = clap::value_parser!(u8).range(1..=100), group = "aim",
        help_heading = "Coding")]
    pub quality: Option<u8>,
    /// Weight of the rate in D + lambda x bits/pixel, instead of --quality (50 is 150, 70 is 50)
    #[arg(long, value_name = "X", value_parser = positive, group = "aim", help_heading = "Coding")]
    pub lambda: Option<f64>,
    /// What is to be near the source: squared errors, or structure as MS-SSIM sees it
    #[arg(long, value_name = "METRIC", value_enum, default_value_t = MetricName::Psnr, help_heading = "Coding")]
    pub metric: MetricName,
    /// How long to fit
    #[arg(long, value_name = "EFFORT", value_enum, default_value_t = EffortName::Normal, help_heading = "Coding")]
    pub effort: EffortName,
    /// Predict nothing from the frame before: the pure representation
    #[arg(long, help_heading = "Coding")]
    pub no_motion: bool,
    /// Most pictures that the decoder keeps: with 1 each is predicted from the one before only, and files are larger
    #[arg(long, value_name = "1..3", default_value_t = 1 + EncodeSettings::default().pyramid,
        value_parser = clap::value_parser!(u8).range(1..=1 + i64::from(MAX_PYRAMID)), help_heading = "Coding")]
    pub references: u8,
    /// Do not smooth what residuals leave: the decoder has a little less to do, and files are larger
    #[arg(long, help_heading = "Coding")]
    pub no_loop_filter: bool,
    /// Frames that are coded together, as a power of two [default: by the encoder]
    #[arg(long, value_name = "0..3", value_parser = clap::value_parser!(u8).range(0..=3), help_heading = "Coding")]
    pub root_depth: Option<u8>,
    /// Most frames of a segment: memory while encoding, and what a lost segment costs
    #[arg(long, value_name = "N", default_value_t = EncodeSettings::default().segment_frames,
        value_parser = clap::value_parser!(u16).range(1..), help_heading = "Coding")]
    pub segment_frames: u16,
    /// Begin no segments at scene cuts
    #[arg(long, help_heading = "Coding")]
    pub no_scene_cuts: bool,
    /// Start of the random numbers: the same seed gives the same file
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Coding")]
    pub seed: u64,
}

impl EncodeArgs {
    /// The settings that the arguments ask for.
    #[must_use]
    pub fn settings(&self) -> EncodeSettings {
        EncodeSettings { threads: self.threads.map(usize::from), ..self.coding.settings() }
    }

    /// The size or quality that is asked for, of a clip that is given.
    pub(super) fn target(&self, clip: &Clip) -> Option<Goal> {
        let bitrate = self.bitrate.map(|kilobits| kilobits * 1000.0 / 8.0 * clip.seconds());
        self.size.or(bitrate).map(Goal::Bytes).or(self.psnr.map(Goal::PsnrY))
    }
}

impl CodingArgs {
    /// The settings that the arguments ask for.
    #[must_use]
    pub fn settings(&self) -> EncodeSettings {
        let default = EncodeSettings::default();
        let lambda = self.lambda.or_else(|| self.quality.map(lambda_of_quality));
        EncodeSettings {
            level: self.level.map(Level::from).or(self.device.map(|device| device.level)).unwrap_or(default.level),
            lambda: lambda.unwrap_or(default.lambda),
            metric: self.metric.into(),
            effort: self.effort.into(),
            seed: self.seed,
            threads: None,
            motion: !self.no_motion,
            pyramid: self.references.saturating_sub(1),
            loop_filter: !self.no_loop_filter,
            root_depth: self.root_depth,
            segment_frames: self.segment_frames,
            scene_cuts: !self.no_scene_cuts,
            ablation: default.ablation,
        }
    }
}

impl SourceArgs {
    /// What becomes of a clip as it is read.
    pub(super) fn conversion(&self, original: &Original) -> Conversion {
        Conversion { size: self.scale.map(|scale| scale.of(original)), rate: self.fps }
    }

    pub(super) fn range(&self) -> ClipRange {
        ClipRange { skip: self.skip, frames: self.frames.map(|frames| frames as usize) }
    }
}

/// Arguments of `decode`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nvl decode a.nvl -o a.y4m             raw pictures
  nvl decode a.nvl -o a.gif             an animation that loops
  nvl decode a.nvl -o a.png             the first frame
  nvl decode a.nvl -o 'frames/%03d.png' every frame
  nvl decode a.nvl -o - | ffplay -f yuv4mpegpipe -i -")]
pub struct DecodeArgs {
    /// The file to decode; `-` is standard input
    #[arg(value_name = "IN.nvl")]
    pub input: OsString,
    /// The file to write: .y4m, .gif or .png (the first frame; every frame where the name has %d or %03d);
    /// `-` is Y4M on standard output
    #[arg(short, long, value_name = "OUT", value_parser = OsStringValueParser::new().try_map(|text| Target::parse(&text)), help_heading = "Output")]
    pub output: Target,
    /// Show what is left of a damaged file: the last good picture in the place of lost ones
    #[arg(long)]
    pub conceal: bool,
    /// Replace the output if it exists
    #[arg(short = 'y', long = "overwrite", help_heading = "Output")]
    pub overwrite: bool,
    /// Print the result as one JSON object a line
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Arguments of `info`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nvl info a.nvl
  nvl info a.nvl --json | jq .bytes_by_kind")]
pub struct InfoArgs {
    /// The file to look at; `-` is standard input
    #[arg(value_name = "IN.nvl")]
    pub input: OsString,
    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Names of the levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LevelName {
    /// Cortex-M4, Cortex-M33: 100 MAC/pixel, 256 KiB
    Nano,
    /// Cortex-M7, Cortex-M55: 330 MAC/pixel, 512 KiB
    Micro,
    /// Application processors, browsers: 1500 MAC/pixel, 4 MiB
    Edge,
    /// Desktop machines: 10000 MAC/pixel, 64 MiB
    Full,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Nano => Self::Nano,
            LevelName::Micro => Self::Micro,
            LevelName::Edge => Self::Edge,
            LevelName::Full => Self::Full,
        }
    }
}

/// Names of the efforts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EffortName {
    /// A first look
    Draft,
    /// The default
    Normal,
    /// For what ships: several times longer
    Best,
}

impl From<EffortName> for Effort {
    fn from(name: EffortName) -> Self {
        match name {
            EffortName::Draft => Self::Draft,
            EffortName::Normal => Self::Normal,
            EffortName::Best => Self::Best,
        }
    }
}

/// Names of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MetricName {
    /// The mean squared error
    Psnr,
    /// Multi-scale structural similarity of the luma
    MsSsim,
}

impl From<MetricName> for Metric {
    fn from(name: MetricName) -> Self {
        match name {
            MetricName::Psnr => Self::Psnr,
            MetricName::MsSsim => Self::MsSsim,
        }
    }
}

/// The devices that are known.
fn device_names() -> impl TypedValueParser<Value = Device> {
    let names =
        DEVICES.map(|device| PossibleValue::new(device.name).help(format!("{}, {}", device.title, device.core)));
    PossibleValuesParser::new(names).try_map(|name| Device::named(&name).ok_or("there is no such device"))
}

pub(super) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("it has to be a number above 0".into()),
    }
}
