//! `run`: a clip in an emulated microcontroller, compared with the host picture by picture.

pub mod emulator;
pub mod image;
mod report;

use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use decoder_core::{Limits, Stream};
use firmware::checksum::RowChecksum;
use firmware::player::{Event, Player, Unpaced};
use host_encoder::cli::{Table, grouped};

use emulator::Board;
use image::Image;
use report::Report;

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The clip to play
    #[arg(value_name = "CLIP.nvl")]
    clip: PathBuf,
    /// The emulated machine
    #[arg(long, value_name = "BOARD", value_enum, default_value_t = Board::Mps2An386)]
    board: Board,
    /// Print the checksum and the cost of each picture
    #[arg(long)]
    hashes: bool,
}

/// Builds the firmware, plays the clip on it, prints what it costs; fails if a picture differs from the host's.
pub fn run(args: &RunArgs) -> Result<()> {
    let clip = fs::read(&args.clip).with_context(|| format!("cannot read {}", args.clip.display()))?;
    let expected = on_host(&clip).with_context(|| format!("cannot decode {}", args.clip.display()))?;
    if let Some(missing) = args.board.missing() {
        bail!(missing);
    }
    let elf = args.board.build()?;
    let report = Report::parse(&args.board.play(&elf, &clip)?, args.board.instructions_per_tick())?;
    let image = Image::read(&elf)?;
    if args.hashes {
        print_pictures(&clip, &report)?;
    }
    print_totals(args.board, &clip, &report, &image)?;
    report.compare(&expected)
}

/// The checksum of each picture as the host decodes it.
fn on_host(clip: &[u8]) -> Result<Vec<u32>, decoder_core::Error> {
    let words = Stream::open(clip, &Limits::HOST)?.scratch_len() / 4;
    let mut scratch = vec![0; words];
    let mut player = Player::open(clip, &Limits::HOST, &mut scratch)?;
    let mut checksum = RowChecksum::new();
    let mut checksums = Vec::new();
    loop {
        match player.step(&mut checksum, &mut Unpaced).unwrap_or_else(|never: Infallible| match never {}) {
            Event::Shown { .. } => checksums.push(checksum.take()),
            Event::Lost { error, .. } => return Err(error),
            Event::End => return Ok(checksums),
        }
    }
}

/// Luma samples of a picture.
fn pixels(clip: &[u8]) -> Result<f64> {
    let stream = Stream::open(clip, &Limits::HOST)?;
    Ok(f64::from(stream.header().width) * f64::from(stream.header().height))
}

fn print_pictures(clip: &[u8], report: &Report) -> Result<()> {
    let pixels = pixels(clip)?;
    let mut table = Table::aligned_right(&[0, 2, 3]);
    table.row([&"picture", &"CRC-32", &"instructions", &"per pixel"]);
    for (number, picture) in report.pictures.iter().enumerate() {
        let per_pixel = picture.instructions as f64 / pixels;
        table.row([
            &number,
            &format!("{:08x}", picture.checksum),
            &grouped(picture.instructions),
            &format!("{per_pixel:.1}"),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn print_totals(board: Board, clip: &[u8], report: &Report, image: &Image) -> Result<()> {
    let pixels = pixels(clip)?;
    let stream = Stream::open(clip, &Limits::HOST)?;
    let header = stream.header();
    let (average, worst) = report.instructions();
    let mut table = Table::aligned_right(&[]);
    table.row([&"board", &board.description()]);
    let size = format!("{}x{}, {} pictures, {}", header.width, header.height, header.frames, header.level.name());
    table.row([&"clip", &size]);
    let (average, worst) = (average / pixels, worst as f64 / pixels);
    table.row([&"instructions", &format!("{average:.1} a pixel, {worst:.1} in the worst picture")]);
    table.row([&"scratch", &format!("{} bytes", grouped(report.scratch))]);
    table.row([&"player", &format!("{} bytes", grouped(report.player))]);
    let stack = format!("{} bytes to decode, {} to open", grouped(report.stack), grouped(report.open_stack));
    table.row([&"stack", &stack]);
    table.row([&"flash", &format!("{} bytes with the test program", grouped(image.flash))]);
    print!("{table}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use nvl_tests::streams::any_stream;

    use super::*;

    #[test]
    fn an_emulated_board_decodes_what_the_host_decodes() {
        for board in Board::ALL {
            if let Some(missing) = board.missing() {
                // Not `eprintln`: the test harness would hide it.
                let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: {} is not tested: {missing} ***\n", board.name());
                continue;
            }
            let elf = board.build().unwrap();
            assert_eq!(board.start(&elf, "layer-rows", b"").unwrap().trim(), "rows 600 equal", "{}", board.name());
            for seed in [1, 2, 3] {
                let clip = any_stream(seed).bytes;
                let report = Report::parse(&board.play(&elf, &clip).unwrap(), board.instructions_per_tick()).unwrap();
                report.compare(&on_host(&clip).unwrap()).unwrap();
            }
            let refused = board.play(&elf, b"no video").unwrap_err().to_string();
            assert!(refused.contains("corrupt stream: it does not begin with NVL"), "{refused}");
        }
    }
}
