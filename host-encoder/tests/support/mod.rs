//! A folder with a small clip, and `nvl` that runs in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use host_encoder::io::write_y4m;
use host_encoder::sample::{SampleSettings, sample_clip};
use tempfile::TempDir;

/// Coding options that give three segments of the clip, quickly.
pub const CODING: [&str; 4] = ["--effort", "draft", "--segment-frames", "2"];
/// Segments of the clip.
pub const SEGMENTS: usize = 3;

/// The folder; `a.y4m` is the clip.
pub struct Bench(TempDir);

#[allow(dead_code, reason = "not every test needs everything")]
impl Bench {
    pub fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        bench.write_clip(24);
        bench
    }

    /// Writes the clip, with this frame rate.
    pub fn write_clip(&self, rate: u32) {
        let clip = sample_clip(&SampleSettings { width: 40, height: 32, frames: 2 * SEGMENTS, rate: (rate, 1) });
        write_y4m(fs::File::create(self.path("a.y4m")).unwrap(), &clip).unwrap();
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn nvl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nvl"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    /// `encode a.y4m -o OUTPUT` with the coding options and these.
    pub fn encode(&self, output: &str, options: &[&str]) -> Command {
        let mut command = self.nvl(&["encode", "a.y4m", "-o", output]);
        command.args(CODING).args(options);
        command
    }

    /// Runs what has to succeed; what it says on standard output and standard error.
    #[track_caller]
    pub fn succeeds(&self, mut command: Command) -> (String, String) {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{command:?}: {status} {stderr}");
        (stdout.into_owned(), stderr.into_owned())
    }

    /// Runs what has to fail with `code` and a last line that has all of `words`.
    #[track_caller]
    pub fn fails(&self, mut command: Command, code: i32, words: &[&str]) {
        let Output { status, stderr, .. } = command.output().unwrap();
        let text = String::from_utf8_lossy(&stderr).into_owned();
        assert_eq!(status.code(), Some(code), "{command:?}: {text}");
        let last = text.lines().last().unwrap_or_default();
        assert!(words.iter().all(|word| last.contains(word)), "{words:?} in: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names in a folder, in order.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
