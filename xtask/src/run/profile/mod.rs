//! `run --profile`: where the instructions go, by a plugin of QEMU that counts how often each is executed.

mod cycles;
pub mod size;
mod stages;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, str};

use anyhow::{Context, Result, bail, ensure};

use super::board::Machine;
use super::emulator::target_folder;
use crate::shell;
use cycles::cycles;
pub use stages::Stage;
use stages::{Place, Symbols};

/// What a part of the program has spent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    pub instructions: u64,
    /// Estimated for a Cortex-M4; 0 for other kinds of instructions.
    pub cycles: u64,
}

/// Where the instructions of a clip go.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    pub stages: BTreeMap<Stage, Spent>,
    /// By stage and function.
    pub functions: BTreeMap<(Stage, String), Spent>,
}

impl Profile {
    /// Plays a clip in the emulator and counts.
    pub fn measure(machine: &Machine, elf: &Path, clip: &[u8]) -> Result<Self> {
        let plugin = build_plugin(machine)?;
        let symbols = Symbols::read(elf)?;
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("clip.nvl"), clip)?;
        fs::write(folder.path().join("callees"), symbols.callees())?;
        let plugin = format!("{},out=counts,callees=callees", plugin.display());
        machine.printed(machine.start(elf, "profile", folder.path(), Some(&plugin))?)?;
        let counts = fs::read_to_string(folder.path().join("counts")).context("the plugin of QEMU wrote nothing")?;
        Self::of_counts(machine, &symbols, &counts)
    }

    /// Everything that the player and the decoder have spent.
    pub fn total(&self) -> Spent {
        self.stages.values().fold(Spent::default(), |sum, &spent| sum + spent)
    }

    fn of_counts(machine: &Machine, symbols: &Symbols, counts: &str) -> Result<Self> {
        let mut profile = Self::default();
        let mut before = None;
        for line in counts.lines() {
            let mut words = line.split(' ');
            let address = u64::from_str_radix(words.next().unwrap_or_default(), 16)?;
            let numbers = words.map(str::parse).collect::<Result<Vec<u64>, _>>()?;
            let [executed, left, followed] = numbers[..] else { bail!("the plugin of QEMU wrote {line:?}") };
            let code = symbols.code(address);
            let (cycles, kind) = if machine.is_arm() { cycles(code, before) } else { (0, None) };
            before = kind;
            let Some(Place { stage, function }) = symbols.place(address)? else { continue };
            let spent = Spent {
                instructions: executed + followed,
                // Callees are loops that copy and fill: an instruction, a cycle.
                cycles: executed * cycles + if machine.is_arm() { cycles::TAKEN * left + followed } else { 0 },
            };
            *profile.stages.entry(stage.clone()).or_default() += spent;
            *profile.functions.entry((stage, function)).or_default() += spent;
        }
        ensure!(profile.total().instructions > 0, "no instruction of the decoder was counted");
        Ok(profile)
    }
}

impl std::ops::Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { instructions: self.instructions + other.instructions, cycles: self.cycles + other.cycles }
    }
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Builds the plugin for the QEMU that is installed; returns where it is.
fn build_plugin(machine: &Machine) -> Result<PathBuf> {
    let said = Command::new(machine.emulator).arg("--version").output().context("cannot ask QEMU for its version")?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said.split_whitespace().nth(3).and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    let version = version.with_context(|| format!("QEMU said {said:?}"))?;
    let folder = target_folder();
    let mut command = Command::new("cargo");
    command
        .args(["build", "--quiet", "--release", "--package", "qemu-plugin", "--target-dir"])
        .arg(&folder)
        .args((version >= 9).then_some("--features=qemu-9"))
        .current_dir(shell::root());
    if !command.status().context("cannot run cargo")?.success() {
        bail!("the plugin of QEMU could not be built");
    }
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Ok(std::path::absolute(folder)?.join("release").join(format!("{prefix}qemu_plugin{suffix}")))
}
