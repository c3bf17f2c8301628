//! `fuzz`: looks for bytes that break a property of `nvl_tests::properties`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use host_encoder::cli::{Table, grouped};
use nvl_tests::{mend, properties, vectors};

use crate::shell;

/// Arguments of `fuzz`.
#[derive(Args, Debug)]
pub struct FuzzArgs {
    /// How long, over all targets
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
    /// Only this target
    #[arg(long, value_name = "T", value_parser = properties::ALL.map(|(name, _)| name))]
    target: Option<String>,
}

/// What libFuzzer is told: sizes that the vectors have, a time that no run comes near, memory of the limits and more.
const OPTIONS: [&str; 4] = ["-max_len=16384", "-timeout=60", "-rss_limit_mb=1024", "-print_final_stats=1"];
/// Seconds after which libFuzzer keeps a run as slow, by its own default.
const SLOW: &str = "-timeout=10";
/// How libFuzzer names what it keeps as slow.
const SLOW_NAME: &str = "slow-unit-";

/// Runs the fuzzers one after the other, each for its share of the time; fails if one finds something.
pub fn run(args: &FuzzArgs) -> Result<()> {
    for (ask, install) in [
        (["cargo", "+nightly", "--version"], "rustup toolchain install nightly --component rust-src"),
        (["cargo", "fuzz", "--version"], "cargo install cargo-fuzz"),
    ] {
        ensure!(shell::succeeds(&ask), "`{}` does not run: `{install}`", ask.join(" "));
    }
    let names = properties::ALL.map(|(name, _)| name);
    let names: Vec<_> =
        names.into_iter().filter(|name| args.target.as_deref().is_none_or(|target| target == *name)).collect();
    let share = Duration::from_secs(60 * u64::from(args.minutes)) / names.len() as u32;
    let mut table = Table::aligned_right(&[1, 2, 3, 4]);
    table.row([&"target", &"seconds", &"executions", &"edges covered", &"result"]);
    let mut found = vec![];
    for name in names {
        plant(name)?;
        let ended = fuzz(name, share)?;
        let result = ended.finding.as_ref().map_or("nothing found".to_owned(), |path| path.display().to_string());
        table.row([&name, &share.as_secs(), &grouped(ended.executions), &grouped(ended.edges), &result]);
        found.extend(ended.finding.map(|path| (name, path)));
    }
    print!("\n{table}");
    if let Some((name, path)) = found.first() {
        bail!(
            "{} found something: name it after what is wrong, as tests/findings/{name}/NAME, so that it is tested from now on",
            path.display()
        );
    }
    Ok(())
}

fn folder() -> PathBuf {
    shell::root().join("fuzz")
}

/// Puts the golden vectors and earlier findings into a target's corpus.
fn plant(name: &str) -> Result<()> {
    let corpus = folder().join("corpus").join(name);
    fs::create_dir_all(&corpus)?;
    for (number, vector) in vectors::load()?.into_iter().enumerate() {
        let seed = match name {
            "segment" => {
                let body = mend::front(&mut vector.bytes.clone()).context("a vector is damaged")?;
                [&[number as u8], &vector.bytes[body..]].concat()
            }
            // A vector and three faults.
            "resync" => [number as u8].into_iter().chain(0..9).collect(),
            _ => vector.bytes,
        };
        fs::write(corpus.join(vector.name), seed)?;
    }
    let findings = shell::root().join("tests/findings").join(name);
    if findings.is_dir() {
        for finding in fs::read_dir(findings)? {
            let path = finding?.path();
            fs::copy(&path, corpus.join(path.file_name().unwrap_or_default()))?;
        }
    }
    Ok(())
}

/// How a fuzzer ended.
struct Ended {
    executions: u64,
    edges: u64,
    finding: Option<PathBuf>,
}

fn fuzz(name: &str, time: Duration) -> Result<Ended> {
    println!("\n{name}, {} s", time.as_secs());
    let artifacts = folder().join("artifacts").join(name);
    fs::create_dir_all(&artifacts)?;
    let before = files(&artifacts)?;
    let output = Command::new("cargo")
        .args(["+nightly", "fuzz", "run", name, "--"])
        .args(OPTIONS)
        .arg(format!("-max_total_time={}", time.as_secs()))
        .current_dir(shell::root())
        .stdin(Stdio::null())
        .stdout(Stdio::inherit())
        .stderr(Stdio::piped())
        .output()
        .context("cannot run cargo fuzz")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let mut finding = None;
    for path in files(&artifacts)?.into_keys().filter(|path| !before.contains_key(path)) {
        if is_finding(name, &path)? {
            finding = Some(path);
            break;
        }
        fs::remove_file(path)?;
    }
    if !output.status.success() && finding.is_none() {
        let last: Vec<_> = said.lines().rev().take(12).collect();
        bail!(
            "the fuzzer {name} did not run ({}):\n{}",
            output.status,
            last.into_iter().rev().collect::<Vec<_>>().join("\n")
        );
    }
    Ok(Ended { executions: executions(&said), edges: edges(&said), finding })
}

/// Whether what the fuzzer kept is a finding. What was slow is one if it is slow again: on a machine that does other work any
/// run may once take ten seconds.
fn is_finding(name: &str, kept: &Path) -> Result<bool> {
    let slow = kept.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SLOW_NAME));
    if !slow {
        return Ok(true);
    }
    println!("{} was slow: once more", kept.display());
    let again = Command::new("cargo")
        .args(["+nightly", "fuzz", "run", name])
        .arg(kept)
        .args(["--", SLOW])
        .current_dir(shell::root())
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo fuzz")?;
    Ok(!again.success())
}

/// Files of a folder.
fn files(folder: &Path) -> Result<BTreeMap<PathBuf, ()>> {
    fs::read_dir(folder)?.map(|entry| Ok((entry?.path(), ()))).collect()
}

/// What libFuzzer says of its runs at the end, or else the number of its last line of progress.
fn executions(said: &str) -> u64 {
    let total = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    total.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

/// The last `cov: N`.
fn edges(said: &str) -> u64 {
    let covered = said.lines().rev().find_map(|line| line.split_once(" cov: "));
    covered.and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_libfuzzer_says_is_understood() {
        let said = "#2\tINITED cov: 10 ft: 11\n#900\tNEW    cov: 812 ft: 30 corp: 2/3b\nDone 1000 runs\n\
            stat::number_of_executed_units: 1000\nstat::average_exec_per_sec:     80\n";
        assert_eq!((super::executions(said), super::edges(said)), (1000, 812));
    }
}
