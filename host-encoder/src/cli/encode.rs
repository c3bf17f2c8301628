//! `encode`.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use decoder_core::Level;
use decoder_core::wire::{FileHeader, Geometry};
use serde_json::json;

use super::args::{CodingArgs, EncodeArgs, SourceArgs};
use super::bar::Progress;
use super::encode_segment::pace;
use super::failure::Usage;
use super::fit_device::{Adapted, adapt};
use super::interrupt;
use super::table::{Table, grouped, rate};
use crate::frame::Clip;
use crate::io::{Input, Loaded, OutputFile, check_target, read_converted};
use crate::jobs::{self, Folder, FolderArchive, Pace, Plan, PlannedInput};
use crate::metrics::PsnrMeter;
use crate::playback::{BytesByKind, PlaybackError, StreamInfo, check_header, decode_file};
use crate::progress::Observer;
use crate::settings::EncodeSettings;
use crate::train::{self, Archive, Fleeting, Target as Goal, architecture, encode_to_target};

/// A finished file and what the integer decoder says about it.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// What it is made of.
    pub info: StreamInfo,
    /// How close its pictures are to the source.
    pub psnr: PsnrMeter,
    /// The settings that made it.
    pub settings: EncodeSettings,
    /// Bytes of each picture.
    pub pictures: Vec<BytesByKind>,
    /// Time that the fitting took.
    pub encoding: Duration,
    /// Time that the decoder took.
    pub decoding: Duration,
}

/// Encodes a clip, then decodes the finished bytes and compares.
///
/// # Errors
/// Those of the encoder, and of the decoder should it refuse what the encoder wrote.
pub fn encode_clip(clip: &Clip, settings: &EncodeSettings, observer: &mut dyn Observer) -> Result<Encoded> {
    check_level(clip, settings)?;
    let started = Instant::now();
    let bytes = train::encode(clip, settings, observer)?.bytes;
    interrupt::check()?;
    examine(clip, bytes, settings.clone(), started.elapsed())
}

/// The same, with what is done kept in `work` until the caller clears it.
fn encode_resumable(
    clip: &Clip,
    settings: &EncodeSettings,
    work: &Work,
    observer: &mut dyn Observer,
) -> Result<Encoded> {
    check_level(clip, settings)?;
    let started = Instant::now();
    let plan = Plan::new(clip, PlannedInput::default(), settings)?;
    let bytes = jobs::encode(clip, &plan, work.folder.as_ref(), work.pace, observer)?.bytes;
    interrupt::check()?;
    examine(clip, bytes, settings.clone(), started.elapsed())
}

/// Searches for the lambda that gives a size or quality, with what is done kept in `work`; whether it was found within the
/// tolerance.
fn encode_to(
    clip: &Clip,
    settings: &EncodeSettings,
    goal: Goal,
    work: &Work,
    observer: &mut dyn Observer,
) -> Result<(Encoded, bool)> {
    check_level(clip, settings)?;
    let started = Instant::now();
    let on_disk = work.folder.clone().map(|folder| FolderArchive::new(folder, work.pace));
    let in_memory = Fleeting::default();
    let archive = on_disk.as_ref().map_or(&in_memory as &dyn Archive, |archive| archive);
    let found = encode_to_target(clip, settings, goal, archive, observer)?;
    interrupt::check()?;
    let settings = EncodeSettings { lambda: found.lambda, ..settings.clone() };
    Ok((examine(clip, found.encoded.bytes, settings, started.elapsed())?, found.met))
}

/// Decodes what was encoded and compares it with its source.
fn examine(clip: &Clip, bytes: Vec<u8>, settings: EncodeSettings, encoding: Duration) -> Result<Encoded> {
    let mut psnr = PsnrMeter::default();
    let report = decode_file(&bytes, &mut |number, frame| {
        let source =
            clip.frames.get(number).ok_or_else(|| anyhow!("the decoder gives more frames than the clip has"))?;
        psnr.add(source, frame);
        Ok(())
    });
    let report = report.map_err(|error: PlaybackError<anyhow::Error>| {
        anyhow!("the encoder wrote a file that does not decode ({error}): please report this")
    })?;
    let (info, pictures, decoding) = (report.info, report.pictures, report.decoding);
    Ok(Encoded { bytes, info, psnr, settings, pictures, encoding, decoding })
}

