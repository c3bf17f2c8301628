//! The emulated machines: what they need, their images, their runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::shell;

/// A machine that QEMU emulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Board {
    /// Arm Cortex-M4F
    #[value(name = "mps2-an386")]
    Mps2An386,
    /// Arm Cortex-M7, with the image of mps2-an386
    #[value(name = "mps2-an500")]
    Mps2An500,
    /// RISC-V RV32IMAC
    #[value(name = "riscv32-virt")]
    Riscv32Virt,
}

/// A processor.
#[derive(Clone, Copy)]
enum Core {
    Arm,
    RiscV,
}

impl Board {
    /// All machines.
    #[cfg(test)]
    pub const ALL: [Self; 3] = [Self::Mps2An386, Self::Mps2An500, Self::Riscv32Virt];

    /// Its name on the command line, which for Arm is QEMU's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mps2An386 => "mps2-an386",
            Self::Mps2An500 => "mps2-an500",
            Self::Riscv32Virt => "riscv32-virt",
        }
    }

    /// Its name and its processor.
    pub fn description(self) -> String {
        let processor = match self {
            Self::Mps2An386 => "Cortex-M4F",
            Self::Mps2An500 => "Cortex-M7",
            Self::Riscv32Virt => "RV32IMAC",
        };
        format!("{} ({processor})", self.name())
    }

    /// What QEMU is told about time: that an instruction takes `2^shift` ns.
    fn instruction_time(self) -> &'static str {
        match self.core() {
            Core::Arm => "shift=3",
            Core::RiscV => "shift=0",
        }
    }

    /// What a tick of the image's counter is. Arm's is a timer of 25 MHz, while an instruction takes 8 ns; RISC-V's counts
    /// instructions.
    pub fn instructions_per_tick(self) -> u64 {
        match self.core() {
            Core::Arm => 5,
            Core::RiscV => 1,
        }
    }

    fn core(self) -> Core {
        match self {
            Self::Mps2An386 | Self::Mps2An500 => Core::Arm,
            Self::Riscv32Virt => Core::RiscV,
        }
    }

    /// The binary of the package `firmware`.
    fn binary(self) -> &'static str {
        match self.core() {
            Core::Arm => "mps2-an386",
            Core::RiscV => "riscv32-virt",
        }
    }

    fn target(self) -> &'static str {
        match self.core() {
            Core::Arm => "thumbv7em-none-eabihf",
            Core::RiscV => "riscv32imac-unknown-none-elf",
        }
    }

    fn emulator(self) -> &'static str {
        match self.core() {
            Core::Arm => "qemu-system-arm",
            Core::RiscV => "qemu-system-riscv32",
        }
    }

    /// What has to be installed first, in one line.
    pub fn missing(self) -> Option<String> {
        missing_target(self.target()).or_else(|| {
            let emulator = self.emulator();
            (!shell::succeeds(&[emulator, "--version"])).then(|| {
                let packages = "apt-get install --no-install-recommends qemu-system-arm qemu-system-misc";
                format!("{emulator} is not installed: run `cargo xtask setup`, or `{packages}`")
            })
        })
    }

    /// Builds its image; returns where it is.
    pub fn build(self) -> Result<PathBuf> {
        let feature = format!("board-{}", self.binary());
        build_firmware(self.binary(), &feature, self.target())
    }

    /// Runs an image with a clip; what it prints.
    pub fn play(self, elf: &Path, clip: &[u8]) -> Result<String> {
        self.start(elf, "clip.nvl", clip)
    }

    /// Runs an image with a file; what it prints.
    pub fn start(self, elf: &Path, file: &str, contents: &[u8]) -> Result<String> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join(file), contents)?;
        let mut command = Command::new(self.emulator());
        match self.core() {
            Core::Arm => command.args(["-M", self.name()]),
            Core::RiscV => command.args(["-M", "virt", "-bios", "none"]),
        };
        command
            .args(["-nographic", "-monitor", "none", "-serial", "none", "-icount", self.instruction_time()])
            .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
            .arg(elf)
            .current_dir(folder.path())
            .stdin(Stdio::null());
        let output = command.output().with_context(|| format!("cannot run {}", self.emulator()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("the emulated {} failed ({}): {}", self.name(), output.status, said.trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// What has to be installed before anything can be built for `target`, in one line.
pub fn missing_target(target: &str) -> Option<String> {
    let asked = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(shell::root())
        .stderr(Stdio::null())
        .output();
    let folder = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let here = !folder.is_empty() && Path::new(&folder).is_dir();
    (!here).then(|| {
        format!("Rust cannot build for {target} yet: run `cargo xtask setup`, or `rustup target add {target}`")
    })
}

/// Builds a binary of the package `firmware`; returns where it is.
pub fn build_firmware(binary: &str, feature: &str, target: &str) -> Result<PathBuf> {
    let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from);
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--package", "firmware", "--profile", "firmware"])
        .args(["--bin", binary, "--features", feature, "--target", target, "--target-dir"])
        .arg(&folder)
        .current_dir(shell::root())
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("the firmware `{binary}` could not be built for {target}");
    }
    Ok(folder.join(target).join("firmware").join(binary))
}
