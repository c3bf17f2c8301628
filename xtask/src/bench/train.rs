//! `bench train`: what a training step costs, part by part, against the machine's own peak.

use anyhow::Result;
use clap::{Args, ValueEnum};
use host_encoder::autodiff::ProfileRow;
use host_encoder::autodiff::kernels::{measure_peak, measure_row_gemm, measure_row_outer};
use host_encoder::cli::{LevelName, Table};
use host_encoder::frame::Clip;
use host_encoder::sample::{SampleSettings, sample_clip};
use host_encoder::settings::EncodeSettings;
use host_encoder::train::{StepCost, measure_steps};

/// Inputs, outputs and filter size of the convolutions that the presets have at most pixels.
const SHAPES: [(usize, usize, usize); 7] =
    [(6, 20, 1), (20, 6, 1), (6, 40, 1), (40, 6, 1), (6, 6, 3), (6, 48, 3), (1, 1, 3)];

/// Rows in a call of the kernel for weight gradients, as convolutions use it.
const ROWS: usize = 4;

/// Arguments of `bench train`.
#[derive(Args, Debug)]
pub struct TrainArgs {
    /// Frames of the demo's clip
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    frames: u16,
    /// Size of its pictures
    #[arg(long, value_name = "WxH", default_value = "176x144", value_parser = size)]
    size: (usize, usize),
    /// Levels to measure
    #[arg(long, value_name = "LEVEL", value_enum, default_values_t = [LevelName::Micro])]
    level: Vec<LevelName>,
    /// Numbers of threads to measure with
    #[arg(long, value_name = "N", default_values_t = [1, 2])]
    threads: Vec<usize>,
    /// Steps to measure; each part counts as in the fastest
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    steps: u16,
    /// Measure the kernels of the convolutions too
    #[arg(long)]
    kernels: bool,
}

/// Prints the tables.
pub fn run(args: &TrainArgs) -> Result<()> {
    let (width, height) = args.size;
    let sample = SampleSettings { width, height, frames: args.frames.into(), ..SampleSettings::default() };
    let clip = sample_clip(&sample);
    println!("{width}x{height}, {} frames, {} steps, on this machine", args.frames, args.steps);
    for &threads in &args.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        pool.install(|| {
            if args.kernels && threads == 1 {
                kernels(width / 2, height / 2);
            }
            for &level in &args.level {
                let name = level.to_possible_value().map(|name| name.get_name().to_owned()).unwrap_or_default();
                step(&clip, args, level, &format!("{name}, {threads} threads"));
            }
        });
    }
    Ok(())
}

/// The row kernels on planes that stay in the cache.
fn kernels(width: usize, height: usize) {
    let mut table = Table::aligned_right(&[1, 2, 3, 4]);
    table.row([&"convolution", &"forward GFLOP/s", &"of peak", &"weights GFLOP/s", &"of peak"]);
    let peak = measure_peak();
    for (inputs, outputs, size) in SHAPES {
        let forward = measure_row_gemm(inputs, outputs, size, width, height);
        let weights = measure_row_outer(inputs, outputs, size, width, height, ROWS);
        table.row([
            &format!("{size}x{size}, {inputs} to {outputs}"),
            &giga(forward),
            &percent(forward / peak),
            &giga(weights),
            &percent(weights / peak),
        ]);
    }
    println!("\nkernels, 1 thread, peak {} GFLOP/s\n{table}", giga(peak));
}

fn step(clip: &Clip, args: &TrainArgs, level: LevelName, title: &str) {
    let settings = EncodeSettings { level: level.into(), ..EncodeSettings::default() };
    // The machine may do other things in one of the two moments.
    let peak = measure_peak();
    let cost = measure_steps(clip, &settings, args.steps.into());
    let peak = peak.max(measure_peak());
    println!("\n{title}, peak {} GFLOP/s", giga(peak));
    print!("{}", parts(&cost, clip.frames.len(), peak));
    for (what, seconds) in [("fastest", cost.seconds), ("processor time", cost.processor_seconds)] {
        let speed = cost.flops as f64 / seconds;
        println!(
            "step, {what}: {:.2} ms, {:.3} ms a frame, {} GFLOP/s, {} of peak; 1000 steps: {:.1} s",
            1e3 * seconds,
            1e3 * seconds / clip.frames.len() as f64,
            giga(speed),
            percent(speed / peak),
            1e3 * seconds,
        );
    }
}

fn parts(cost: &StepCost, frames: usize, peak: f64) -> Table {
    let sum: f64 = cost.parts.iter().map(|part| part.seconds).sum();
    let mut table = Table::aligned_right(&[2, 3, 4, 5, 6]);
    table.row([&"part", &"pass", &"calls", &"us/frame", &"of all", &"GFLOP/s", &"of peak"]);
    let mut rows: Vec<&ProfileRow> = cost.parts.iter().collect();
    rows.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    for row in rows {
        let speed = row.flops as f64 / row.seconds;
        let pass = if row.backward { "backward" } else { "forward" };
        table.row([
            &row.name,
            &pass,
            &row.calls,
            &format!("{:.1}", 1e6 * row.seconds / frames as f64),
            &percent(row.seconds / sum),
            &giga(speed),
            &percent(speed / peak),
        ]);
    }
    table
}

fn giga(value: f64) -> String {
    format!("{:.1}", value / 1e9)
}

fn percent(part: f64) -> String {
    format!("{:.1} %", 100.0 * part)
}

/// `WxH`, both at least 8.
fn size(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match parsed {
        Some((width, height)) if width >= 8 && height >= 8 => Ok((width, height)),
        _ => Err("it has to be like 176x144".into()),
    }
}
