//! Many segments at a time.

use std::fs;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use host_encoder::cli::Table;
use nvl_tests::slurm::{self, Cluster};

use super::Bench;
use super::child::{Taken, measure};

/// Segments that are measured.
const COUNTS: [usize; 5] = [1, 2, 4, 8, 16];
/// Frames of a segment.
const FRAMES: usize = 6;
/// Nodes of the cluster.
const NODES: usize = 2;
/// Longest time for an array of jobs.
const LIMIT: Duration = Duration::from_secs(600);

const CODING: [&str; 6] = ["--effort", "draft", "--segment-frames", "6", "--no-scene-cuts", "-y"];

/// Measures this machine and, where Slurm is, a cluster of two nodes on it, and prints the tables.
pub fn run(bench: &Bench) -> Result<()> {
    let size = (64, 48);
    bench.write_clip("scale.y4m", size, FRAMES * COUNTS[COUNTS.len() - 1])?;
    let cores = available_parallelism().map_or(1, usize::from);
    println!("Segments of {}x{}, {FRAMES} frames, level micro, effort draft; {cores} cores.\n", size.0, size.1);
    let serial = on_this_machine(bench, cores)?;
    println!();
    around(bench)?;
    println!();
    match slurm::absent() {
        Some(why) => println!("Not measured, as Slurm is not here ({why}): the cluster of two nodes.\n"),
        None => on_a_cluster(bench, &serial)?,
    }
    Ok(())
}

/// Encodes each number of segments on one core and then on all, and returns what one core took.
fn on_this_machine(bench: &Bench, cores: usize) -> Result<Vec<Taken>> {
    let mut table = Table::aligned_right(&[0, 1, 2, 3, 4, 5, 6]);
    table.row([
        &"segments",
        &"wall s, 1 core",
        &format!("wall s, {cores} cores"),
        &"speed-up",
        &"efficiency",
        &"CPU s a segment",
        &"MiB in all",
    ]);
    let mut serial: Vec<Taken> = vec![];
    for count in COUNTS {
        let frames = (count * FRAMES).to_string();
        let encode = |threads: usize| {
            let threads = threads.to_string();
            let words = ["encode", "scale.y4m", "-o", "scale.nvl", "-q", "--frames", &frames, "--threads", &threads];
            measure(bench.nvl(&words).args(CODING))
        };
        // One after the other, so that both find the machine as busy.
        let (one, all) = (encode(1)?, encode(cores)?);
        let speed_up = one.wall / all.wall;
        table.row([
            &count,
            &format!("{:.2}", one.wall),
            &format!("{:.2}", all.wall),
            &format!("{speed_up:.2}"),
            &format!("{:.0} %", 100.0 * speed_up / cores as f64),
            &format!("{:.2}", one.cpu / count as f64),
            &format!("{:.0}", all.memory / f64::from(1 << 20)),
        ]);
        serial.push(one);
    }
    print!("On this machine, `nvl encode` with `--threads 1` and with all cores:\n\n{table}");
    Ok(serial)
}

/// What is done around the segments.
fn around(bench: &Bench) -> Result<()> {
    let plan = measure(bench.nvl(&["plan", "scale.y4m", "-o", "around.json"]).args(CODING))?;
    let last = COUNTS[COUNTS.len() - 1];
    let mut worker = Taken { wall: 0.0, cpu: 0.0, memory: 0.0 };
    for index in 0..last {
        let index = index.to_string();
        let words = ["encode-segment", "around.json", "--index", &index, "--threads", "1", "-q"];
        let taken = measure(&mut bench.nvl(&words))?;
        worker.cpu += taken.cpu / last as f64;
        worker.memory = worker.memory.max(taken.memory);
    }
    let again = measure(&mut bench.nvl(&["encode-segment", "around.json", "--index", "0", "-q"]))?;
    let mux = measure(&mut bench.nvl(&["mux", "around.json", "-o", "around.nvl", "-y"]))?;
    let same = fs::read(bench.folder().join("around.nvl"))? == fs::read(bench.folder().join("scale.nvl"))?;
    ensure!(same, "the file of the segments is not the file of the local encode");
    let mut table = Table::aligned_right(&[1, 2, 3]);
    table.row([&"step", &"wall s", &"CPU s", &"MiB"]);
    let mut row = |name: &str, taken: Taken, wall: bool| {
        let wall = if wall { format!("{:.2}", taken.wall) } else { "-".into() };
        table.row([&name, &wall, &format!("{:.2}", taken.cpu), &format!("{:.0}", taken.memory / f64::from(1 << 20))]);
    };
    row(&format!("plan of {last} segments"), plan, true);
    row("encode-segment, the mean of all", worker, false);
    row("encode-segment of one that is there", again, true);
    row("mux, with decoding it all", mux, true);
    print!("Around the segments:\n\n{table}");
    Ok(())
}

fn on_a_cluster(bench: &Bench, serial: &[Taken]) -> Result<()> {
    let cluster = Cluster::start(&bench.folder().join("slurm"), NODES, 1).context("cannot start Slurm")?;
    let mut table = Table::aligned_right(&[0, 1, 2, 3, 4]);
    table.row([&"segments", &"wall s", &"speed-up", &"efficiency", &"empty jobs, wall s"]);
    for (count, serial) in COUNTS.into_iter().zip(serial) {
        let frames = (count * FRAMES).to_string();
        let plan = format!("slurm{count}.json");
        let words = ["plan", "scale.y4m", "-o", &plan, "--frames", &frames];
        measure(bench.nvl(&words).args(CODING))?;
        let words = ["submit", &plan, "--engine", "slurm", "-o", "slurm.nvl", "-y"];
        let mut submit = cluster.command(bench.nvl(&[]).get_program());
        submit.args(words).current_dir(bench.folder());
        let started = Instant::now();
        measure(&mut submit)?;
        cluster.wait_until_idle(LIMIT)?;
        let wall = started.elapsed().as_secs_f64();
        let speed_up = serial.wall / wall;
        let workers = count.min(NODES) as f64;
        table.row([
            &count,
            &format!("{wall:.2}"),
            &format!("{speed_up:.2}"),
            &format!("{:.0} %", 100.0 * speed_up / workers),
            &format!("{:.2}", empty_jobs(bench, &cluster, count)?),
        ]);
    }
    let same = fs::read(bench.folder().join("slurm.nvl"))? == fs::read(bench.folder().join("scale.nvl"))?;
    ensure!(same, "the file of the cluster is not the file of the local encode");
    println!(
        "On a Slurm of {NODES} nodes with one core each on this machine, from `nvl submit` to the file, which is the local encode's \
         byte for byte. Speed-up over the encode on one core above, efficiency for each node that has a segment; beside it what \
         Slurm takes for so many jobs that do nothing and one after them:\n\n{table}"
    );
    Ok(())
}

/// What Slurm takes for an array of jobs that do nothing, and one after them: seconds on the wall.
fn empty_jobs(bench: &Bench, cluster: &Cluster, count: usize) -> Result<f64> {
    let started = Instant::now();
    let submit = |options: &[String]| -> Result<String> {
        let mut sbatch = cluster.command("sbatch");
        sbatch.args(["--parsable", "--wrap=true", "--output=/dev/null"]).args(options).current_dir(bench.folder());
        let output = sbatch.output().context("cannot run sbatch")?;
        ensure!(output.status.success(), "sbatch: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let array = submit(&[format!("--array=0-{}", count - 1)])?;
    submit(&[format!("--dependency=afterany:{array}")])?;
    cluster.wait_until_idle(LIMIT)?;
    Ok(started.elapsed().as_secs_f64())
}
