//! `nvl` with wrong inputs: each gives one clear line, exit code 1 or 2, and leaves nothing behind.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use decoder_core::Level;
use decoder_core::wire::{FileHeader, Geometry};
use host_encoder::bitstream::{SegmentModel, file_bytes, segment_bytes};
use host_encoder::io::write_y4m;
use host_encoder::sample::{SampleSettings, sample_clip};
use host_encoder::settings::EncodeSettings;
use host_encoder::train::architecture;
use tempfile::TempDir;

/// A folder for one test, and `nvl` that runs in it without ffmpeg.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), bytes).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nvl"));
        command.args(arguments).current_dir(self.path()).env("PATH", "").stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs what has to fail: with `code`, one line that holds all of `words`, nothing on standard output, and the
    /// folder as it was.
    #[track_caller]
    fn fails(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let before = self.names();
        let output = self.run(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("error: "), "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{words:?} in: {text}");
        assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
        assert!(code == 2 || text.lines().count() == 1, "{text}");
        assert!(output.stdout.is_empty(), "something on standard output");
        assert_eq!(self.names(), before, "something was left behind");
    }
}

fn y4m() -> Vec<u8> {
    let mut bytes = Vec::new();
    let settings = SampleSettings { width: 32, height: 24, frames: 2, rate: (25, 1) };
    write_y4m(&mut bytes, &sample_clip(&settings)).unwrap();
    bytes
}

/// A valid file, without any fitting.
fn nvl() -> Vec<u8> {
    let (width, height, frames) = (32, 24, 3);
    let geometry = Geometry::new(width, height);
    let architecture = architecture(&EncodeSettings::default(), geometry);
    let mut model = SegmentModel::zeros(&architecture, geometry, frames, true);
    model.grids.iter_mut().for_each(|grid| grid.fill(1));
    let frames = u32::try_from(frames).unwrap();
    let header =
        FileHeader { width, height, rate_num: 25, rate_den: 1, frames, segments: 1, level: Level::Micro, architecture };
    let segment = segment_bytes(&header, 0, 0, &model).unwrap();
    file_bytes(&header, &[segment])
}

#[test]
fn inputs_that_are_no_video() {
    let bench = Bench::new();
    bench.fails(&["encode", "none.y4m"], 1, &["none.y4m", "no such file"]);
    bench.write("letter.txt", "Dear reader,\nthis is no video.\n");
    bench.fails(&["encode", "letter.txt"], 1, &["letter.txt", "text file", "Y4M"]);
    bench.write("empty.y4m", "");
    bench.fails(&["encode", "empty.y4m"], 1, &["empty.y4m", "empty"]);
    bench.fails(&["encode", "."], 1, &["folder"]);
    bench.write("film.mp4", b"\x00\x00\x00\x20ftypisom\x00\x00");
    bench.fails(&["encode", "film.mp4"], 1, &["film.mp4", "ffmpeg", "install"]);
    bench.write("a.nvl", nvl());
    bench.fails(&["encode", "a.nvl", "-o", "b.nvl"], 1, &["a.nvl", "decode"]);
}

#[test]
fn y4m_that_is_wrong() {
    let bench = Bench::new();
    let whole = y4m();
    bench.write("cut.y4m", &whole[..whole.len() - 100]);
    bench.fails(&["encode", "cut.y4m"], 1, &["cut.y4m", "truncated", "100 bytes of frame 1", "--frames 1"]);
    bench.write("deep.y4m", "YUV4MPEG2 W32 H24 F25:1 C420p10\nFRAME\n");
    bench.fails(&["encode", "deep.y4m"], 1, &["deep.y4m", "10-bit 4:2:0", "8-bit", "ffmpeg -i"]);
    bench.write("none.y4m", "YUV4MPEG2 W32 H24 F25:1\n");
    bench.fails(&["encode", "none.y4m"], 1, &["none.y4m", "no frames"]);
    bench.write("small.y4m", b"YUV4MPEG2 W4 H4 F25:1\nFRAME\n111111111111111122223333");
    bench.fails(&["encode", "small.y4m"], 1, &["small.y4m", "4x4", "8x8", "scale"]);
    bench.write("huge.y4m", "YUV4MPEG2 W99999999999 H99999999999 F25:1\nFRAME\n");
    bench.fails(&["encode", "huge.y4m"], 1, &["huge.y4m", "1920x1080"]);
    bench.write("odd.y4m", "YUV4MPEG2 Wide H24\nFRAME\n");
    bench.fails(&["encode", "odd.y4m"], 1, &["odd.y4m", "Wide"]);
    let fast =
        String::from_utf8_lossy(&whole[..60]).replace("F25:1", "F20000:1").lines().next().unwrap().to_owned() + "\n";
    let header_len = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    bench.write("fast.y4m", [fast.as_bytes(), &whole[header_len..]].concat());
    bench.fails(&["encode", "fast.y4m"], 1, &["32x24 at 20000 frames/s", "level micro", "--level full"]);
    bench.write("a.y4m", whole);
    bench.fails(&["encode", "a.y4m", "--skip", "9"], 1, &["a.y4m", "2 frames", "--skip 9"]);
}

