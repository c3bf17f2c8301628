//! The figures, and the table that is committed.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use host_encoder::cli::grouped;

use super::clips::Clip;
use crate::run::board::Machine;
use crate::run::emulator::build_firmware;
use crate::run::image::Image;
use crate::run::profile::{Profile, Stage};
use crate::run::report::{KernelCost, Report, kernels};

/// Groups of stages, as columns.
const GROUPS: [&str; 6] = ["entropy", "context", "synthesis", "motion", "output", "rest"];

/// The column of a stage.
fn group(stage: &Stage) -> usize {
    match stage {
        Stage::Weights | Stage::Entropy | Stage::Octree => 0,
        Stage::Context => 1,
        Stage::Layers | Stage::Pipeline | Stage::Upsampling | Stage::Skipping => 2,
        Stage::Motion => 3,
        Stage::Output | Stage::LoopFilter | Stage::Rgb565 => 4,
        Stage::Stream | Stage::Player | Stage::File(_) => 5,
    }
}

/// What a clip costs on a machine.
pub struct Figures {
    machine: &'static Machine,
    clip: String,
    level: &'static str,
    mac_per_pixel: u32,
    /// Instructions a pixel: on average, in the worst picture, by group.
    average: f64,
    worst: f64,
    groups: [f64; GROUPS.len()],
    cycles_per_instruction: f64,
    pictures_per_second: f64,
    scratch: u64,
    stack: u64,
}

impl Figures {
    /// Decodes a clip, and once more for the profile.
    pub fn measure(machine: &'static Machine, elf: &Path, clip: &Clip) -> Result<Self> {
        let report = Report::parse(&machine.play(elf, "play", &clip.bytes)?, machine)?;
        let profile = Profile::measure(machine, elf, &clip.bytes)?;
        let pixels = clip.pixels as f64;
        let (instructions, worst) = report.instructions();
        let mut groups = [0.0; GROUPS.len()];
        for (stage, spent) in &profile.stages {
            groups[group(stage)] += spent.instructions as f64 / (pixels * report.pictures.len() as f64);
        }
        let total = profile.total();
        let modelled = total.cycles as f64 / total.instructions as f64;
        let cycles_per_instruction = if machine.is_modelled { modelled } else { machine.cycles_per_instruction };
        let clock = f64::from(machine.megahertz) * 1e6;
        Ok(Self {
            machine,
            clip: clip.name.clone(),
            level: clip.level.name(),
            mac_per_pixel: clip.mac_per_pixel,
            average: instructions / pixels,
            worst: worst as f64 / pixels,
            groups,
            cycles_per_instruction,
            pictures_per_second: clock / (instructions * cycles_per_instruction),
            scratch: report.scratch,
            stack: report.stack,
        })
    }

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![
            self.machine.description(),
            self.level.to_owned(),
            self.clip.clone(),
            self.mac_per_pixel.to_string(),
            format!("{:.1}", self.average),
            format!("{:.1}", self.worst),
        ];
        cells.extend(self.groups.iter().map(|spent| format!("{spent:.1}")));
        cells.extend([
            format!("{:.2}", self.cycles_per_instruction),
            format!("{:.0}", self.pictures_per_second),
            self.scratch.to_string(),
            self.stack.to_string(),
        ]);
        cells
    }
}

/// The image of the decoder alone: that of `no-panic`.
pub fn decoder_alone(machine: &Machine) -> Result<PathBuf> {
    build_firmware("no-panic", "no-panic", machine.target, machine.cpu, &[])
}

/// What a machine's decoder takes.
pub struct MachineFigures {
    machine: &'static Machine,
    flash: u64,
    kernels: Vec<KernelCost>,
}

impl MachineFigures {
    /// Measures the kernels, and the decoder alone.
    pub fn measure(machine: &'static Machine, elf: &Path) -> Result<Self> {
        let kernels = kernels(&machine.play(elf, "kernels", b"")?, machine)?;
        Ok(Self { machine, flash: Image::read(&decoder_alone(machine)?)?.flash, kernels })
    }

