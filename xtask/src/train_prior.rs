//! `train-prior`: generic weights that fits of a level can begin with, and what they gain.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use decoder_core::Level;
use decoder_core::wire::Geometry;
use host_encoder::cli::{EffortName, LevelName, Progress, Table, grouped, install_interrupt_handler};
use host_encoder::frame::Clip;
use host_encoder::io::{ClipRange, Input, OutputFile, check_target, read_clip};
use host_encoder::progress::Observer;
use host_encoder::sample::{SampleSettings, sample_clip};
use host_encoder::settings::EncodeSettings;
use host_encoder::train::{Parameters, PriorTraining, architecture, cost_from, train_prior};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{clips, shell};

/// The lambdas between which a level's architectures are looked for, and the ratio of two neighbours.
const LAMBDAS: (f64, f64, f64) = (15.0, 1000.0, 1.5);

/// Arguments of `train-prior`.
#[derive(Args, Debug)]
#[command(after_help = "\
The project's own clip is always among those that are trained on. Beside the weights a .json says
what they were trained on. The same clips, rounds and seed give the same file on a machine.

Example:
  cargo xtask train-prior clips/ --level nano --evaluate other.y4m")]
pub struct PriorArgs {
    /// Clips, or folders whose .y4m files are meant: none that anything is measured on
    #[arg(value_name = "CLIPS")]
    clips: Vec<PathBuf>,
    /// The level whose architectures get weights
    #[arg(long, value_name = "LEVEL", value_enum)]
    level: LevelName,
    /// Rounds of four fits for each architecture
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Start of the random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Clips to fit with these weights and with random ones: none that they are trained on
    #[arg(long, value_name = "CLIPS", num_args = 1..)]
    evaluate: Vec<PathBuf>,
    /// The first N frames of each of these
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    frames: u16,
    /// How long to fit these
    #[arg(long, value_name = "EFFORT", value_enum, default_value_t = EffortName::Draft)]
    effort: EffortName,
    /// Where to write [default: target/priors/LEVEL.prior, and LEVEL.json beside it]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What stands beside the weights.
#[derive(Serialize)]
struct Account<'a> {
    level: &'a str,
    seed: u64,
    rounds: u16,
    /// Lambdas of each architecture, in the order of the weights.
    lambdas: &'a [Vec<f64>],
    clips: &'a [Material],
    sha256: String,
}

#[derive(Serialize)]
struct Material {
    name: String,
    frames: usize,
    sha256: String,
}

/// Trains and writes.
pub fn run(args: &PriorArgs) -> Result<()> {
    install_interrupt_handler();
    let level = Level::from(args.level);
    let weights = match &args.output {
        Some(output) => output.clone(),
        None => shell::root().join(format!("target/priors/{}.prior", level.name())),
    };
    ensure!(weights.extension().is_none_or(|e| e != "json"), "{} would be the account of itself", weights.display());
    let account = weights.with_extension("json");
    if let (None, Some(folder)) = (&args.output, weights.parent()) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    for output in [&weights, &account] {
        check_target(output, true)?;
    }
    let held_out = clips::files(&args.evaluate)?;
    let (materials, clips) = read(&clips::files(&args.clips)?)?;
    let classes = classes(level);
    let mut priors: Vec<Parameters> = vec![];
    for lambdas in &classes {
        let settings = settings(level, lambdas[0], args.seed);
        let training = PriorTraining { clips: &clips, settings: &settings, lambdas, rounds: args.rounds.into() };
        println!("{} for lambda {:.0} to {:.0}", level.name(), lambdas[0], lambdas[lambdas.len() - 1]);
        let mut progress = Progress::new(false);
        progress.phase("training");
        priors.push(train_prior(&training, &mut progress)?);
    }
    let bytes = Parameters::to_bytes(&priors);
    let sha256 = hex(&bytes);
    let (seed, rounds) = (args.seed, args.rounds);
    let account_of =
        Account { level: level.name(), seed, rounds, lambdas: &classes, clips: &materials, sha256: sha256.clone() };
    write(&weights, &bytes)?;
    write(&account, (serde_json::to_string_pretty(&account_of)? + "\n").as_bytes())?;
    let parameters: usize = priors.iter().map(Parameters::count).sum();
    println!(
        "{}: {} numbers of {} architectures, {} bytes, sha256 {sha256}",
        weights.display(),
        grouped(parameters as u64),
        priors.len(),
        grouped(bytes.len() as u64)
    );
    if held_out.is_empty() { Ok(()) } else { evaluate(args, &held_out, &classes, &priors) }
}

