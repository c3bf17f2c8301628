//! `bench decode`: what decoding costs on every emulated machine, on streams that stay the same.

#[cfg(test)]
mod check;
mod clips;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use host_encoder::cli::{Usage, grouped};

use crate::run::board::{Board, Machine};
use crate::run::emulator::missing_target;
use crate::run::image::Image;
use crate::run::profile::size::Sizes;
use crate::shell;
use clips::Clip;
use table::{Costs, Figures};

/// Arguments of `bench decode`.
#[derive(Args, Debug)]
pub struct DecodeArgs {
    /// Clips to decode besides the project's own
    #[arg(value_name = "FILE.nvl")]
    files: Vec<PathBuf>,
    /// The emulated machines
    #[arg(long, value_name = "BOARD", value_enum, default_values_t = Board::value_variants().to_vec())]
    board: Vec<Board>,
    /// Encode the project's own clips anew first, as after a change of the format; minutes
    #[arg(long)]
    encode: bool,
    /// Print instead what takes the flash of the decoder alone, by file of its source
    #[arg(long, conflicts_with_all = ["files", "encode", "bless"])]
    flash: bool,
    /// Write the tables into docs/decode.md and README.md
    #[arg(long, conflicts_with_all = ["files", "board"])]
    bless: bool,
}

/// The committed table.
fn document() -> PathBuf {
    shell::root().join("docs/decode.md")
}

/// Decodes all clips on all machines and prints the table.
pub fn run(args: &DecodeArgs) -> Result<()> {
    if args.flash {
        return print_flash(&args.board);
    }
    if args.encode {
        clips::encode_all()?;
    }
    let mut clips = clips::own()?;
    for path in &args.files {
        clips.push(Clip::read(path)?);
    }
    let mut costs = Costs::default();
    for board in &args.board {
        let machine = board.machine();
        if let Some(missing) = machine.missing() {
            bail!(Usage(missing));
        }
        measure(machine, &clips, &mut costs)?;
    }
    let text = costs.to_string();
    print!("{text}");
    if args.bless {
        for (path, text) in [(document(), text), (shell::root().join("README.md"), costs.summary())] {
            let page = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let page = table::replace(&page, &text).with_context(|| path.display().to_string())?;
            fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
            println!("written into {}", path.display());
        }
    }
    Ok(())
}

/// Prints what takes the flash of the decoder alone on each machine.
fn print_flash(boards: &[Board]) -> Result<()> {
    for machine in boards.iter().map(|board| board.machine()) {
        if let Some(missing) = missing_target(machine.target) {
            bail!(Usage(missing));
        }
        let elf = table::decoder_alone(machine)?;
        let flash = grouped(Image::read(&elf)?.flash);
        println!("{}, {flash} bytes\n\n{}", machine.description(), Sizes::read(&elf)?.table());
    }
    Ok(())
}

/// Adds what the clips and the kernels cost on a machine.
fn measure(machine: &'static Machine, clips: &[Clip], costs: &mut Costs) -> Result<()> {
    let elf = machine.build()?;
    for clip in clips {
        eprintln!("{}: {}", machine.name, clip.name);
        costs.clips.push(Figures::measure(machine, &elf, clip)?);
    }
    costs.machines.push(table::MachineFigures::measure(machine, &elf)?);
    Ok(())
}

/// The name of a file without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn decoding_costs_what_the_table_says() {
        let machine = Board::Mps2An386.machine();
        let say = |text: &str| {
            // Not `eprintln`: the test harness would hide it.
            let _ = writeln!(std::io::stderr(), "\n*** {text} ***\n");
        };
        if let Some(missing) = machine.missing() {
            say(&format!("SKIPPED: the cost of decoding is not checked: {missing}"));
            return;
        }
        let mut costs = Costs::default();
        measure(machine, &clips::own().unwrap(), &mut costs).unwrap();
        let page = fs::read_to_string(document()).unwrap();
        let bless = "run `cargo xtask bench decode --bless`";
        let differences = check::compare(&page, &costs.to_string());
        let (more, less): (Vec<_>, Vec<_>) = differences.into_iter().partition(|difference| difference.is_more);
        if let Some(first) = less.first() {
            say(&format!("less than docs/decode.md says: {first}, and {} others; {bless}", less.len() - 1));
        }
        let list: Vec<String> = more.iter().map(ToString::to_string).collect();
        assert!(
            list.is_empty(),
            "more than docs/decode.md says, by over 2 %:\n{}\nif that is meant, {bless}",
            list.join("\n")
        );
    }
}
