//! `run`: a clip in an emulated microcontroller, compared with the host picture by picture.

pub mod board;
pub mod emulator;
pub mod image;
pub mod profile;
pub mod report;

use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use decoder_core::{Limits, Stream};
use embedded_io::{Read, Seek};
use firmware::checksum::RowChecksum;
use firmware::mapped::Mapped;
use firmware::player::{Event, Player, Unpaced};
use host_encoder::cli::{Table, grouped};

use board::{Board, Machine};
use image::Image;
use profile::{Profile, Spent};
use report::{KernelCost, Report, Shown};

/// What a clip is read through.
const BUFFER: usize = 1024;

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
    /// Print where the instructions go: by stage, and the functions that take most
    #[arg(long)]
    profile: bool,
}

/// Builds the firmware, plays the clip on it, prints what it costs; fails if a picture differs from the host's.
pub fn run(args: &RunArgs) -> Result<()> {
    let clip = fs::read(&args.clip).with_context(|| format!("cannot read {}", args.clip.display()))?;
    let expected = on_host(&clip).with_context(|| format!("cannot decode {}", args.clip.display()))?;
    if let Some(first) = expected.lost.first() {
        bail!("{} is damaged: pictures from {first} on cannot be decoded", args.clip.display());
    }
    let machine = args.board.machine();
    if let Some(missing) = machine.missing() {
        bail!(missing);
    }
    let elf = machine.build()?;
    let report = Report::parse(&machine.play(&elf, "play", &clip)?, machine)?;
    let image = Image::read(&elf)?;
    if args.hashes {
        print_pictures(&clip, &report)?;
    }
    print_totals(machine, &clip, &report, &image)?;
    if args.profile {
        print_profile(machine, &clip, &Profile::measure(machine, &elf, &clip)?)?;
        print_kernels(&report::kernels(&machine.play(&elf, "kernels", &clip)?, machine)?);
    }
    report.compare(&expected)?;
    println!("all {} pictures are what the host decodes", expected.pictures.len());
    Ok(())
}

/// What the host shows of a clip.
pub fn on_host(clip: &[u8]) -> Result<Shown> {
    let words = Stream::open(clip, &Limits::HOST)?.scratch_len() / 4;
    shown(Mapped::new(clip), words)
}

