//! Plays a clip in a window of `embedded-graphics-simulator`, again and again, until the window is closed.
//!
//! `cargo run -p nvl-embedded-graphics --features window --example window -- clip.nvl`
//!
//! With `EG_SIMULATOR_DUMP=out.png` the simulator writes its first picture into a file and ends.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use decoder_core::{Decoder, FrameError, Limits, Stream};
use embedded_graphics_core::geometry::{Point, Size};
use embedded_graphics_core::pixelcolor::Rgb565;
use embedded_graphics_simulator::{OutputSettingsBuilder, SimulatorDisplay, SimulatorEvent, Window};
use nvl_embedded_graphics::DisplayRows;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).context("argument: CLIP.nvl")?;
    let clip = std::fs::read(&path).with_context(|| format!("cannot read {path}"))?;
    let stream = Stream::open(&clip, &Limits::HOST)?;
    let header = stream.header();
    let picture_time = Duration::from_secs(1) * header.rate_den / header.rate_num;
    let display = SimulatorDisplay::<Rgb565>::new(Size::new(header.width.into(), header.height.into()));
    let mut window = Window::new(&path, &OutputSettingsBuilder::new().scale(3).build());
    let mut scratch = vec![0; stream.scratch_len() / 4];
    let mut decoder = Decoder::new(&stream, &mut scratch)?;
    let mut line = vec![0; header.width.into()];
    let mut rows = DisplayRows::at(display, &mut line, Point::zero());
    loop {
        for segment in stream.segments() {
            decoder.begin(segment?)?;
            let mut due = Instant::now();
            while decoder.next_frame(&mut rows).map_err(FrameError::into_stream_error)? {
                sleep(due.saturating_duration_since(Instant::now()));
                due += picture_time;
                window.update(rows.display());
                if window.events().any(|event| event == SimulatorEvent::Quit) {
                    return Ok(());
                }
            }
        }
    }
}
