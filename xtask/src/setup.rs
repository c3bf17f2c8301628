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

const OPTIONAL: [Optional; 2] = [
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
];

/// Installs what is needed, then says what is optional.
pub fn run() -> Result<()> {
    ensure()?;
    if !shell::run(&["cargo", "fetch", "--locked"])? {
        bail!("the dependencies could not be fetched: check the network, then run it again");
    }
    println!("\nEverything that is needed is here. Optional:");
    for Optional { program, ask, gives, install } in &OPTIONAL {
        match shell::succeeds(ask) {
            true => println!("  {program:8} found: {gives}"),
            false => println!("  {program:8} not found: it gives {gives} ({install})"),
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