#[test]
fn arguments_that_are_wrong() {
    let bench = Bench::new();
    bench.write("a.y4m", y4m());
    bench.fails(&["encode", "a.y4m", "--level", "huge"], 2, &["huge", "nano", "micro", "edge", "full"]);
    bench.fails(&["encode", "a.y4m", "--quality", "0"], 2, &["--quality", "1..=100"]);
    bench.fails(&["encode", "a.y4m", "--lambda", "nan"], 2, &["--lambda"]);
    bench.fails(&["encode", "a.y4m", "--lambda", "9", "--quality", "9"], 2, &["--lambda", "--quality"]);
    bench.fails(&["encode", "a.y4m", "-o", "no/such/a.nvl"], 1, &["no folder no/such", "mkdir"]);
    bench.fails(&["encode", "a.y4m", "-o", "a.y4m", "-y"], 2, &["a.y4m", "input"]);
    bench.fails(&["encode", "-"], 2, &["-o"]);
    bench.write("a.nvl", nvl());
    bench.fails(&["encode", "a.y4m"], 1, &["a.nvl exists", "-y"]);
    bench.fails(&["decode", "a.nvl", "-o", "a.mp4"], 2, &["a.mp4", ".y4m", ".png", ".gif"]);
    bench.fails(&["decode", "a.nvl", "-o", "no/such/a.gif"], 1, &["no folder no/such"]);
}

#[test]
fn nvl_files_that_are_damaged() {
    let bench = Bench::new();
    let whole = nvl();
    for (name, bytes) in [("cut.nvl", whole[..whole.len() - 1].to_vec()), ("flipped.nvl", flipped(&whole))] {
        bench.write(name, bytes);
        let word = if name == "cut.nvl" { "truncated" } else { "damaged" };
        for output in ["x.y4m", "x.gif", "x.png", "x%d.png", "-"] {
            bench.fails(&["decode", name, "-o", output], 1, &[name, word]);
        }
        bench.fails(&["info", name], 1, &[name, word]);
    }
    bench.write("a.y4m", y4m());
    bench.fails(&["decode", "a.y4m", "-o", "x.gif"], 1, &["a.y4m", "not an .nvl", "encode"]);
    bench.fails(&["info", "none.nvl"], 1, &["none.nvl", "no such file"]);
}

/// The file with one bit of its payload the other way round.
fn flipped(whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let last = bytes.len() - 2;
    bytes[last] ^= 4;
    bytes
}

#[test]
fn every_output_of_a_good_file() {
    let bench = Bench::new();
    bench.write("a.nvl", nvl());
    for output in ["a.y4m", "a.gif", "a.png", "f%02d.png"] {
        let result = bench.run(&["decode", "a.nvl", "-o", output]);
        assert!(result.status.success(), "{}", String::from_utf8_lossy(&result.stderr));
        assert!(String::from_utf8(result.stdout).unwrap().starts_with(output));
    }
    assert_eq!(bench.names(), ["a.gif", "a.nvl", "a.png", "a.y4m", "f00.png", "f01.png", "f02.png"]);
    let piped = bench.run(&["decode", "a.nvl", "-o", "-"]);
    assert_eq!(piped.stdout, fs::read(bench.path().join("a.y4m")).unwrap());
    bench.fails(&["decode", "a.nvl", "-o", "a.gif"], 1, &["a.gif exists", "-y"]);
    assert!(bench.run(&["decode", "a.nvl", "-o", "a.gif", "-y"]).status.success());
}

#[test]
fn info_adds_up() {
    let bench = Bench::new();
    let mut child =
        bench.command(&["info", "-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&nvl()).unwrap();
    let output = child.wait_with_output().unwrap();
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((info["type"].as_str(), info["level"].as_str()), (Some("info"), Some("micro")));
    let parts = &info["bytes_by_kind"];
    let single = ["header", "weights", "motion"].map(|part| parts[part].as_f64().unwrap());
    let grids = parts["grids"].as_array().unwrap().iter().map(|grid| grid.as_f64().unwrap());
    let sum = single.into_iter().chain(grids).sum::<f64>();
    assert!((sum - info["bytes"].as_f64().unwrap()).abs() < 1e-6);
    assert!(single[0] > 0.0 && single[1] > 0.0);
}
