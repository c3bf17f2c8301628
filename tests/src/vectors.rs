//! The golden vectors: streams that are kept, and the SHA-256 of each of their frames.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use sha2::{Digest, Sha256};

use crate::frames::Picture;

/// A stream that is kept.
#[derive(Clone, Debug)]
pub struct Vector {
    /// What it is there for.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// For each frame a line with its SHA-256.
    pub hashes: String,
}

/// Where they lie.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// All vectors, by name.
///
/// # Errors
/// If one cannot be read, or there is none.
pub fn load() -> io::Result<Vec<Vector>> {
    load_from(&folder())
}

/// All vectors of another folder.
///
/// # Errors
/// If one cannot be read, or there is none.
pub fn load_from(folder: &Path) -> io::Result<Vec<Vector>> {
    let mut vectors = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "nvl") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let hashes = fs::read_to_string(path.with_extension("sha256"))?;
            vectors.push(Vector { name, bytes: fs::read(&path)?, hashes });
        }
    }
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    if vectors.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there are no vectors"));
    }
    Ok(vectors)
}

/// One line a frame: the SHA-256 of its planes, Y, U, V.
#[must_use]
pub fn hashes(pictures: &[Picture]) -> String {
    pictures.iter().fold(String::new(), |mut text, picture| {
        for byte in Sha256::digest(picture.0.concat()) {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
        text
    })
}
