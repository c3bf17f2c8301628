//! Everything that is not plain Y4M, through an `ffmpeg` process.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::error::InputError;
use super::input::ClipRange;
use super::y4m::{self, Choose, Header};
use crate::frame::Clip;

/// What ffmpeg reads.
pub(super) enum Feed<'a> {
    File(&'a Path),
    Stream(Box<dyn Read + Send>),
}

/// Reads the frames of `range`, converted to 8-bit 4:2:0; `input` is the name for errors.
pub(super) fn read_clip(feed: Feed<'_>, range: ClipRange, choose: Choose<'_>, input: &str) -> Result<Clip, InputError> {
    let piped = matches!(feed, Feed::Stream(_));
    let mut ffmpeg = spawn(&feed, input)?;
    if let (Feed::Stream(mut stream), Some(mut stdin)) = (feed, ffmpeg.0.stdin.take()) {
        // Ends when the stream does, or when ffmpeg has enough.
        thread::spawn(move || io::copy(&mut stream, &mut stdin));
    }
    let stderr = ffmpeg.0.stderr.take().map(|stderr| thread::spawn(move || last_line(stderr)));
    let clip = match ffmpeg.0.stdout.take() {
        Some(stdout) => read_stream(BufReader::new(stdout), range, choose, input),
        None => Err(InputError::NoFrames { input: input.into() }),
    };
    if matches!(clip, Err(InputError::Size { .. } | InputError::Memory { .. } | InputError::Rate { .. })) {
        return clip; // ffmpeg is well and would go on: its guard ends it.
    }
    if clip.as_ref().is_ok_and(|clip| Some(clip.frames.len()) == range.frames) {
        return clip; // It may go on with frames that nobody wants: likewise.
    }
    let status = ffmpeg.0.wait().map_err(|source| InputError::Read { input: input.into(), source })?;
    let line = stderr.and_then(|reader| reader.join().ok()).unwrap_or_default();
    match clip {
        Err(InputError::AllSkipped { .. }) if status.success() => clip,
        clip if status.success() && (clip.is_ok() || line.is_empty()) => clip,
        _ => {
            let cause = if line.is_empty() { format!("it ended with {status}") } else { line };
            let hint = if piped { " (some formats cannot be piped: try it as a file)" } else { "" };
            Err(InputError::Ffmpeg { input: input.into(), line: cause + hint })
        }
    }
}

/// Ends the process when it is dropped.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // Both fail when the process has ended already, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(feed: &Feed<'_>, input: &str) -> Result<Guard, InputError> {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-v", "error"]);
    match feed {
        Feed::File(path) => {
            let mut url = std::ffi::OsString::from("file:");
            url.push(path);
            command.arg("-nostdin").arg("-i").arg(url).stdin(Stdio::null());
        }
        Feed::Stream(_) => {
            command.args(["-i", "pipe:0"]).stdin(Stdio::piped());
        }
    }
    command.args(["-map", "0:v:0", "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "pipe:1"]);
    match command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Ok(child) => Ok(Guard(child)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(InputError::NoFfmpeg { input: input.into() }),
        Err(error) => Err(InputError::Ffmpeg { input: input.into(), line: format!("it does not start ({error})") }),
    }
}

fn read_stream(
    mut stream: impl BufRead,
    range: ClipRange,
    choose: Choose<'_>,
    input: &str,
) -> Result<Clip, InputError> {
    let mut line = Vec::new();
    let read = stream.by_ref().take(y4m::HEADER_MAX as u64).read_until(b'\n', &mut line);
    read.map_err(|source| InputError::Read { input: input.into(), source })?;
    if line.is_empty() {
        return Err(InputError::NoFrames { input: input.into() });
    }
    let header = Header::parse(&line, input)?;
    y4m::read_frames(line.chain(stream), &header, range, choose, input)
}

/// The last line that says something; ffmpeg puts the cause there. Reads to the end so that ffmpeg never waits.
fn last_line(stderr: impl Read) -> String {
    let lines = BufReader::new(stderr).split(b'\n').map_while(Result::ok);
    let text = lines.map(|line| String::from_utf8_lossy(&line).trim().to_owned());
    let said: Vec<String> = text.filter(|line| !line.is_empty()).collect();
    if said.iter().any(|line| line.contains("matches no streams")) {
        return "it has no pictures, only sound or text".into();
    }
    let last = said.last().cloned().unwrap_or_default();
    // Without the name and address of the part of ffmpeg that says it.
    match last.split_once("] ") {
        Some((part, message)) if part.starts_with('[') => message.to_owned(),
        _ => last,
    }
}
