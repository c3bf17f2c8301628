//! `conformance`: the golden vectors on every kind of machine that can be had here.

mod boards;
mod processors;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use host_encoder::cli::{Table, grouped};
use nvl_tests::vectors::{self, Vector};

use crate::run::board::Board;

/// Arguments of `conformance`.
#[derive(Args, Debug)]
pub struct ConformanceArgs {
    /// Fail if a machine is not tested because a tool is absent
    #[arg(long)]
    pub require_all: bool,
}

/// What a machine made of the vectors.
enum Outcome {
    /// All of these are right; the vectors that are too large for it.
    Right { vectors: usize, frames: usize, left_out: Vec<String> },
    /// What is wrong.
    Wrong(String),
    /// What is absent.
    NotRun(String),
}

/// A machine, or a way to build for it.
struct Row {
    name: String,
    outcome: Outcome,
}

/// Decodes all vectors on all machines, prints a table, fails if a frame differs anywhere.
pub fn run(args: &ConformanceArgs) -> Result<()> {
    let vectors = vectors::load().context("cannot read the golden vectors")?;
    let mut rows = processors::rows(&vectors)?;
    for board in Board::value_variants() {
        eprintln!("{} ...", board.machine().description());
        rows.push(boards::row(board.machine(), &vectors)?);
    }
    print(&rows, &vectors);
    let count = |is: fn(&Outcome) -> bool| rows.iter().filter(|row| is(&row.outcome)).count();
    let wrong = count(|outcome| matches!(outcome, Outcome::Wrong(_)));
    let absent = count(|outcome| matches!(outcome, Outcome::NotRun(_)));
    if wrong > 0 {
        bail!("{wrong} of {} machines show other pictures", rows.len());
    }
    if absent > 0 && args.require_all {
        bail!("{absent} of {} machines were not tested: the table says what is absent", rows.len());
    }
    println!("\nThe same pictures on {} machines; {absent} were not tested.", rows.len() - absent);
    Ok(())
}

fn print(rows: &[Row], vectors: &[Vector]) {
    let frames: usize = vectors.iter().map(|vector| vector.hashes.lines().count()).sum();
    let bytes: usize = vectors.iter().map(|vector| vector.bytes.len()).sum();
    println!("{} vectors, {frames} frames, {} bytes\n", vectors.len(), grouped(bytes as u64));
    let mut table = Table::aligned_right(&[1, 2]);
    table.row([&"machine", &"vectors", &"frames", &"result"]);
    for Row { name, outcome } in rows {
        match outcome {
            Outcome::Right { vectors, frames, left_out } => {
                let result = match &left_out[..] {
                    [] => "the same".to_owned(),
                    names => format!("the same; too large for its memory: {}", names.join(", ")),
                };
                table.row([name, vectors, frames, &result]);
            }
            Outcome::Wrong(what) => {
                table.row([name, &"", &"", &format!("DIFFERENT: {what}")]);
            }
            Outcome::NotRun(what) => {
                table.row([name, &"", &"", &format!("not run: {what}")]);
            }
        }
    }
    print!("{table}");
}
