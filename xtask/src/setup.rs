//! `setup`: what the other tasks need.

use anyhow::{Result, bail};

use crate::shell;

/// A program that is good to have.
struct Optional {
    program: &'static str,
    ask: &'static [&'static str],
    gives: &'static str,
    install: &'static str,
}

/// Targets of the boards and of the browser.
const TARGETS: [&str; 4] =
    ["thumbv7em-none-eabihf", "thumbv8m.main-none-eabihf", "riscv32imac-unknown-none-elf", "wasm32-unknown-unknown"];

/// QEMU with the machines that `run` knows, on Debian and Ubuntu. Its recommended packages clash on machines with parts
/// of a newer QEMU.
const QEMU: [&[&str]; 2] = [
    &["apt-get", "update"],
    &["apt-get", "install", "-y", "--no-install-recommends", "qemu-system-arm", "qemu-system-misc"],
];

const OPTIONAL: [Optional; 7] = [
    Optional {
        program: "ffmpeg",
        ask: &["ffmpeg", "-version"],
        gives: "input in every format, not only Y4M",
        install: "apt install ffmpeg, brew install ffmpeg, winget install ffmpeg",
    },
    Optional {
        program: "ffplay",
        ask: &["ffplay", "-version"],
        gives: "a player for `decode -o -`",
        install: "it comes with ffmpeg",
    },
    Optional {
        program: "qemu-system-arm",
        ask: &["qemu-system-arm", "--version"],
        gives: "the emulated Arm boards of `cargo xtask run`",
        install: "apt install qemu-system-arm, brew install qemu",
    },
    Optional {
        program: "qemu-system-riscv32",
        ask: &["qemu-system-riscv32", "--version"],
        gives: "the emulated RISC-V board of `cargo xtask run`",
        install: "apt install qemu-system-misc, brew install qemu",
    },
    Optional {
        program: "probe-rs",
        ask: &["probe-rs", "--version"],
        gives: "`cargo xtask flash` through a probe; without it there is a file to copy",
        install: "cargo install probe-rs-tools --locked",
    },
    Optional {
        program: "sbatch",
        // Without a cluster it does not even say its version.
        ask: &["sh", "-c", "command -v sbatch"],
        gives: "the test and the measurement of an encode on a Slurm cluster",
        install: "apt install slurm-wlm munge",
    },
    Optional {
        program: "parallel",
        ask: &["parallel", "--version"],
        gives: "the test of an encode by GNU parallel",
        install: "apt install parallel",
    },
];

/// Installs what is needed, then says what is optional.
pub fn run() -> Result<()> {
    ensure()?;
    if !shell::run(&["cargo", "fetch", "--locked"])? {
        bail!("the dependencies could not be fetched: check the network, then run it again");
    }
    for target in TARGETS {
        if !shell::run(&["rustup", "target", "add", target])? {
            bail!("the target {target} could not be installed: check the network, then run it again");
        }
    }
    install_qemu()?;
    println!("\nEverything that is needed is here. Optional:");
    for Optional { program, ask, gives, install } in &OPTIONAL {
        match shell::succeeds(ask) {
            true => println!("  {program:19} found: {gives}"),
            false => println!("  {program:19} not found: it gives {gives} ({install})"),
        }
    }
    Ok(())
}

/// Installs QEMU where that is one command: on Debian and Ubuntu, as root.
fn install_qemu() -> Result<()> {
    let found =
        ["qemu-system-arm", "qemu-system-riscv32"].iter().all(|program| shell::succeeds(&[program, "--version"]));
    let root = shell::succeeds(&["sh", "-c", "test $(id -u) = 0"]);
    if found || !root || !shell::succeeds(&["apt-get", "--version"]) {
        return Ok(());
    }
    for command in QEMU {
        if !shell::run(command)? {
            bail!("QEMU could not be installed: see what apt-get says above, or go on without the emulated boards");
        }
    }
    Ok(())
}

/// Installs the parts of the toolchain that the checks need, if they are missing.
pub fn ensure() -> Result<()> {
    for (component, ask) in [("rustfmt", ["cargo", "fmt", "--version"]), ("clippy", ["cargo", "clippy", "--version"])] {
        if !shell::succeeds(&ask) && !shell::run(&["rustup", "component", "add", component])? {
            bail!("{component} could not be installed: run `rustup component add {component}` and see what it says");
        }
    }
    Ok(())
}