/// Refuses, before the work, a clip that is too large or too fast for the level.
pub(super) fn check_level(clip: &Clip, settings: &EncodeSettings) -> Result<()> {
    let header = |level| -> Result<FileHeader> {
        let (width, height) = (u16::try_from(clip.width)?, u16::try_from(clip.height)?);
        let (rate_num, rate_den) = clip.rate;
        let architecture = architecture(&EncodeSettings { level, ..settings.clone() }, Geometry::new(width, height));
        let frames = u32::try_from(clip.frames.len())?;
        Ok(FileHeader { width, height, rate_num, rate_den, frames, segments: 1, level, architecture })
    };
    let Err(error) = check_header(&header(settings.level)?) else { return Ok(()) };
    let larger = Level::ALL.into_iter().filter(|&level| level > settings.level);
    let mut fitting = larger.filter(|&level| header(level).is_ok_and(|header| check_header(&header).is_ok()));
    let mend = match fitting.next() {
        Some(level) => format!("choose --level {}, or make it smaller or slower", level.name()),
        None => "make it smaller or slower".to_owned(),
    };
    let (width, height, fps) = (clip.width, clip.height, rate(clip.rate.0, clip.rate.1));
    let level = settings.level.name();
    Err(anyhow!("{width}x{height} at {fps} frames/s is too much for level {level} ({error}): {mend}"))
}

impl Encoded {
    /// The result for people.
    #[must_use]
    pub fn table(&self) -> Table {
        let Self { info, settings, .. } = self;
        let header = &info.header;
        let psnr = self.psnr.total();
        let fps = rate(header.rate_num, header.rate_den);
        let mut table = Table::default();
        let size = format!(
            "{}x{}, {} frames, {fps} frames/s, {:.2} s",
            header.width,
            header.height,
            header.frames,
            info.seconds()
        );
        let chosen = format!(
            "level {}, lambda {:.4}, effort {}, seed {}",
            header.level.name(),
            settings.lambda,
            settings.effort.name(),
            settings.seed
        );
        let chosen = chosen.replace(".0000,", ",");
        let (encoding, decoding) = (self.encoding.as_secs_f64(), self.decoding.as_secs_f64());
        table
            .row([&"picture", &size])
            .row([&"settings", &chosen])
            .row([&"bytes", &grouped(info.bytes as u64)])
            .row([&"bitrate", &format!("{:.2} kb/s", info.kilobits_per_second())])
            .row([&"bits/pixel", &format!("{:.4}", info.bits_per_pixel())])
            .row([&"PSNR-Y", &format!("{:.2} dB", psnr.y)])
            .row([&"PSNR-YUV", &format!("{:.2} dB  (U {:.2}, V {:.2})", psnr.yuv(), psnr.u, psnr.v)])
            .row([&"MAC/pixel", &grouped(info.mac_per_pixel.into())])
            .row([&"scratch", &format!("{} bytes", grouped(info.scratch_bytes as u64))])
            .row([&"time", &format!("{encoding:.1} s to encode, {decoding:.2} s to decode")]);
        table
    }

    fn json(&self, input: &Input, output: &str) -> serde_json::Value {
        let Self { info, settings, .. } = self;
        let (header, psnr) = (&info.header, self.psnr.total());
        json!({
            "type": "encode",
            "input": input.to_string(),
            "output": output,
            "width": header.width,
            "height": header.height,
            "frames": header.frames,
            "rate": [header.rate_num, header.rate_den],
            "level": header.level.name(),
            "lambda": settings.lambda,
            "effort": settings.effort.name(),
            "seed": settings.seed,
            "bytes": info.bytes,
            "kilobits_per_second": info.kilobits_per_second(),
            "bits_per_pixel": info.bits_per_pixel(),
            "psnr_y": psnr.y,
            "psnr_u": psnr.u,
            "psnr_v": psnr.v,
            "psnr_yuv": psnr.yuv(),
            "mac_per_pixel": info.mac_per_pixel,
            "scratch_bytes": info.scratch_bytes,
            "encode_seconds": self.encoding.as_secs_f64(),
            "decode_seconds": self.decoding.as_secs_f64(),
        })
    }
}

pub(super) fn run(args: &EncodeArgs) -> Result<()> {
    let input = Input::from(args.source.input.as_os_str());
    refuse_terminal(&input)?;
    let output = Output::choose(args.output.as_deref(), &input)?;
    output.check(args.overwrite)?;
    let (loaded, settings) = load(&args.source, &args.coding, args.settings(), args.quiet)?;
    let clip = &loaded.clip;
    let mut progress = Progress::new(args.quiet);
    let work = Work::choose(args, &output);
    let encoded = match args.target(clip) {
        None => encode_resumable(clip, &settings, &work, &mut progress),
        Some(goal) => encode_to(clip, &settings, goal, &work, &mut progress).map(|(encoded, met)| {
            if !met {
                progress.note("the target was not met: this is the nearest that was found");
            }
            encoded
        }),
    };
    drop(progress);
    let encoded = encoded.map_err(|error| work.explain(error))?;
    output.write(&encoded.bytes, args.overwrite).map_err(|error| work.explain(error))?;
    work.clear();

    let name = output.name();
    let text = match args.json {
        true => format!("{}\n", encoded.json(&input, &name)),
        false => format!("{name}\n{}", encoded.table()),
    };
    match output {
        // Standard output has the file.
        Output::Stdout => io::stderr().write_all(text.as_bytes())?,
        Output::File(_) => io::stdout().write_all(text.as_bytes())?,
    }
    Ok(())
}

