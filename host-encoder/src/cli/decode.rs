//! `decode`.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::ops::RangeInclusive;

use anyhow::{Result, anyhow};
use decoder_core::wire::FileHeader;
use decoder_core::{Corruption, Error};
use serde_json::json;

use super::args::DecodeArgs;
use super::encode::refuse_terminal;
use super::failure::Usage;
use super::interrupt;
use super::table::{Table, rate};
use crate::frame::Frame;
use crate::io::{ClipWriter, Input, InputError, Target, VideoHeader};
use crate::playback::{self, Concealed, PlaybackError, Salvage, decode_file};

pub(super) fn run(args: &DecodeArgs) -> Result<()> {
    let input = Input::from(args.input.as_os_str());
    if args.output == Target::Stdout && io::stdout().is_terminal() {
        return Err(
            Usage("standard output is a terminal: pipe it on, e.g. `| ffplay -f yuv4mpegpipe -i -`".into()).into()
        );
    }
    let bytes = read_file(&input)?;
    // Before the first byte goes out: what stands on a pipe cannot be taken back.
    let source = Source::open(&bytes, args.conceal).map_err(|error| damaged(&input, error))?;
    if source.is_lost() {
        return Err(anyhow!(
            "{input} is lost: none of its segments is intact; get the file again, or encode the clip again"
        ));
    }
    let header = source.header();
    let rate_of_file = (header.rate_num, header.rate_den);
    let video = VideoHeader { width: header.width, height: header.height, rate: rate_of_file, frames: header.frames };
    let mut writer = ClipWriter::create(&args.output, &video, args.overwrite, |show| {
        let shown = source.play(&mut |_, frame| {
            show(frame);
            interrupt::check()
        });
        shown.map(drop).map_err(|error| unite(&input, error))
    })?;
    let played = source.play(&mut |_, frame| {
        writer.write(frame)?;
        interrupt::check()
    });
    let played = played.map_err(|error| unite(&input, error))?;
    writer.finish()?;
    print_result(args, &input, header, &played)
}

fn print_result(args: &DecodeArgs, input: &Input, header: &FileHeader, played: &Concealed) -> Result<()> {
    let seconds = played.decoding.as_secs_f64();
    let frames_per_second = f64::from(header.frames) / seconds;
    if args.json {
        let object = json!({
            "type": "decode",
            "input": input.to_string(),
            "output": args.output.to_string(),
            "width": header.width,
            "height": header.height,
            "frames": header.frames,
            "rate": [header.rate_num, header.rate_den],
            "decode_seconds": seconds,
            "lost_segments": played.lost_segments.iter().map(|lost| [lost.start(), lost.end()]).collect::<Vec<_>>(),
            "held_frames": played.held_frames,
        });
        return print(&args.output, &format!("{object}\n"));
    }
    let fps = rate(header.rate_num, header.rate_den);
    let mut table = Table::default();
    table
        .row([&"picture", &format!("{}x{}, {} frames, {fps} frames/s", header.width, header.height, header.frames)])
        .row([&"time", &format!("{seconds:.2} s to decode ({frames_per_second:.0} frames/s)")]);
    if !played.lost_segments.is_empty() {
        let lost: Vec<_> = played.lost_segments.iter().map(range).collect();
        let lost = format!("segment {} of {}", lost.join(", "), header.segments);
        table.row([&"lost", &format!("{lost}: {} pictures held from before", played.held_frames)]);
    }
    print(&args.output, &format!("{}\n{table}", args.output))
}

/// One number, or the first and the last of several.
fn range(numbers: &RangeInclusive<u32>) -> String {
    if numbers.start() == numbers.end() {
        numbers.start().to_string()
    } else {
        format!("{} to {}", numbers.start(), numbers.end())
    }
}

/// What is shown: a file that is intact, or what is left of one.
enum Source<'a> {
    Whole(&'a [u8], Box<FileHeader>),
    Salvaged(Box<Salvage<'a>>),
}

impl<'a> Source<'a> {
    fn open(bytes: &'a [u8], conceal: bool) -> Result<Self, Error> {
        if conceal {
            Ok(Self::Salvaged(Box::new(Salvage::find(bytes)?)))
        } else {
            Ok(Self::Whole(bytes, Box::new(playback::check(bytes)?)))
        }
    }

    fn is_lost(&self) -> bool {
        matches!(self, Self::Salvaged(salvage) if salvage.is_empty())
    }

    fn header(&self) -> &FileHeader {
        match self {
            Self::Whole(_, header) => header,
            Self::Salvaged(salvage) => salvage.header(),
        }
    }

    fn play(
        &self,
        on_frame: &mut dyn FnMut(usize, &Frame) -> Result<()>,
    ) -> Result<Concealed, PlaybackError<anyhow::Error>> {
        match self {
            Self::Whole(bytes, _) => {
                let decoding = decode_file(bytes, on_frame)?.decoding;
                Ok(Concealed { lost_segments: vec![], held_frames: 0, decoding })
            }
            Self::Salvaged(salvage) => salvage.play(on_frame),
        }
    }
}

/// Standard output, unless the pictures go there.
fn print(target: &Target, text: &str) -> Result<()> {
    match target {
        Target::Stdout => io::stderr().write_all(text.as_bytes())?,
        Target::File(..) => io::stdout().write_all(text.as_bytes())?,
    }
    Ok(())
}

fn unite(input: &Input, error: PlaybackError<anyhow::Error>) -> anyhow::Error {
    match error {
        PlaybackError::Stream(error) => damaged(input, error),
        PlaybackError::Consumer(error) => error,
    }
}

/// The whole of an .nvl file.
pub(super) fn read_file(input: &Input) -> Result<Vec<u8>> {
    refuse_terminal(input)?;
    let name = || input.to_string();
    let bytes = match input {
        Input::Stdin => {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        }
        Input::File(path) if path.is_dir() => return Err(anyhow!("{input} is a folder: name an .nvl file in it")),
        Input::File(path) => fs::read(path),
    };
    let bytes = bytes.map_err(|source| InputError::Read { input: name(), source })?;
    if bytes.is_empty() {
        return Err(anyhow!("{input} is empty: give an .nvl file, as `encode` writes them"));
    }
    Ok(bytes)
}

/// What the core says about a file, and what to do about it.
pub(super) fn damaged(input: &Input, error: Error) -> anyhow::Error {
    match error {
        Error::Corrupt(Corruption::Magic) => anyhow!("{input} is not an .nvl file: `encode` makes one from a video"),
        Error::NeedMoreData { .. } => anyhow!(
            "{input} is truncated ({error}): get the whole file again, or see what is left with `decode --conceal`"
        ),
        Error::Corrupt(Corruption::Header | Corruption::HeaderChecksum) => {
            anyhow!("the header of {input} is damaged ({error}): get the file again, or encode the clip again")
        }
        Error::Corrupt(_) => anyhow!(
            "{input} is damaged ({error}): get the file again, encode the clip again, or see what is left with `decode --conceal`"
        ),
        Error::Unsupported(_) => {
            anyhow!("{input} is of another version ({error}): use the nvl that wrote it, or encode the clip again")
        }
        _ => anyhow!("{input} does not decode: {error}"),
    }
}
