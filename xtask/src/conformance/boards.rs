//! The emulated microcontrollers: their checksums against the host's, whose frames have the golden hashes.

use anyhow::{Context, Result};
use nvl_tests::vectors::Vector;

use super::{Outcome, Row};
use crate::run::board::Machine;
use crate::run::on_host;
use crate::run::report::Report;

/// What a machine says of a clip for which it has not enough memory.
const TOO_LARGE: &str = "bytes of memory are needed";

/// Plays all vectors on a machine.
pub(super) fn row(machine: &Machine, vectors: &[Vector]) -> Result<Row> {
    let outcome = match machine.missing() {
        Some(missing) => Outcome::NotRun(missing),
        None => play(machine, vectors)?,
    };
    Ok(Row { name: machine.description(), outcome })
}

fn play(machine: &Machine, vectors: &[Vector]) -> Result<Outcome> {
    let elf = machine.build()?;
    let (mut played, mut frames, mut left_out) = (0, 0, vec![]);
    for Vector { name, bytes, hashes } in vectors {
        let expected = on_host(bytes).with_context(|| format!("cannot decode {name}"))?;
        if expected.pictures.len() != hashes.lines().count() {
            return Ok(Outcome::Wrong(format!("{name} has {} pictures on the host", expected.pictures.len())));
        }
        let printed = match machine.play(&elf, "play", bytes) {
            Ok(printed) => printed,
            Err(error) if error.to_string().contains(TOO_LARGE) => {
                left_out.push(name.clone());
                continue;
            }
            Err(error) => return Ok(Outcome::Wrong(format!("{name}: {error}"))),
        };
        let report = Report::parse(&printed, machine);
        if let Err(error) = report.and_then(|report| report.compare(&expected)) {
            return Ok(Outcome::Wrong(format!("{name}: {error}")));
        }
        played += 1;
        frames += expected.pictures.len();
    }
    Ok(Outcome::Right { vectors: played, frames, left_out })
}
