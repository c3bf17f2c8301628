//! Machines with a standard library: this one, others through user-mode emulation, WebAssembly.

use std::env::consts::ARCH;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use nvl_tests::vectors::{self, Vector};

use super::{Outcome, Row};
use crate::run::emulator::{missing_target, target_folder};
use crate::shell;

/// The program that decodes all vectors of a folder.
const PROGRAM: &str = "decode-vectors";
/// What runs it in node.
const WASI: &str = include_str!("wasi.js");

/// A way to build and run that program.
#[derive(Clone, Copy, Default)]
struct Processor {
    name: &'static str,
    /// `None` for this machine.
    target: Option<&'static str>,
    release: bool,
    flags: &'static str,
    linker: Option<&'static str>,
    /// What runs it, and a package that has that.
    emulator: Option<&'static str>,
    packages: &'static str,
}

const STATIC: &str = "-Ctarget-feature=+crt-static";

const PROCESSORS: [Processor; 7] = [
    Processor { name: "this machine, debug with overflow checks", ..HOST },
    Processor { name: "this machine, release", release: true, ..HOST },
    Processor {
        name: "i686",
        target: Some("i686-unknown-linux-gnu"),
        linker: Some("i686-linux-gnu-gcc"),
        packages: "gcc-i686-linux-gnu libc6-dev-i386-cross",
        ..EMULATED
    },
    Processor {
        name: "AArch64",
        target: Some("aarch64-unknown-linux-gnu"),
        linker: Some("aarch64-linux-gnu-gcc"),
        emulator: Some("qemu-aarch64"),
        packages: "qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
        ..EMULATED
    },
    Processor {
        name: "s390x, big-endian",
        target: Some("s390x-unknown-linux-gnu"),
        linker: Some("s390x-linux-gnu-gcc"),
        emulator: Some("qemu-s390x"),
        packages: "qemu-user gcc-s390x-linux-gnu libc6-dev-s390x-cross",
        ..EMULATED
    },
    Processor { name: "wasm32", ..WASM },
    Processor { name: "wasm32 with simd128", flags: "-Ctarget-feature=+simd128", ..WASM },
];

const HOST: Processor =
    Processor { name: "", target: None, release: false, flags: "", linker: None, emulator: None, packages: "" };
const EMULATED: Processor = Processor { release: true, flags: STATIC, ..HOST };
const WASM: Processor =
    Processor { target: Some("wasm32-wasip1"), release: true, emulator: Some("node"), packages: "nodejs", ..HOST };

/// Decodes all vectors on all processors, with their own kernels and the portable ones.
pub(super) fn rows(vectors: &[Vector]) -> Result<Vec<Row>> {
    let mut rows = vec![];
    for processor in PROCESSORS {
        eprintln!("{} ...", processor.name);
        let outcomes = match processor.missing() {
            Some(missing) => [Outcome::NotRun(missing.clone()), Outcome::NotRun(missing)],
            None => {
                let program = processor.build()?;
                [processor.decode(&program, vectors, &[])?, processor.decode(&program, vectors, &["--portable"])?]
            }
        };
        let name = processor.name.replace("this machine", &format!("this machine ({ARCH})"));
        rows.extend(
            outcomes
                .into_iter()
                .zip(["", ", portable kernels"])
                .map(|(outcome, kernels)| Row { name: format!("{name}{kernels}"), outcome }),
        );
    }
    Ok(rows)
}

impl Processor {
    /// What has to be installed first.
    fn missing(&self) -> Option<String> {
        let tools = self.linker.into_iter().chain(self.emulator);
        let absent = tools.into_iter().find(|tool| !shell::succeeds(&[tool, "--version"]));
        let absent = absent.map(|tool| format!("{tool} is not installed: `apt-get install {}`", self.packages));
        self.target.and_then(missing_target).or(absent)
    }

    fn build(&self) -> Result<PathBuf> {
        let folder = target_folder().join("conformance").join(self.name.replace(|c: char| !c.is_alphanumeric(), "-"));
        let mut command = Command::new("cargo");
        command
            .args(["build", "--quiet", "--package", "nvl-tests", "--no-default-features", "--bin", PROGRAM])
            .arg("--target-dir")
            .arg(&folder)
            .current_dir(shell::root());
        let mut built = folder;
        if let Some(target) = self.target {
            let variable = |what: &str| format!("CARGO_TARGET_{}_{what}", target.to_uppercase().replace('-', "_"));
            command.args(["--target", target]);
            // What stands in the environment for all targets would be used in its place.
            command
                .env_remove("CARGO_ENCODED_RUSTFLAGS")
                .env_remove("RUSTFLAGS")
                .env(variable("RUSTFLAGS"), self.flags);
            command.envs(self.linker.map(|linker| (variable("LINKER"), linker)));
            built.push(target);
        }
        if self.release {
            command.arg("--release");
        }
        built.push(if self.release { "release" } else { "debug" });
        let status = command.status().context("cannot run cargo")?;
        anyhow::ensure!(status.success(), "{PROGRAM} could not be built for {}", self.name);
        let suffix = if self.emulator == Some("node") { ".wasm" } else { std::env::consts::EXE_SUFFIX };
        Ok(built.join(format!("{PROGRAM}{suffix}")))
    }

    fn decode(&self, program: &PathBuf, vectors: &[Vector], arguments: &[&str]) -> Result<Outcome> {
        let mut command = match self.emulator {
            None => Command::new(program),
            Some("node") => {
                let mut command = Command::new("node");
                command.args(["--no-warnings", "-e", WASI]).arg(program);
                command
            }
            Some(emulator) => {
                let mut command = Command::new(emulator);
                command.arg(program);
                command
            }
        };
        let output = command.arg(vectors::folder()).args(arguments).output().context("cannot run the program")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Ok(Outcome::Wrong(format!("it failed ({}): {}", output.status, said.trim())));
        }
        Ok(compare(&String::from_utf8_lossy(&output.stdout), vectors))
    }
}

/// Compares what the program printed with the golden hashes.
fn compare(printed: &str, vectors: &[Vector]) -> Outcome {
    let mut lines = printed.lines();
    let mut frames = 0;
    for Vector { name, hashes, .. } in vectors {
        if lines.next() != Some(name) {
            return Outcome::Wrong(format!("{name} is missing"));
        }
        for (number, hash) in hashes.lines().enumerate() {
            if lines.next() != Some(hash) {
                return Outcome::Wrong(format!("frame {number} of {name}"));
            }
            frames += 1;
        }
    }
    match lines.next() {
        Some(line) => Outcome::Wrong(format!("it also printed {line:?}")),
        None => Outcome::Right { vectors: vectors.len(), frames, left_out: vec![] },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_hash_is_seen_and_so_is_a_missing_vector() {
        let vector = |name: &str, hashes: &str| Vector { name: name.into(), bytes: vec![], hashes: hashes.into() };
        let vectors = [vector("a", "1\n2\n"), vector("b", "3\n")];
        let wrong = |printed: &str| match compare(printed, &vectors) {
            Outcome::Wrong(what) => what,
            _ => String::new(),
        };
        assert!(matches!(compare("a\n1\n2\nb\n3\n", &vectors), Outcome::Right { vectors: 2, frames: 3, .. }));
        assert_eq!(wrong("a\n1\n9\nb\n3\n"), "frame 1 of a");
        assert_eq!(wrong("a\n1\n2\n"), "b is missing");
        assert_eq!(wrong("a\n1\n2\nb\n3\n4\n"), "it also printed \"4\"");
    }
}
