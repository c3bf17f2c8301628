//! Files that are there when they are whole, and not before.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Temporary files that exist now, for [`remove_unfinished`].
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Why an output was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The target is there already.
    #[error("{} exists already: add -y to replace it, or name another file with -o", .target.display())]
    Exists {
        /// The file that would be replaced.
        target: PathBuf,
    },
    /// The target's folder is not there.
    #[error("there is no folder {}: make it first (`mkdir -p {}`)", .folder.display(), .folder.display())]
    NoFolder {
        /// The folder that is missing.
        folder: PathBuf,
    },
    /// The target names a folder.
    #[error("{} is a folder: name a file in it with -o", .target.display())]
    Folder {
        /// The folder.
        target: PathBuf,
    },
    /// Writing failed.
    #[error("cannot write {}: {}", .target.display(), super::error::plain(.source))]
    Write {
        /// The file that was to be written.
        target: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Checks, before long work, that `target` can be written: its folder is there and takes files, and nothing is
/// replaced unless `overwrite`. Leaves nothing behind.
///
/// # Errors
/// [`OutputError`], with the reason.
pub fn check_target(target: &Path, overwrite: bool) -> Result<(), OutputError> {
    OutputFile::create(target, overwrite).map(drop)
}

/// Removes the temporary files of all outputs that are not whole: for the end by a signal.
pub fn remove_unfinished() {
    let mut unfinished = UNFINISHED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    while let Some(path) = unfinished.pop_first() {
        let _ = fs::remove_file(path);
    }
}

/// A file that is written under a temporary name in the target's folder and takes its name when it is whole.
/// Dropped before that, it is removed.
#[derive(Debug)]
pub struct OutputFile {
    target: PathBuf,
    temporary: PathBuf,
    overwrite: bool,
    writer: Option<BufWriter<File>>,
}

impl OutputFile {
    /// Begins the file.
    ///
    /// # Errors
    /// [`OutputError`], where it cannot be written or would replace a file without `overwrite`.
    pub fn create(target: &Path, overwrite: bool) -> Result<Self, OutputError> {
        if target.is_dir() {
            return Err(OutputError::Folder { target: target.into() });
        }
        refuse_existing(target, overwrite)?;
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return Err(OutputError::NoFolder { folder: folder.into() });
        }
        let (temporary, file) = create_beside(target).map_err(|source| write_error(target, source))?;
        Ok(Self { target: target.into(), temporary, overwrite, writer: Some(BufWriter::new(file)) })
    }

    /// The name that the file will have.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Puts all bytes on the disk and closes the file, still under its temporary name.
    ///
    /// # Errors
    /// [`OutputError::Write`].
    pub fn close(&mut self) -> Result<(), OutputError> {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let synced = writer.flush().and_then(|()| writer.get_ref().sync_all());
        synced.map_err(|source| write_error(&self.target, source))
    }

    /// Closes the file and gives it its name.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn commit(mut self) -> Result<(), OutputError> {
        self.close()?;
        refuse_existing(&self.target, self.overwrite)?;
        fs::rename(&self.temporary, &self.target).map_err(|source| write_error(&self.target, source))?;
        forget(&self.temporary);
        self.temporary.clear();
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.as_mut().map_or(Err(io::ErrorKind::BrokenPipe.into()), |writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            self.writer = None;
            let _ = fs::remove_file(&self.temporary);
            forget(&self.temporary);
        }
    }
}

fn refuse_existing(target: &Path, overwrite: bool) -> Result<(), OutputError> {
    match target.exists() && !overwrite {
        true => Err(OutputError::Exists { target: target.into() }),
        false => Ok(()),
    }
}

/// Creates `NAME.part`, or `NAME.2.part` and so on where others are at work, and notes it as unfinished.
fn create_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    let mut unfinished = UNFINISHED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for attempt in 1.. {
        let mut name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(if attempt == 1 { ".part".into() } else { format!(".{attempt}.part") });
        let path = target.with_file_name(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => {
                unfinished.insert(path.clone());
                return Ok((path, file));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn forget(temporary: &Path) {
    UNFINISHED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).remove(temporary);
}

fn write_error(target: &Path, source: io::Error) -> OutputError {
    OutputError::Write { target: target.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_there_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.nvl");
        let mut file = OutputFile::create(&target, false).unwrap();
        file.write_all(b"one").unwrap();
        assert_eq!(names(folder.path()), ["a.nvl.part"]);
        file.commit().unwrap();
        assert_eq!(names(folder.path()), ["a.nvl"]);
        assert!(matches!(check_target(&target, false), Err(OutputError::Exists { .. })));

        let mut second = OutputFile::create(&target, true).unwrap();
        second.write_all(b"two").unwrap();
        drop(second);
        assert_eq!(fs::read(&target).unwrap(), b"one");
        assert_eq!(names(folder.path()), ["a.nvl"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = check_target(&folder.path().join("none/a.nvl"), false).unwrap_err();
        assert!(matches!(error, OutputError::NoFolder { .. }), "{error}");
    }
}
