//! `flash`: a clip on a real board.

mod board;
mod uf2;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use decoder_core::{Limits, Stream};
use host_encoder::cli::{Usage, grouped};

use crate::run::emulator::{build_firmware, missing_target, target_folder};
use crate::run::image::{Image, Part};
use crate::shell;
use board::{RealBoard, Transfer};

/// Arguments of `flash`.
#[derive(Args, Debug)]
pub struct FlashArgs {
    /// The clip to play
    #[arg(value_name = "CLIP.nvl")]
    clip: PathBuf,
    /// The board
    #[arg(long, value_name = "BOARD", value_enum, default_value_t = RealBoard::Pico2)]
    board: RealBoard,
    /// Size of the panel that is wired to a Pico 2
    #[arg(long, value_name = "SIZE", default_value = "240x240", value_parser = ["240x240", "320x240"])]
    panel: String,
    /// The file to write [default: target/flash/BOARD.uf2 or .bin]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only write the file
    #[arg(long)]
    no_flash: bool,
}

/// Builds the image, writes it with the clip into one file, and brings it to the board or says how.
pub fn run(args: &FlashArgs) -> Result<()> {
    let clip = fs::read(&args.clip).with_context(|| format!("cannot read {}", args.clip.display()))?;
    let board = args.board.facts();
    check(&clip, args.board).with_context(|| format!("{} cannot play {}", board.name, args.clip.display()))?;
    if let Some(missing) = missing_target(board.target) {
        bail!(Usage(missing));
    }
    let elf = build(args.board, &args.panel)?;
    let mut parts = Image::parts(&elf)?;
    let program: usize = parts.iter().map(|part| part.bytes.len()).sum();
    ensure!(parts.first().is_some_and(|part| part.address == board.flash), "the program lies at the wrong place");
    ensure!(
        parts.iter().all(|part| part.address as usize + part.bytes.len() <= board.clip as usize),
        "the program does not end before {:#x}, where the clip begins",
        board.clip
    );
    parts.push(Part { address: board.clip, bytes: clip });
    let output = args.output.clone().unwrap_or_else(|| {
        let extension = if board.transfer == Transfer::Uf2 { "uf2" } else { "bin" };
        target_folder().join("flash").join(format!("{}.{extension}", board.name))
    });
    let bytes = match board.transfer {
        Transfer::Uf2 => uf2::file(&parts),
        Transfer::Binary { start, .. } => flat(&parts, start),
    };
    if let Some(folder) = output.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(&output, bytes).with_context(|| format!("cannot write {}", output.display()))?;
    let clip_len = parts.last().map_or(0, |part| part.bytes.len());
    println!(
        "{}: program of {} bytes, clip of {} bytes at {:#x}",
        output.display(),
        grouped(program as u64),
        grouped(clip_len as u64),
        board.clip
    );
    if args.no_flash {
        return Ok(());
    }
    if shell::succeeds(&["probe-rs", "--version"]) {
        return probe(args, &elf);
    }
    println!("\nprobe-rs is not installed, so it is not flashed. Either");
    match board.transfer {
        Transfer::Uf2 => {
            println!("  hold BOOTSEL while you plug the board in, and copy {} to the drive RP2350;", output.display())
        }
        Transfer::Binary { drive, .. } => {
            println!("  plug the board in and copy {} to the drive {drive};", output.display())
        }
    }
    println!("or install probe-rs (`cargo install probe-rs-tools --locked`), connect a probe, and run this again.");
    Ok(())
}

/// Refuses what the board has no room for.
fn check(clip: &[u8], board: RealBoard) -> Result<()> {
    let facts = board.facts();
    let limits = Limits { width: facts.panel[0], height: facts.panel[1], scratch: facts.scratch, ..Limits::HOST };
    Stream::open(clip, &limits)?;
    ensure!(clip.len() <= facts.clip_room, "it has {} bytes, and there is room for {}", clip.len(), facts.clip_room);
    Ok(())
}

/// Builds the image of a board.
fn build(board: RealBoard, panel: &str) -> Result<PathBuf> {
    let facts = board.facts();
    build_firmware(facts.name, &format!("board-{}", facts.name), facts.target, facts.cpu, &[("NVL_PANEL", panel)])
}

/// Everything from `start` on, with the gaps as erased flash has them.
fn flat(parts: &[Part], start: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        let at = (part.address - start) as usize;
        bytes.resize(bytes.len().max(at + part.bytes.len()), 0xff);
        bytes[at..at + part.bytes.len()].copy_from_slice(&part.bytes);
    }
    bytes
}

/// Flashes program and clip with probe-rs.
fn probe(args: &FlashArgs, elf: &Path) -> Result<()> {
    let board = args.board.facts();
    let clip = env::current_dir()?.join(&args.clip);
    let address = format!("{:#x}", board.clip);
    let commands: [(&[&str], Option<&Path>); 3] = [
        (&["download"], Some(elf)),
        (&["download", "--binary-format", "bin", "--base-address", &address], Some(&clip)),
        (&["reset"], None),
    ];
    for (arguments, file) in commands {
        let mut command = Command::new("probe-rs");
        command.args(arguments).args(["--chip", board.chip]).args(file);
        println!("\n$ {command:?}");
        let status = command.status().context("cannot run probe-rs")?;
        ensure!(status.success(), "probe-rs failed: see above; is a probe connected (`probe-rs list`)?");
    }
    println!("\nIts log: probe-rs attach --chip {} {}", board.chip, elf.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use clap::ValueEnum;
    use nvl_tests::streams::clip;

    use super::*;

    #[test]
    fn images_of_real_boards_are_built_and_end_before_the_clip() {
        for board in RealBoard::value_variants() {
            let facts = board.facts();
            if let Some(missing) = missing_target(facts.target) {
                // Not `eprintln`: the test harness would hide it.
                let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: {} is not built: {missing} ***\n", facts.name);
                continue;
            }
            let parts = Image::parts(&build(*board, "320x240").unwrap()).unwrap();
            let first = parts.iter().map(|part| part.address).min().unwrap();
            assert_eq!(first, facts.flash, "{}", facts.name);
            assert!(parts.iter().all(|part| part.address as usize + part.bytes.len() <= facts.clip as usize));
            // A stack pointer and a reset vector of Thumb.
            let vectors = &parts.iter().find(|part| part.address == first).unwrap().bytes;
            let word = |at: usize| u32::from_le_bytes(vectors[at..at + 4].try_into().unwrap());
            assert!((0x2000_0000..0x2010_0000).contains(&word(0)) && word(4) % 2 == 1, "{}", facts.name);
        }
    }

    #[test]
    fn a_board_refuses_what_it_has_no_room_for() {
        let fits = clip(1, 2, 2);
        for &board in RealBoard::value_variants() {
            check(&fits, board).unwrap();
            let facts = board.facts();
            let long = [&fits[..], &vec![0; facts.clip_room]].concat();
            assert!(check(&long, board).unwrap_err().to_string().contains("there is room for"));
            assert!(check(b"no clip", board).is_err());
        }
    }
}
