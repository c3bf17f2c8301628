//! `test`: every check, in the order in which they are quickest to mend.

use anyhow::{Result, bail};

use crate::{setup, shell};

const CHECKS: [&[&str]; 3] = [
    &["cargo", "fmt", "--all", "--check"],
    &["cargo", "clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
    &["cargo", "test", "--workspace", "--no-fail-fast"],
];

/// Runs all checks, also after one has failed, and fails if any did.
pub fn run() -> Result<()> {
    setup::ensure()?;
    let mut failed = Vec::new();
    for check in CHECKS {
        if !shell::run(check)? {
            failed.push(format!("`{}`", check.join(" ")));
        }
    }
    if !failed.is_empty() {
        bail!("{} of {} checks failed: {}", failed.len(), CHECKS.len(), failed.join(", "));
    }
    println!("\nAll {} checks passed.", CHECKS.len());
    Ok(())
}