    fn cells(&self) -> Vec<String> {
        let Machine { example, megahertz, .. } = self.machine;
        let mut cells = vec![self.machine.description(), format!("{example}, {megahertz} MHz"), self.flash.to_string()];
        cells.extend(self.kernels.iter().map(|kernel| format!("{:.2}", kernel.instructions_per_mac)));
        cells
    }
}

/// All figures.
#[derive(Default)]
pub struct Costs {
    pub clips: Vec<Figures>,
    pub machines: Vec<MachineFigures>,
}

impl Costs {
    /// A row for each machine: instructions a pixel, and pictures a second, of each clip.
    pub fn summary(&self) -> String {
        let of = |machine: &MachineFigures| {
            let name = machine.machine.name;
            self.clips.iter().filter(move |figures| figures.machine.name == name).collect::<Vec<_>>()
        };
        let mut head = vec!["instructions/pixel (pictures/s)".to_owned(), "of".to_owned()];
        head.extend(self.machines.first().map(of).into_iter().flatten().map(|figures| figures.clip.clone()));
        head.push("flash".to_owned());
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = line(&head) + &format!("|{}\n", "---|".repeat(head.len()));
        for machine in &self.machines {
            let Machine { example, megahertz, .. } = machine.machine;
            let mut cells = vec![machine.machine.description(), format!("{example}, {megahertz} MHz")];
            let cell = |figures: &Figures| format!("{:.0} ({:.0})", figures.average, figures.pictures_per_second);
            cells.extend(of(machine).into_iter().map(cell));
            cells.push(grouped(machine.flash));
            text += &line(&cells);
        }
        text
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, cells: &[String]) -> fmt::Result {
    writeln!(f, "| {} |", cells.join(" | "))
}

fn write_head(f: &mut fmt::Formatter<'_>, cells: &[String]) -> fmt::Result {
    write_row(f, cells)?;
    writeln!(f, "|{}", "---|".repeat(cells.len()))
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut head = ["board", "level", "clip", "MAC/pixel", "instructions/pixel", "worst picture"].to_vec();
        head.extend(GROUPS);
        head.extend(["cycles/instruction", "pictures/s", "scratch", "stack"]);
        write_head(f, &head.into_iter().map(str::to_owned).collect::<Vec<_>>())?;
        self.clips.iter().try_for_each(|figures| write_row(f, &figures.cells()))?;
        writeln!(f)?;
        let mut head =
            vec!["board".to_owned(), "pictures/s are those of".to_owned(), "flash of the decoder".to_owned()];
        head.extend(self.machines.iter().take(1).flat_map(|machine| machine.kernels.iter().map(|k| k.name.clone())));
        write_head(f, &head)?;
        self.machines.iter().try_for_each(|machine| write_row(f, &machine.cells()))
    }
}

/// What stands around the table in the page.
const MARKS: [&str; 2] = ["<!-- table: begin -->\n", "<!-- table: end -->"];

/// The page with another table.
pub fn replace(page: &str, table: &str) -> Result<String> {
    let missing = || format!("the page lacks the lines {MARKS:?}");
    let (before, rest) = page.split_once(MARKS[0]).with_context(missing)?;
    let (_, after) = rest.split_once(MARKS[1]).with_context(missing)?;
    ensure!(!table.is_empty(), "there is no table");
    Ok([before, MARKS[0], "\n", table, "\n", MARKS[1], after].concat())
}

#[cfg(test)]
mod tests {
    use super::super::check::PAGE;
    use super::*;

    #[test]
    fn the_table_of_a_page_is_replaced() {
        let page = replace(PAGE, "| new |\n").unwrap();
        assert!(page.starts_with("# Page\n") && page.contains("| new |") && !page.contains("nano"));
        assert_eq!(replace(&page, "| new |\n").unwrap(), page);
        assert!(replace("no marks", "| new |\n").is_err());
    }
}
