//! Images of the firmware, and their runs in QEMU.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use super::board::Machine;
use crate::shell;

impl Machine {
    /// What has to be installed first, in one line.
    pub fn missing(&self) -> Option<String> {
        missing_target(self.target).or_else(|| {
            let emulator = self.emulator;
            (!shell::succeeds(&[emulator, "--version"])).then(|| {
                let packages = "apt-get install --no-install-recommends qemu-system-arm qemu-system-misc";
                format!("{emulator} is not installed: run `cargo xtask setup`, or `{packages}`")
            })
        })
    }

    /// Builds its image; returns where it is.
    pub fn build(&self) -> Result<PathBuf> {
        build_firmware(self.binary, &format!("board-{}", self.binary), self.target, self.cpu, &[])
    }

    /// Runs an image in `folder`, where its files are.
    pub fn start(&self, elf: &Path, task: &str, folder: &Path, plugin: Option<&str>) -> Result<Output> {
        let mut command = Command::new(self.emulator);
        command
            .args(self.arguments)
            .args(["-nographic", "-monitor", "none", "-serial", "none"])
            .args(["-icount", &format!("shift={}", self.shift)])
            .args(["-semihosting-config", &format!("enable=on,target=native,arg=nvl,arg={task}")])
            .args(plugin.iter().flat_map(|plugin| ["-plugin", plugin]))
            .arg("-kernel")
            .arg(elf)
            .current_dir(folder)
            .stdin(Stdio::null());
        command.output().with_context(|| format!("cannot run {}", self.emulator))
    }

    /// Runs an image with a clip; what it prints.
    pub fn play(&self, elf: &Path, task: &str, clip: &[u8]) -> Result<String> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("clip.nvl"), clip)?;
        self.printed(self.start(elf, task, folder.path(), None)?)
    }

    /// What a run has printed, if it ended well.
    pub fn printed(&self, output: Output) -> Result<String> {
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("the emulated {} failed ({}): {}", self.name, output.status, said.trim());
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

/// Where Cargo puts what it builds.
pub fn target_folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from)
}

/// Builds a binary of the package `firmware` for a processor; returns where it is.
pub fn build_firmware(
    binary: &str,
    feature: &str,
    target: &str,
    cpu: Option<&str>,
    environment: &[(&str, &str)],
) -> Result<PathBuf> {
    let mut command = Command::new("cargo");
    command
        .args(["build", "--quiet", "--package", "firmware", "--profile", "firmware"])
        .args(["--bin", binary, "--features", feature, "--target", target, "--target-dir"])
        .arg(target_folder())
        .envs(environment.iter().copied())
        .current_dir(shell::root());
    if let Some(cpu) = cpu {
        // What stands in the environment for all targets would be used in its place.
        let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace(['-', '.'], "_"));
        command.env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("RUSTFLAGS").env(flags, format!("-Ctarget-cpu={cpu}"));
    }
    let status = command.status().context("cannot run cargo")?;
    if !status.success() {
        bail!("the firmware `{binary}` could not be built for {target}");
    }
    Ok(target_folder().join(target).join("firmware").join(binary))
}