/// Fits clips from random weights and from these, and prints the costs.
fn evaluate(args: &PriorArgs, files: &[PathBuf], classes: &[Vec<f64>], priors: &[Parameters]) -> Result<()> {
    let mut table = Table::aligned_right(&[1, 2, 3, 4]);
    table.row([&"clip", &"lambda", &"J, random", &"J, prior", &"change"]);
    for file in files {
        let clip = read_clip(&Input::File(file.clone()), ClipRange { skip: 0, frames: Some(args.frames.into()) })?.clip;
        let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
        for (lambdas, prior) in classes.iter().zip(priors) {
            let lambda = lambdas[lambdas.len() / 2];
            let settings =
                EncodeSettings { effort: args.effort.into(), ..settings(args.level.into(), lambda, args.seed) };
            let random = cost_from(&clip, &settings, None)?;
            let begun = cost_from(&clip, &settings, Some(prior))?;
            let change = format!("{:+.1} %", 100.0 * (begun / random - 1.0));
            table.row([&name, &format!("{lambda:.0}"), &format!("{random:.2}"), &format!("{begun:.2}"), &change]);
        }
    }
    print!("\n{table}");
    Ok(())
}

fn settings(level: Level, lambda: f64, seed: u64) -> EncodeSettings {
    EncodeSettings { level, lambda, seed, ..EncodeSettings::default() }
}

/// Lambdas in groups that have one architecture, at a size for which every level has memory enough: where it has not, channels may be fewer.
fn classes(level: Level) -> Vec<Vec<f64>> {
    let (first, last, ratio) = LAMBDAS;
    let geometry = Geometry::new(176, 144);
    let lambdas =
        std::iter::successors(Some(first), |lambda| Some(lambda * ratio)).take_while(|&lambda| lambda <= last);
    let mut classes: Vec<Vec<f64>> = vec![];
    for lambda in lambdas {
        let of = |lambda| architecture(&settings(level, lambda, 0), geometry);
        match classes.last_mut() {
            Some(class) if of(class[0]) == of(lambda) => class.push(lambda),
            _ => classes.push(vec![lambda]),
        }
    }
    classes
}

/// The clips of files, the project's own first.
fn read(files: &[PathBuf]) -> Result<(Vec<Material>, Vec<Clip>)> {
    let own = sample_clip(&SampleSettings::default());
    let mut materials = vec![material("the project's own clip".into(), &own)];
    let mut clips = vec![own];
    for file in files {
        let clip = read_clip(&Input::File(file.clone()), ClipRange { skip: 0, frames: None })?.clip;
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        materials.push(material(name, &clip));
        clips.push(clip);
    }
    Ok((materials, clips))
}

/// A clip by its samples: containers differ.
fn material(name: String, clip: &Clip) -> Material {
    let mut hash = Sha256::new();
    for frame in &clip.frames {
        frame.planes().into_iter().for_each(|plane| hash.update(plane));
    }
    Material { name, frames: clip.frames.len(), sha256: digits(&hash.finalize()) }
}

fn hex(bytes: &[u8]) -> String {
    digits(&Sha256::digest(bytes))
}

fn digits(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(target: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = OutputFile::create(target, true)?;
    file.write_all(bytes).with_context(|| format!("cannot write {}", target.display()))?;
    Ok(file.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_architecture_of_a_level_gets_weights_once() {
        for level in Level::ALL {
            let classes = classes(level);
            assert!(!classes.is_empty() && classes.concat().is_sorted());
            // Of another size.
            let of = |lambda: f64| architecture(&settings(level, lambda, 0), Geometry::new(160, 96));
            for pair in classes.windows(2) {
                assert_ne!(of(pair[0][0]), of(pair[1][0]), "{level:?}");
            }
            for class in &classes {
                assert!(class.iter().all(|&lambda| of(lambda) == of(class[0])), "{level:?}");
            }
        }
    }
}
