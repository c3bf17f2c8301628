//! `bench scaling`: what segments cost, and what many at a time give.

mod child;
mod day;
mod model;
mod parallel;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context, Result};
use clap::Args;
use decoder_core::Level;
use host_encoder::cli::{Table, grouped};
use host_encoder::io::write_y4m;
use host_encoder::sample::{SampleSettings, sample_clip};
use host_encoder::settings::{Effort, EncodeSettings};
use host_encoder::train::{architecture, expected_cost};

use model::{Model, Point};

/// Arguments of `bench scaling`.
#[derive(Args, Debug)]
#[command(after_help = "\
Prints in Markdown: how time and memory grow with pixels, frames and level, and the coefficients for
host-encoder/src/train/cost.rs; segments at a time on this machine, and on a Slurm of two nodes where its
packages are installed; the arithmetic for a day of video. Effort draft, so that it takes minutes.")]
pub struct ScalingArgs {
    /// Only how time and memory grow, and the arithmetic
    #[arg(long)]
    costs: bool,
}

/// Measures and prints.
pub fn run(args: &ScalingArgs) -> Result<()> {
    let bench = Bench::new()?;
    load("At the start");
    let points = points(&bench)?;
    let model = Model::fit(&points);
    print!("{}", cost_table(&points, &model));
    let [step, sample, mac] = model.nanoseconds;
    let [process, activation, mac_bytes] = model.bytes;
    println!(
        "\nFitted: {:.0} us a step + {sample:.1} ns a step and luma sample + {mac:.3} ns for each MAC on it; {:.1} MB + \
         {activation:.1} bytes for each output of a layer on a luma sample + {mac_bytes:.2} bytes for each MAC on it.\n",
        step / 1e3,
        process / 1e6
    );
    if !args.costs {
        parallel::run(&bench)?;
    }
    load("At the end");
    print!("{}", day::table());
    Ok(())
}

/// Says how many processes want to run, in the mean of the last minute: with more than there are cores, wall times are the
/// others' too.
fn load(when: &str) {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = available_parallelism().map_or(1, usize::from);
    println!("{when}, the machine's load is {} on {cores} cores.\n", text.split(' ').next().unwrap_or("unknown"));
}

/// A folder and the program that is measured: this one.
pub struct Bench {
    folder: PathBuf,
    program: PathBuf,
    /// Removes the folder.
    _guard: tempfile::TempDir,
}

impl Bench {
    fn new() -> Result<Self> {
        let guard = tempfile::tempdir().context("cannot make a folder for the measurements")?;
        Ok(Self { folder: guard.path().into(), program: env::current_exe()?, _guard: guard })
    }

    /// `nvl`, in the folder.
    pub fn nvl(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(&self.folder);
        command
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the sample clip.
    pub fn write_clip(&self, name: &str, (width, height): (usize, usize), frames: usize) -> Result<()> {
        let clip = sample_clip(&SampleSettings { width, height, frames, rate: (24, 1) });
        let file = fs::File::create(self.folder.join(name)).with_context(|| format!("cannot write {name}"))?;
        write_y4m(std::io::BufWriter::new(file), &clip).with_context(|| format!("cannot write {name}"))
    }
}

/// One thing at a time around 96x64, 8 frames, level micro.
fn points(bench: &Bench) -> Result<Vec<Point>> {
    let base = ((96, 64), 8, Level::Micro);
    let sizes = [(48, 32), base.0, (160, 96), (320, 192)].map(|size| (size, base.1, base.2));
    let frames = [2, 16, 64].map(|frames| (base.0, frames, base.2));
    let levels = [Level::Nano, Level::Edge, Level::Full].map(|level| (base.0, base.1, level));
    let all = sizes.into_iter().chain(frames).chain(levels);
    all.map(|(size, frames, level)| point(bench, size, frames, level)).collect()
}

fn point(bench: &Bench, size: (usize, usize), frames: usize, level: Level) -> Result<Point> {
    bench.write_clip("cost.y4m", size, frames)?;
    let options = ["--level", level.name(), "--effort", "draft", "--threads", "1", "-q", "-y", "--no-scene-cuts"];
    let taken = child::measure(bench.nvl(&["encode", "cost.y4m", "-o", "cost.nvl"]).args(options))?;
    let settings = EncodeSettings { level, effort: Effort::Draft, ..EncodeSettings::default() };
    Ok(Point { settings, size, frames, cpu: taken.cpu, memory: taken.memory })
}

fn cost_table(points: &[Point], model: &Model) -> String {
    let mut table = Table::aligned_right(&[2, 3, 4, 5, 6, 7, 8]);
    table.row([&"size", &"level", &"frames", &"CPU s", &"fitted", &"planned", &"MiB", &"fitted", &"planned"]);
    for point in points {
        let Point { settings, size, frames, .. } = point;
        let geometry = point.geometry();
        let planned = expected_cost(&architecture(settings, geometry), geometry, *frames, settings);
        let [cpu, memory] = model.expect(point);
        let mib = |bytes: f64| grouped((bytes / f64::from(1 << 20)).ceil() as u64);
        table.row([
            &format!("{}x{}", size.0, size.1),
            &settings.level.name(),
            frames,
            &format!("{:.2}", point.cpu),
            &format!("{cpu:.2}"),
            &format!("{:.2}", planned.cpu_seconds),
            &mib(point.memory),
            &mib(memory),
            &mib(planned.memory_bytes as f64),
        ]);
    }
    format!(
        "One segment, one thread, effort draft; `fitted` is the model below, `planned` is what `nvl plan` expects now.\n\n{table}"
    )
}
