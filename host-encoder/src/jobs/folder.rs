//! Where the pieces of a plan lie.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of a plan's segments and checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder beside a plan's file: `plan.segments` for `plan.json`.
    #[must_use]
    pub fn of_plan(plan: &Path) -> Self {
        Self(plan.with_extension("segments"))
    }

    /// A folder of this name.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file of a finished segment.
    #[must_use]
    pub fn segment(&self, index: usize) -> PathBuf {
        self.0.join(format!("{index:05}.segment"))
    }

    /// The file of an unfinished segment's state.
    #[must_use]
    pub fn checkpoint(&self, index: usize) -> PathBuf {
        self.0.join(format!("{index:05}.checkpoint"))
    }

    /// How many finished segments it has.
    #[must_use]
    pub fn finished(&self) -> usize {
        self.files().filter(|path| path.extension().is_some_and(|extension| extension == "segment")).count()
    }

    /// Removes segments, checkpoints and what interrupted runs left of them, and the folder if nothing else is in it.
    pub fn clear(&self) {
        for path in self.files() {
            // What cannot be removed stays, and so does the folder.
            let _ = fs::remove_file(path);
        }
        let _ = fs::remove_dir(&self.0);
    }

    /// The files that this program makes here.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
        entries.filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let (number, kind) = name.split_once('.').unwrap_or_default();
            let ours = ["segment", "checkpoint"].iter().any(|ours| kind.split('.').next() == Some(ours));
            ours && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    }
}
