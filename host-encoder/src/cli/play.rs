//! `play`.

use std::io;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Result, anyhow};
use clap::Args;

use super::decode::{damaged, read_file};
use super::interrupt;
use crate::io::{Input, Y4mWriter};
use crate::playback::{self, PlaybackError, decode_file};

/// Arguments of `play`.
#[derive(Args, Debug)]
#[command(after_help = "\
The window is ffplay's, which comes with ffmpeg: space pauses, f fills the screen, q ends.

Examples:
  nvl play clip.nvl
  nvl play clip.nvl --loop --zoom 4
  nvl decode clip.nvl -o - | mpv -        any other player")]
pub struct PlayArgs {
    /// The file to play; `-` is standard input
    #[arg(value_name = "IN.nvl")]
    pub input: std::ffi::OsString,
    /// Play again and again, until the window is closed
    #[arg(long = "loop")]
    pub repeat: bool,
    /// Show N x N pixels for one [default: so many that the window is about 640 pixels wide]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub zoom: Option<u16>,
}

/// About how wide the window is when nothing else is said, pixels.
const COMFORTABLE: u16 = 640;

pub(super) fn run(args: &PlayArgs) -> Result<()> {
    let input = Input::from(args.input.as_os_str());
    let bytes = read_file(&input)?;
    let header = playback::check(&bytes).map_err(|error| damaged(&input, error))?;
    let zoom = args.zoom.unwrap_or_else(|| (COMFORTABLE / header.width).clamp(1, 16));
    let mut player = Player::open(&input.to_string(), header.width.into(), zoom)?;
    let size = (usize::from(header.width), usize::from(header.height));
    let mut y4m = Y4mWriter::new(player.pictures()?, size.0, size.1, (header.rate_num, header.rate_den))?;
    loop {
        let shown = decode_file(&bytes, &mut |_, frame| {
            y4m.write(frame)?;
            interrupt::check()
        });
        match shown {
            Ok(_) if args.repeat => {}
            Ok(_) => break,
            Err(PlaybackError::Stream(error)) => return Err(damaged(&input, error)),
            // The window was closed.
            Err(PlaybackError::Consumer(error)) if is_broken_pipe(&error) => break,
            Err(PlaybackError::Consumer(error)) => return Err(error),
        }
    }
    drop(y4m);
    player.finish()
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// An ffplay process; it is ended with this.
struct Player(Child);

impl Player {
    fn open(title: &str, width: u32, zoom: u16) -> Result<Self> {
        let mut ffplay = Command::new("ffplay");
        ffplay.args(["-hide_banner", "-v", "error", "-autoexit", "-window_title", title]);
        // Neighbours, so that one sees the pixels that a display shows.
        ffplay.args(["-vf", &format!("scale={}:-1:flags=neighbor", width * u32::from(zoom))]);
        ffplay.args(["-f", "yuv4mpegpipe", "-i", "pipe:0"]).stdin(Stdio::piped());
        match ffplay.spawn() {
            Ok(child) => Ok(Self(child)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(anyhow!(
                "ffplay, which shows the pictures, is not installed: it comes with ffmpeg (`apt install ffmpeg`), \
                 or write a file for another player with `nvl decode {title} -o clip.gif`"
            )),
            Err(error) => Err(anyhow!("ffplay does not start: {error}")),
        }
    }

    fn pictures(&mut self) -> Result<io::BufWriter<ChildStdin>> {
        let stdin = self.0.stdin.take().ok_or_else(|| anyhow!("ffplay takes no pictures"))?;
        Ok(io::BufWriter::with_capacity(1 << 16, stdin))
    }

    /// Waits until the window is closed.
    fn finish(mut self) -> Result<()> {
        let status = self.0.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err(anyhow!("ffplay could not show the pictures ({status}): is there a screen?")),
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
