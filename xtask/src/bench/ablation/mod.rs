//! `bench ablation`: what each part of the codec brings.

mod arithmetic;
mod clock;
mod contexts;
mod curves;
mod emptiness;
mod encodes;
mod variants;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use host_encoder::cli::{EffortName, LevelName};
use host_encoder::settings::{Ablation, EncodeSettings};

use super::clips::{lambda, sources};
use encodes::{Encodes, Subject};
use variants::Variant;

/// Arguments of `bench ablation`.
#[derive(Args, Debug)]
#[command(after_help = "\
Prints in Markdown. Encodes are kept in target/bench/ablation/: those of the same clip, settings and program
are not made again. `emptiness` leaves files there, NAME-LAMBDA-flags-LEVELS.nvl, for `cargo xtask run`.

Examples:
  cargo xtask bench ablation contexts emptiness --frames 8
  cargo xtask bench ablation motion --clips clip.y4m --lambdas 30,90,270,810 --effort normal")]
pub struct AblationArgs {
    /// What to measure [default: all]
    #[arg(value_name = "ROW", value_enum)]
    rows: Vec<Row>,
    /// Clips, or folders whose .y4m files are meant [default: the demo's clip]
    #[arg(long, value_name = "DIR|FILE", num_args = 1..)]
    clips: Vec<PathBuf>,
    /// The first N frames of each clip
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(2..))]
    frames: u16,
    /// Level of the encodes
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = LevelName::Micro)]
    level: LevelName,
    /// How long to fit
    #[arg(long, value_name = "EFFORT", value_enum, default_value_t = EffortName::Draft)]
    effort: EffortName,
    /// Weights of the rate in D + lambda x bits/pixel, three or more for figures to be trusted
    #[arg(long, value_name = "LAMBDAS", value_delimiter = ',', default_values_t = [30.0, 90.0, 270.0, 810.0],
        value_parser = lambda)]
    lambdas: Vec<f64>,
}

/// Something that is left out or put in the place of something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Row {
    /// Prediction from both sides against that from the picture before
    BothSides,
    /// The octree's context against a raster context of the same size and static distributions, on the same latents
    Contexts,
    /// Flags of the octree for nodes that are empty
    Emptiness,
    /// Integers against real numbers in the decoder
    FixedPoint,
    /// Several grids against one
    Grids,
    /// All grids at the last stage against each at its own
    Injection,
    /// Luma that is smoothed where a residual was added
    LoopFilter,
    /// Prediction from other pictures
    Motion,
    /// Motion that is chosen by the context model's bits against a guess of them
    MotionBits,
    /// Integer latents that are tried, one more and one less, against those that the fit ends with
    Rdoq,
    /// Rounding while fitting against rounding after it
    Rounding,
    /// Blocks that may be split against blocks with one vector each
    Splits,
}

/// Encodes what is needed and prints the tables.
pub fn run(args: &AblationArgs) -> Result<()> {
    let clips = sources(&args.clips)?.into_iter().map(|source| Ok((source.name(), source.read(args.frames)?)));
    let plain = EncodeSettings { level: args.level.into(), effort: args.effort.into(), ..EncodeSettings::default() };
    let subject = Subject { clips: clips.collect::<Result<_>>()?, lambdas: args.lambdas.clone(), settings: plain };
    let encodes = Encodes::open()?;
    let (level, effort) = (subject.settings.level.name(), subject.settings.effort.name());
    println!("At most {} frames, level {level}, effort {effort}.", args.frames);
    let all = Row::value_variants();
    for row in if args.rows.is_empty() { all } else { &args.rows } {
        print!("\n{}", table(*row, &subject, &encodes)?);
    }
    Ok(())
}

fn table(row: Row, subject: &Subject, encodes: &Encodes) -> Result<String> {
    let same = Variant::default();
    match row {
        Row::BothSides => {
            let variant = Variant { pyramid: 0, ..same };
            curves::table(subject, encodes, ["from both sides", "from the picture before"], variant)
        }
        Row::Contexts => contexts::table(subject, encodes),
        Row::Emptiness => emptiness::table(subject, encodes),
        Row::FixedPoint => arithmetic::table(subject, encodes),
        Row::Grids => {
            let variant = Variant { architecture: Some(variants::one_grid), ..same };
            curves::table(subject, encodes, ["several grids", "one grid"], variant)
        }
        Row::Injection => {
            let variant = Variant { architecture: Some(variants::injected), ..same };
            curves::table(subject, encodes, ["all at the last stage", "each at its own"], variant)
        }
        Row::LoopFilter => {
            let variant = Variant { loop_filter: false, ..same };
            curves::table(subject, encodes, ["with the loop filter", "without"], variant)
        }
        Row::Motion => {
            let variant = Variant { motion: false, ..same };
            curves::table(subject, encodes, ["with motion", "without"], variant)
        }
        Row::MotionBits => {
            let variant = Variant { ablation: Ablation { guessed_motion: true, ..same.ablation }, ..same };
            curves::table(subject, encodes, ["bits as they are coded", "a guess of them"], variant)
        }
        Row::Rdoq => {
            let variant = Variant { ablation: Ablation { without_rdoq: true, ..same.ablation }, ..same };
            curves::table(subject, encodes, ["tried", "as the fit ends"], variant)
        }
        Row::Rounding => {
            let variant = Variant { ablation: Ablation { rounds_afterwards: true, ..same.ablation }, ..same };
            curves::table(subject, encodes, ["rounded while fitting", "rounded afterwards"], variant)
        }
        Row::Splits => {
            let variant = Variant { architecture: Some(variants::whole_blocks), ..same };
            curves::table(subject, encodes, ["blocks that may be split", "whole blocks"], variant)
        }
    }
}
