//! `coverage`: which lines of the decoder its tests reach.

use anyhow::{Context, Result, bail, ensure};
use host_encoder::cli::Table;
use serde::Deserialize;

use super::{Outcome, passed};
use crate::shell;

/// Percent of the decoder's lines that tests have to reach.
const LEAST: f64 = 95.0;

/// What `llvm-cov export` prints, as far as it matters here.
#[derive(Deserialize)]
struct Export {
    data: [Data; 1],
}

#[derive(Deserialize)]
struct Data {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    lines: Count,
}

#[derive(Clone, Copy, Deserialize)]
struct Count {
    count: u64,
    covered: u64,
}

/// Whether cargo-llvm-cov is here.
const ASK: [&str; 3] = ["cargo", "llvm-cov", "--version"];
const INSTALL: &str = "cargo install cargo-llvm-cov && rustup component add llvm-tools";

/// What becomes of it as a check among others.
pub(super) fn outcome() -> Outcome {
    match shell::succeeds(&ASK) {
        true => passed(run()),
        false => Outcome::NotRun(format!("`{}` does not run: `{INSTALL}`", ASK.join(" "))),
    }
}

/// The tests of the decoder and of the vectors. Those that fit a clip first are left out: instrumented they take very long, and what
/// they decode has nothing that the vectors have not.
const TESTS: [&str; 19] = [
    "-p",
    "decoder-core",
    "-p",
    "nvl-tests",
    "--features",
    "decoder-core/float-reference",
    "--lib",
    "--test",
    "damage",
    "--test",
    "golden",
    "--test",
    "headers",
    "--test",
    "payloads",
    "--test",
    "properties",
    "--test",
    "roundtrip",
];

/// Runs the tests, prints the share of each file's lines that they reach.
pub fn run() -> Result<()> {
    ensure!(shell::succeeds(&ASK), "cargo-llvm-cov is not installed: `{INSTALL}`");
    let report = crate::run::emulator::target_folder().join("coverage.json");
    let shown = report.to_string_lossy();
    let words = [&["cargo", "llvm-cov", "--json"][..], &TESTS, &["--output-path", &shown]].concat();
    ensure!(shell::run(&words)?, "the tests failed, or their coverage could not be measured");
    let text = std::fs::read_to_string(&report).with_context(|| format!("cannot read {shown}"))?;
    let Export { data: [data] } = serde_json::from_str(&text).context("cargo-llvm-cov printed something else")?;
    let mut table = Table::aligned_right(&[1, 2, 3]);
    table.row([&"file", &"lines", &"not reached", &"reached"]);
    let mut all = Count { count: 0, covered: 0 };
    for File { filename, summary } in data.files {
        let Some((_, name)) = filename.rsplit_once("decoder-core/src/") else { continue };
        let Count { count, covered } = summary.lines;
        all = Count { count: all.count + count, covered: all.covered + covered };
        table.row([&name, &count, &(count - covered), &percent(summary.lines)]);
    }
    table.row([&"all", &all.count, &(all.count - all.covered), &percent(all)]);
    print!("\n{table}");
    if all.covered as f64 * 100.0 < LEAST * all.count as f64 {
        bail!("less than {LEAST} % of the decoder's lines are reached");
    }
    Ok(())
}

fn percent(lines: Count) -> String {
    format!("{:.1} %", 100.0 * lines.covered as f64 / lines.count.max(1) as f64)
}
