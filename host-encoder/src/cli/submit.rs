//! `submit`.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};

use super::encode_segment::folder;
use crate::io::check_target;
use crate::jobs::Plan;
use crate::jobs::submit::{Jobs, quoted_text};

/// Arguments of `submit`.
#[derive(Args, Debug)]
#[command(after_help = "\
Slurm runs the jobs: one for each segment that is not finished, and one after them that makes the file, or says what is missing.
After failures run it again. Of the other engines it prints the script or the manifest. The plan, the clip, the folder and nvl itself have to be under the same paths on every machine.

Examples:
  nvl submit plan.json --engine slurm -o clip.nvl -- --partition=batch --time=8:00:00
  nvl submit plan.json --engine slurm -o clip.nvl --dry-run
  nvl submit plan.json --engine parallel -o clip.nvl | sh
  nvl submit plan.json --engine kubernetes -o clip.nvl | kubectl apply -f -")]
pub struct SubmitArgs {
    /// The plan
    #[arg(value_name = "PLAN.json")]
    pub plan: PathBuf,
    /// What runs the jobs
    #[arg(long, value_name = "ENGINE", value_enum)]
    pub engine: Engine,
    /// The file to write
    #[arg(short, long, value_name = "OUT.nvl")]
    pub output: PathBuf,
    /// Replace the output if it exists
    #[arg(short = 'y', long = "overwrite")]
    pub overwrite: bool,
    /// The folder of the segments [default: the plan's name with .segments]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Cores of a job
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: u16,
    /// Memory of a job in MiB [default: by the plan]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    pub memory: Option<u64>,
    /// The program on the machines that run the jobs [default: this one]
    #[arg(long, value_name = "NVL")]
    pub program: Option<PathBuf>,
    /// Print what would be submitted
    #[arg(long)]
    pub dry_run: bool,
    /// Options for sbatch
    #[arg(last = true, value_name = "OPTIONS")]
    pub options: Vec<String>,
}

/// What runs jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Slurm: a job array, and a job that depends on it
    Slurm,
    /// GNU parallel: a script
    Parallel,
    /// HyperQueue: a script
    Hyperqueue,
    /// Kubernetes: the manifest of an indexed Job
    Kubernetes,
}

pub(super) fn run(args: &SubmitArgs) -> Result<()> {
    let plan = Plan::read(&args.plan)?;
    check_target(&args.output, args.overwrite)?;
    let program = match &args.program {
        Some(program) => program.clone(),
        None => std::env::current_exe().context("cannot find out where this program is: name it with --program")?,
    };
    let folder = folder(args.folder.as_ref(), &args.plan);
    let mut jobs = Jobs::new(&plan, &args.plan, &folder, &args.output, &program);
    jobs.overwrite = args.overwrite;
    jobs.threads = args.threads.into();
    jobs.memory_mib = args.memory.unwrap_or(jobs.memory_mib);
    let text = match args.engine {
        Engine::Slurm if args.dry_run => {
            let show = |(options, script): (Vec<String>, String)| {
                let words: Vec<String> = options.iter().map(|option| quoted_text(option)).collect();
                format!("sbatch {} <<'END'\n{script}END\n", words.join(" "))
            };
            match jobs.unfinished.is_empty() {
                true => show(jobs.slurm_mux(None, &args.options)),
                false => show(jobs.slurm_array(&args.options)) + &show(jobs.slurm_mux(Some("JOB"), &args.options)),
            }
        }
        Engine::Slurm => return slurm(&jobs, &args.options),
        Engine::Parallel => jobs.parallel(),
        Engine::Hyperqueue => jobs.hyperqueue(),
        Engine::Kubernetes => jobs.kubernetes(),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn slurm(jobs: &Jobs, options: &[String]) -> Result<()> {
    // Slurm does not make the folder of its logs.
    fs::create_dir_all(&jobs.folder).with_context(|| format!("cannot make the folder {}", jobs.folder.display()))?;
    if jobs.unfinished.is_empty() {
        let mux = sbatch(jobs.slurm_mux(None, options))?;
        println!("all {} segments are there; job {mux}: {}", jobs.segments, jobs.output.display());
        return Ok(());
    }
    let array = sbatch(jobs.slurm_array(options))?;
    let mux = sbatch(jobs.slurm_mux(Some(&array), options)).map_err(|error| {
        anyhow!(
            "the segments are job {array}, but the job after them was not taken: {error}; run by hand: {}",
            jobs.mux_command()
        )
    })?;
    let (unfinished, segments) = (jobs.unfinished.len(), jobs.segments);
    println!("job {array}: {unfinished} of {segments} segments, then job {mux}: {}", jobs.output.display());
    println!("watch it with `squeue -j {array},{mux}`; logs are in {}", jobs.folder.display());
    Ok(())
}

/// Submits a script; returns the job's number.
fn sbatch((options, script): (Vec<String>, String)) -> Result<String> {
    let mut command = Command::new("sbatch");
    command.args(&options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => anyhow!("there is no sbatch here: run this where Slurm is, or see --dry-run"),
        _ => anyhow!("cannot run sbatch: {error}"),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(script.as_bytes()).context("cannot hand the script to sbatch")?;
    }
    let output = child.wait_with_output().context("cannot run sbatch")?;
    if !output.status.success() {
        bail!("sbatch refused it: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    // `number` or `number;cluster`.
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim().split(';').next().unwrap_or_default().to_owned())
}
