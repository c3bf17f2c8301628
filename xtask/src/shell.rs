//! Other programs.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// The repository.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Shows a command and runs it in the repository; whether it succeeded.
pub fn run(words: &[&str]) -> Result<bool> {
    println!("\n$ {}", words.join(" "));
    let status = command(words).status();
    Ok(status.with_context(|| format!("cannot run {}", words[0]))?.success())
}

/// The same with a variable of the environment.
pub fn run_with((variable, value): (&str, &str), words: &[&str]) -> Result<bool> {
    println!("\n$ {variable}={value} {}", words.join(" "));
    let status = command(words).env(variable, value).status();
    Ok(status.with_context(|| format!("cannot run {}", words[0]))?.success())
}

/// Whether a command runs and succeeds, without a sound.
pub fn succeeds(words: &[&str]) -> bool {
    let silent = command(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    silent.is_ok_and(|status| status.success())
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(root());
    command
}