/// Reads the clip as the arguments ask for, adapted to their device, and their settings.
pub(super) fn load(
    source: &SourceArgs,
    coding: &CodingArgs,
    mut settings: EncodeSettings,
    quiet: bool,
) -> Result<(Loaded, EncodeSettings)> {
    let input = Input::from(source.input.as_os_str());
    refuse_terminal(&input)?;
    let mut adapted = Ok(Vec::new());
    let loaded = read_converted(&input, source.range(), &mut |original| {
        let wanted = source.conversion(original);
        let Some(device) = &coding.device else { return wanted };
        match adapt(device, &settings, original, wanted) {
            Ok(Adapted { conversion, pyramid, changes }) => {
                (adapted, settings.pyramid) = (Ok(changes), pyramid);
                conversion
            }
            Err(error) => {
                adapted = Err(error);
                wanted
            }
        }
    })?;
    let changes = adapted?;
    if !quiet {
        if loaded.converted {
            eprintln!("{input} is converted to 8-bit 4:2:0 by ffmpeg");
        }
        if let Some(device) = &coding.device {
            let level = settings.level.name();
            let changes = if changes.is_empty() { "nothing changed".to_owned() } else { changes.join(", ") };
            eprintln!("for {}: level {level}, {changes}", device.title);
        }
    }
    Ok((loaded, settings))
}

/// Refuses to wait for a person to type a video.
pub(super) fn refuse_terminal(input: &Input) -> Result<()> {
    match input {
        Input::Stdin if io::stdin().is_terminal() => {
            Err(Usage("standard input is a terminal: pipe a file into it, or name one instead of -".into()).into())
        }
        _ => Ok(()),
    }
}

/// What lets an encode be interrupted.
#[derive(Default)]
struct Work {
    folder: Option<Folder>,
    pace: Pace,
}

impl Work {
    fn choose(args: &EncodeArgs, output: &Output) -> Self {
        let beside = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(".work");
            PathBuf::from(name)
        };
        let path = match (&args.work, output) {
            (Some(path), _) => Some(path.clone()),
            (None, Output::File(path)) => Some(beside(path)),
            (None, Output::Stdout) => None,
        };
        let folder = path.map(Folder::new);
        if let Some(folder) = &folder {
            if args.no_resume {
                folder.clear();
            }
            let name = folder.path().display();
            interrupt::resumable(format!("the same command goes on where it stopped (with {name})"));
        }
        Self { folder, pace: pace(args.checkpoint) }
    }

    /// An error, with what was saved from it.
    fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match self.folder.as_ref().map(|folder| (folder, folder.finished())) {
            Some((folder, finished @ 1..)) => {
                let name = folder.path().display();
                anyhow!(
                    "{error}; {finished} finished segments are kept in {name}, and the same command goes on with them"
                )
            }
            _ => error,
        }
    }

    fn clear(&self) {
        if let Some(folder) = &self.folder {
            folder.clear();
        }
    }
}

/// Where the file goes.
pub(super) enum Output {
    Stdout,
    File(PathBuf),
}

impl Output {
    pub(super) fn choose(output: Option<&Path>, input: &Input) -> Result<Self> {
        let path = match (output, input) {
            (Some(path), _) if path.as_os_str() == "-" => {
                if io::stdout().is_terminal() {
                    return Err(Usage(
                        "standard output is a terminal: name a file with -o, or send it on with > or |".into(),
                    )
                    .into());
                }
                return Ok(Self::Stdout);
            }
            (Some(path), _) => path.to_path_buf(),
            (None, Input::Stdin) => {
                return Err(Usage("standard input has no name: name the output with -o OUT.nvl".into()).into());
            }
            (None, Input::File(path)) => {
                PathBuf::from(path.file_name().unwrap_or(OsStr::new("out"))).with_extension("nvl")
            }
        };
        if let Input::File(source) = input
            && same_file(source, &path)
        {
            return Err(
                Usage(format!("{} is the input and the output: name another output with -o", path.display())).into()
            );
        }
        Ok(Self::File(path))
    }

    pub(super) fn check(&self, overwrite: bool) -> Result<()> {
        match self {
            Self::Stdout => Ok(()),
            Self::File(path) => Ok(check_target(path, overwrite)?),
        }
    }

    pub(super) fn write(&self, bytes: &[u8], overwrite: bool) -> Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout();
                let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
                // Without its cause: a closed pipe is no success, as the file is lost.
                written.map_err(|error| anyhow!("cannot write the file to standard output: {error}"))?;
            }
            Self::File(path) => {
                let mut file = OutputFile::create(path, overwrite)?;
                file.write_all(bytes).map_err(|error| anyhow!("cannot write {}: {error}", path.display()))?;
                file.commit()?;
            }
        }
        Ok(())
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdout => "standard output".into(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
