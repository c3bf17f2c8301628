//! How a run ends.

use std::io;
use std::process::ExitCode;

use super::interrupt;

/// Arguments that do not go together: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Prints the error, if there is one, in one line on standard error. The exit code is 0 for success, 1 for failure,
/// 2 for wrong usage, 130 after an interruption.
#[must_use]
pub fn finish(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if interrupt::requested() {
        eprintln!("{}", interrupt::message());
        return ExitCode::from(interrupt::EXIT_CODE);
    }
    // Whoever read our output has seen enough.
    let gone = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    if error.chain().filter_map(|cause| cause.downcast_ref()).any(gone) {
        return ExitCode::SUCCESS;
    }
    let line = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    eprintln!("error: {line}");
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}
