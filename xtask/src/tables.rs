//! `tables`: the decoder's probability tables, from their formulas.

use std::fs;

use anyhow::{Context, Result};

use crate::shell;

/// Writes the file, if it differs.
pub fn run() -> Result<()> {
    let path = shell::root().join("decoder-core/src/entropy/tables.rs");
    let source = host_encoder::tables::source();
    let name = path.display();
    if fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))? == source {
        println!("{name} is as it should be");
        return Ok(());
    }
    fs::write(&path, source).with_context(|| format!("cannot write {name}"))?;
    println!("{name} written: golden vectors and SPEC may change with it");
    Ok(())
}
