//! The CSV with every point: what is in it is not measured again.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::point::Point;

/// The points of this run and of those before.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    points: HashMap<String, Point>,
}

impl Store {
    /// Reads the file, if there is one.
    pub fn open(path: &Path) -> Result<Self> {
        let mut points = HashMap::new();
        if path.exists() {
            let damaged = || format!("{} is damaged or of another version: move it away", path.display());
            for point in csv::Reader::from_path(path).with_context(damaged)?.deserialize() {
                let point: Point = point.with_context(damaged)?;
                points.insert(point.key.clone(), point);
            }
        }
        Ok(Self { path: path.to_owned(), points })
    }

    /// The point with this key.
    pub fn get(&self, key: &str) -> Option<&Point> {
        self.points.get(key)
    }

    /// Keeps a point. It is in the file when this returns.
    pub fn add(&mut self, point: Point) -> Result<()> {
        let mut rows = csv::WriterBuilder::new().has_headers(!self.path.exists()).from_writer(Vec::new());
        rows.serialize(&point)?;
        // In one piece, so that an interruption leaves no half of a row.
        let rows = rows.into_inner()?;
        let written = || format!("cannot write {}", self.path.display());
        fs::create_dir_all(self.path.parent().unwrap_or(&self.path)).with_context(written)?;
        let file = OpenOptions::new().create(true).append(true).open(&self.path);
        file.and_then(|mut file| file.write_all(&rows)).with_context(written)?;
        self.points.insert(point.key.clone(), point);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::point::tests::point;
    use super::*;

    #[test]
    fn what_is_kept_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("points.csv");
        let points = [point("nano", 1000, 30.0), point("h264", 2000, f64::INFINITY)];
        for point in &points {
            Store::open(&path).unwrap().add(point.clone()).unwrap();
        }
        let store = Store::open(&path).unwrap();
        assert!(points.iter().all(|point| store.get(&point.key) == Some(point)));
        assert_eq!(store.get("other"), None);
        fs::write(&path, "a,b\n1,2\n").unwrap();
        assert!(Store::open(&path).unwrap_err().to_string().contains("move it away"));
    }
}
