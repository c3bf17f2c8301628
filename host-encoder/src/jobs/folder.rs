//! Where the pieces of a plan lie.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of a plan's segments and checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
    /// What the names of its files begin with.
    part: String,
}

impl Folder {
    /// The folder beside a plan's file: `plan.segments` for `plan.json`.
    #[must_use]
    pub fn of_plan(plan: &Path) -> Self {
        Self::new(plan.with_extension("segments"))
    }

    /// A folder of this name.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), part: String::new() }
    }

    /// Those files of the folder that belong to one of several encodes; `name` is of letters and digits.
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        Self { path: self.path.clone(), part: format!("{name}-") }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of a finished segment.
    #[must_use]
    pub fn segment(&self, index: usize) -> PathBuf {
        self.path.join(format!("{}{index:05}.segment", self.part))
    }

    /// The file of an unfinished segment's state.
    #[must_use]
    pub fn checkpoint(&self, index: usize) -> PathBuf {
        self.path.join(format!("{}{index:05}.checkpoint", self.part))
    }

    /// How many finished segments it has, of all its parts.
    #[must_use]
    pub fn finished(&self) -> usize {
        self.files().filter(|path| path.extension().is_some_and(|extension| extension == "segment")).count()
    }

    /// Removes segments, checkpoints, those of its parts, and what interrupted runs left of them, and the folder if nothing else is in it.
    pub fn clear(&self) {
        for path in self.files() {
            // What cannot be removed stays, and so does the folder.
            let _ = fs::remove_file(path);
        }
        let _ = fs::remove_dir(&self.path);
    }

    /// The files that this program makes here.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
        entries.filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let (number, kind) = name.split_once('.').unwrap_or_default();
            let ours = ["segment", "checkpoint"].iter().any(|ours| kind.split('.').next() == Some(ours));
            let (part, number) = number.split_once('-').unwrap_or(("", number));
            let named = part.bytes().all(|byte| byte.is_ascii_alphanumeric());
            ours && named && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    }
}
