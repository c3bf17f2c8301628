//! `ci`: every check, also those that need tools which `test` does without.

mod coverage;

use anyhow::{Result, bail};
use clap::Args;
use host_encoder::cli::Table;

use crate::conformance::{self, ConformanceArgs};
use crate::{no_panic, shell, test};

pub use coverage::run as coverage;

/// Arguments of `ci`.
#[derive(Args, Debug)]
pub struct CiArgs {
    /// Fail if a check is not made because a tool is absent
    #[arg(long)]
    require_all: bool,
}

/// A check of other programs.
struct Check {
    name: &'static str,
    /// What has to succeed first, or the tool is absent, and how it is installed.
    needs: &'static [&'static str],
    install: &'static str,
    /// A variable of the environment and the commands.
    variable: (&'static str, &'static str),
    commands: &'static [&'static [&'static str]],
}

const NIGHTLY: &str = "rustup toolchain install nightly --component miri,rust-src";

const CHECKS: [Check; 4] = [
    Check {
        name: "Miri: the core's tests and small vectors, this machine",
        needs: &["cargo", "+nightly", "miri", "--version"],
        install: NIGHTLY,
        // The vectors are read from files.
        variable: ("MIRIFLAGS", "-Zmiri-disable-isolation"),
        commands: &[&["cargo", "+nightly", "miri", "test", "-p", "decoder-core", "--all-features"], &VECTORS_IN_MIRI],
    },
    Check {
        name: "hostile: every bit flipped, every length",
        needs: &["cargo", "--version"],
        install: "",
        variable: ("NVL_CI", "1"),
        commands: &[HOSTILE],
    },
    Check {
        name: "licences and duplicates of dependencies",
        needs: &["cargo", "deny", "--version"],
        install: "cargo install cargo-deny",
        variable: ("NVL_CI", "1"),
        commands: &[&["cargo", "deny", "--all-features", "check", "licenses", "bans", "sources"]],
    },
    Check {
        name: "documentation without warnings",
        needs: &["cargo", "--version"],
        install: "",
        variable: ("RUSTDOCFLAGS", "-Dwarnings"),
        commands: &[&["cargo", "doc", "--quiet", "--workspace", "--no-deps"]],
    },
];

const VECTORS_IN_MIRI: [&str; 10] =
    ["cargo", "+nightly", "miri", "test", "-p", "nvl-tests", "--no-default-features", "--test", "golden", "decode"];

/// All flips and truncations of all vectors.
const HOSTILE: &[&str] = &[
    "cargo",
    "test",
    "--release",
    "-p",
    "nvl-tests",
    "--no-default-features",
    "--test",
    "damage",
    "--",
    "--ignored",
    "--nocapture",
];

/// What became of a check.
enum Outcome {
    Passed,
    Failed(String),
    NotRun(String),
}

/// Makes all checks, also after one has failed; fails if any did.
pub fn run(args: &CiArgs) -> Result<()> {
    let mut outcomes = vec![("formatting, lints, tests", passed(test::run()))];
    for (target, missing) in no_panic::TARGETS.map(|target| (target, crate::run::emulator::missing_target(target))) {
        outcomes.push((target, missing.map_or_else(|| passed(no_panic::prove(target)), Outcome::NotRun)));
    }
    for check in &CHECKS {
        outcomes.push((check.name, check.run()));
    }
    outcomes.push(("coverage of the decoder", coverage::outcome()));
    let conformance = ConformanceArgs { require_all: args.require_all };
    outcomes.push(("conformance of every machine", passed(conformance::run(&conformance))));
    let mut table = Table::default();
    for (name, outcome) in &outcomes {
        let name = if no_panic::TARGETS.contains(name) { format!("no panic on {name}") } else { (*name).to_owned() };
        match outcome {
            Outcome::Passed => table.row([&name, &"passed"]),
            Outcome::Failed(why) => table.row([&name, &format!("FAILED: {why}")]),
            Outcome::NotRun(why) => table.row([&name, &format!("not run: {why}")]),
        };
    }
    print!("\n{table}");
    let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|(_, outcome)| is(outcome)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let absent = count(|outcome| matches!(outcome, Outcome::NotRun(_)));
    if failed > 0 {
        bail!("{failed} of {} checks failed", outcomes.len());
    }
    if absent > 0 && args.require_all {
        bail!("{absent} of {} checks were not made: the table says what is absent", outcomes.len());
    }
    Ok(())
}

/// `hostile`: all flips and truncations of all vectors.
pub fn hostile() -> Result<()> {
    if shell::run(HOSTILE)? { Ok(()) } else { bail!("damage was shown, or not named, or broke the decoder: see above") }
}

fn passed(result: Result<()>) -> Outcome {
    result.map_or_else(|error| Outcome::Failed(format!("{error:#}")), |()| Outcome::Passed)
}

impl Check {
    fn run(&self) -> Outcome {
        if !shell::succeeds(self.needs) {
            return Outcome::NotRun(format!("`{}` does not run: `{}`", self.needs.join(" "), self.install));
        }
        for command in self.commands {
            match shell::run_with(self.variable, command) {
                Ok(true) => {}
                Ok(false) => return Outcome::Failed(format!("`{}`", command.join(" "))),
                Err(error) => return Outcome::Failed(format!("{error:#}")),
            }
        }
        Outcome::Passed
    }
}
