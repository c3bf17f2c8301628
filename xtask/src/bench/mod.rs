//! `bench`: measurements.

mod ablation;
mod clips;
mod decode;
mod encode;
mod rd;
mod scaling;
mod train;

use anyhow::Result;
use clap::Subcommand;
use host_encoder::cli::install_interrupt_handler;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// What each part of the codec brings: with it, without it, at equal quality
    Ablation(ablation::AblationArgs),
    /// Instructions, memory and estimated speed of decoding on every emulated microcontroller
    Decode(decode::DecodeArgs),
    /// Time, size and quality of every level on the demo's clip
    Encode(encode::EncodeArgs),
    /// Rate and distortion of every level against ffmpeg's codecs
    Rd(rd::RdArgs),
    /// What segments cost, and what many at a time give on one machine and on a cluster
    Scaling(scaling::ScalingArgs),
    /// Speed of a training step, part by part, against the machine's own peak
    Train(train::TrainArgs),
}

/// Measures.
pub fn run(command: &BenchCommand) -> Result<()> {
    install_interrupt_handler();
    match command {
        BenchCommand::Ablation(args) => ablation::run(args),
        BenchCommand::Decode(args) => decode::run(args),
        BenchCommand::Encode(args) => encode::run(args),
        BenchCommand::Rd(args) => rd::run(args),
        BenchCommand::Scaling(args) => scaling::run(args),
        BenchCommand::Train(args) => train::run(args),
    }
}
