//! Clips that arguments name.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

/// Files as they are named, and the .y4m files of folders in the order of their names.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
        let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        let mut clips: Vec<_> = paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == "y4m")).collect();
        ensure!(!clips.is_empty(), "{} has no .y4m files", path.display());
        clips.sort();
        files.append(&mut clips);
    }
    Ok(files)
}