/// What the player shows of what a reader gives.
fn shown<R: Read + Seek>(reader: R, words: usize) -> Result<Shown> {
    let (mut buffer, mut scratch) = (vec![0; BUFFER], vec![0; words]);
    let player = Player::open(reader, &mut buffer, &Limits::HOST, &mut scratch);
    let mut player = player.map_err(|error| anyhow!("{error}"))?;
    let mut checksum = RowChecksum::new();
    let mut shown = Shown::default();
    loop {
        match player.step(&mut checksum, &mut Unpaced).unwrap_or_else(|never: Infallible| match never {}) {
            Event::Shown { frame, .. } => shown.pictures.push((frame, checksum.take())),
            Event::Lost { frame, .. } => shown.lost.push(frame),
            Event::End => return Ok(shown),
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

fn print_totals(machine: &Machine, clip: &[u8], report: &Report, image: &Image) -> Result<()> {
    let pixels = pixels(clip)?;
    let stream = Stream::open(clip, &Limits::HOST)?;
    let header = stream.header();
    let (average, worst) = report.instructions();
    let mut table = Table::aligned_right(&[]);
    table.row([&"board", &machine.description()]);
    let size = format!("{}x{}, {} pictures, {}", header.width, header.height, header.frames, header.level.name());
    table.row([&"clip", &size]);
    let Machine { example, megahertz, cycles_per_instruction, .. } = machine;
    let rate = machine.pictures_per_second(average);
    let (average, worst) = (average / pixels, worst as f64 / pixels);
    table.row([&"instructions", &format!("{average:.1} a pixel, {worst:.1} in the worst picture after the first")]);
    let estimate = format!(
        "{rate:.0} pictures a second on {example} at {megahertz} MHz, if an instruction takes {cycles_per_instruction} cycles"
    );
    table.row([&"estimate", &estimate]);
    let [all, synthesised, unchanged] = report.tiles();
    let percent = |part: u64| format!("{:.0} %", part as f64 / all.max(1) as f64 * 100.0);
    table.row([&"tiles", &format!("{} synthesised, {} unchanged", percent(synthesised), percent(unchanged))]);
    table.row([&"scratch", &format!("{} bytes", grouped(report.scratch))]);
    table.row([&"player", &format!("{} bytes", grouped(report.player))]);
    let stack = format!("{} bytes to decode, {} to open", grouped(report.stack), grouped(report.open_stack));
    table.row([&"stack", &stack]);
    table.row([&"flash", &format!("{} bytes with the test program", grouped(image.flash))]);
    print!("{table}");
    Ok(())
}

/// Functions of a profile that are printed.
const FUNCTIONS: usize = 24;

fn print_profile(machine: &Machine, clip: &[u8], profile: &Profile) -> Result<()> {
    let frames = f64::from(Stream::open(clip, &Limits::HOST)?.header().frames);
    let decoded = pixels(clip)? * frames;
    let total = profile.total();
    let print = |title: &str, rows: &[(String, Spent)]| {
        let mut table = Table::aligned_right(&[1, 2, 3]);
        table.row([&title, &"instructions/pixel", &"share", &"cycles/instruction"]);
        for (name, spent) in rows {
            let share = spent.instructions as f64 / total.instructions as f64 * 100.0;
            let cycles = spent.cycles as f64 / spent.instructions.max(1) as f64;
            table.row([
                &name,
                &format!("{:.2}", spent.instructions as f64 / decoded),
                &format!("{share:.1} %"),
                &(if machine.is_arm() { format!("{cycles:.2}") } else { "-".into() }),
            ]);
        }
        println!("\n{table}");
    };
    let mut stages: Vec<_> = profile.stages.iter().map(|(stage, &spent)| (stage.to_string(), spent)).collect();
    stages.push(("all".into(), total));
    print("stage", &stages);
    let named =
        |((stage, function), &spent): (&(profile::Stage, String), &Spent)| (format!("{stage}: {function}"), spent);
    let mut functions: Vec<_> = profile.functions.iter().map(named).collect();
    functions.sort_by_key(|(_, spent)| std::cmp::Reverse(spent.instructions));
    functions.truncate(FUNCTIONS);
    print("function", &functions);
    Ok(())
}

fn print_kernels(kernels: &[KernelCost]) {
    let mut table = Table::aligned_right(&[1]);
    table.row([&"kernel", &"instructions/MAC"]);
    for kernel in kernels {
        table.row([&kernel.name, &format!("{:.3}", kernel.instructions_per_mac)]);
    }
    println!("\n{table}");
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use clap::ValueEnum;
    use firmware::faults::{BLOCK, FaultyBlocks, Kind};
    use nvl_tests::streams::{any_stream, clip};

    use super::*;

    #[test]
    fn an_emulated_board_decodes_what_the_host_decodes() {
        for machine in Board::value_variants().iter().map(|board| board.machine()) {
            if let Some(missing) = machine.missing() {
                // Not `eprintln`: the test harness would hide it.
                let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: {} is not tested: {missing} ***\n", machine.name);
                continue;
            }
            let elf = machine.build().unwrap();
            assert_eq!(machine.play(&elf, "rows", b"").unwrap().trim(), "rows 600 equal", "{}", machine.name);
            for seed in [1, 2, 3] {
                let clip = any_stream(seed).bytes;
                let report = Report::parse(&machine.play(&elf, "play", &clip).unwrap(), machine).unwrap();
                report.compare(&on_host(&clip).unwrap()).unwrap();
            }
            let clip = any_stream(1).bytes;
            let report = Report::parse(&machine.play(&elf, "play", &clip).unwrap(), machine).unwrap();
            let decoded = report.instructions().0 * report.pictures.len() as f64;
            // A profile has the opening of the clip besides.
            let counted = Profile::measure(machine, &elf, &clip).unwrap().total().instructions as f64;
            assert!((1.0..1.4).contains(&(counted / decoded)), "{}: {counted} of {decoded}", machine.name);
            check_damage(machine, &elf);
            let refused = machine.play(&elf, "play", b"no video").unwrap_err().to_string();
            assert!(refused.contains("corrupt stream: it does not begin with NVL"), "{refused}");
            for (task, code, said) in [("panic", 101, "as it was told"), ("fault", 102, "fault of the processor")] {
                let ended = machine.start(&elf, task, &std::env::temp_dir(), None).unwrap();
                assert_eq!(ended.status.code(), Some(code), "{}, {task}", machine.name);
                assert!(String::from_utf8_lossy(&ended.stderr).contains(said), "{}, {task}", machine.name);
            }
        }
    }

    /// Of a clip on faulty blocks the machine shows and loses what the host does: something, and not all.
    fn check_damage(machine: &Machine, elf: &std::path::Path) {
        let clip = clip(5, 8, 4);
        let words = Stream::open(&clip, &Limits::HOST).unwrap().scratch_len() / 4;
        let whole = on_host(&clip).unwrap();
        for kind in 0..Kind::ALL.len() as u8 {
            let block = (clip.len() / BLOCK / 2) as u8;
            let script = [kind, block, 0];
            let expected = shown(FaultyBlocks::new(&clip, &script), words).unwrap();
            assert!(!expected.lost.is_empty() && expected.pictures.len() >= whole.pictures.len() / 2, "{kind}");
            assert!(expected.pictures.iter().all(|picture| whole.pictures.contains(picture)), "{kind}");
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("clip.nvl"), &clip).unwrap();
            fs::write(folder.path().join("faults"), script).unwrap();
            let printed = machine.printed(machine.start(elf, "damaged", folder.path(), None).unwrap()).unwrap();
            Report::parse(&printed, machine).unwrap().compare(&expected).unwrap();
        }
    }
}
