//! The command line of `nvl`, which `cargo xtask` shares.

mod args;
mod bar;
mod completions;
mod decode;
mod encode;
mod encode_segment;
mod estimate;
mod failure;
mod fit_device;
mod info;
mod interrupt;
mod mux;
mod plan;
mod play;
mod report;
mod scale;
mod submit;
mod table;

pub use args::{CodingArgs, Command, DecodeArgs, EffortName, EncodeArgs, InfoArgs, LevelName, MetricName, SourceArgs};
pub use bar::Progress;
pub use completions::CompletionsArgs;
pub use encode::{Encoded, encode_clip};
pub use encode_segment::EncodeSegmentArgs;
pub use estimate::EstimateArgs;
pub use failure::{Usage, finish};
pub use interrupt::install as install_interrupt_handler;
pub use mux::MuxArgs;
pub use plan::PlanArgs;
pub use play::PlayArgs;
pub use report::ReportArgs;
pub use scale::Scale;
pub use submit::{Engine, SubmitArgs};
pub use table::{Table, grouped};

use std::process::ExitCode;

use clap::Parser;

/// Neural video for small machines.
///
/// Encodes a clip by fitting a small neural network and its latents to it, and decodes it with integers only, exactly
/// as a microcontroller does.
#[derive(Debug, Parser)]
#[command(name = "nvl", version, max_term_width = 100, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Runs `nvl` with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    finish(Cli::parse().command.run())
}

impl Command {
    /// Does what the arguments say.
    ///
    /// # Errors
    /// With a message in one line that names the cause and the mend; [`finish`] prints it.
    pub fn run(&self) -> anyhow::Result<()> {
        interrupt::install();
        match self {
            Self::Encode(args) => encode::run(args),
            Self::Estimate(args) => estimate::run(args),
            Self::Decode(args) => decode::run(args),
            Self::Info(args) => info::run(args),
            Self::Plan(args) => plan::run(args),
            Self::EncodeSegment(args) => encode_segment::run(args),
            Self::Mux(args) => mux::run(args),
            Self::Submit(args) => submit::run(args),
            Self::Play(args) => play::run(args),
            Self::Report(args) => report::run(args),
            Self::Completions(args) => completions::run(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
