//! Everything that a person does in this repository: `cargo xtask --help`.

mod bench;
mod c_library;
mod ci;
mod clips;
mod conformance;
mod demo;
#[cfg(test)]
mod documents;
mod flash;
mod fuzz;
mod no_panic;
mod run;
mod setup;
mod shell;
mod tables;
mod test;
mod train_prior;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use host_encoder::cli::{Command, finish};

/// The tasks of this repository, and the codec.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "\
Start with:
  cargo xtask demo   encode a clip of our own and look at the result
  cargo xtask test   run every check")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Make a clip, encode it, decode it with the integer decoder, and show how it looks
    Demo(demo::DemoArgs),
    /// Run every check: formatting, lints, tests
    Test,
    /// Measure the codec: time and size of every level, or rate and distortion against other codecs
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Play a clip on an emulated microcontroller and compare it with the host, picture by picture
    Run(run::RunArgs),
    /// Build the browser player and serve it on localhost
    Web(web::WebArgs),
    /// Build the player for a real board with a clip, and flash it or say how
    Flash(flash::FlashArgs),
    /// Decode the golden vectors on every kind of machine and compare
    Conformance(conformance::ConformanceArgs),
    /// Look for bytes that break the decoder, with libFuzzer
    Fuzz(fuzz::FuzzArgs),
    /// Flip every bit of every golden vector, and cut each to every length
    Hostile,
    /// Measure which lines of the decoder its tests reach
    Coverage,
    /// Make every check: `test`, no panics, Miri, damage, licences, documentation, coverage, conformance
    Ci(ci::CiArgs),
    /// Prove that nothing in the decoder can panic on a microcontroller
    NoPanic,
    /// Build the decoder as a static library for C
    CLibrary(c_library::LibraryArgs),
    /// Write the decoder's probability tables anew
    Tables,
    /// Train the generic weights that fits of a level begin with
    TrainPrior(train_prior::PriorArgs),
    /// Install what the other tasks need, and say what is optional
    Setup,
    #[command(flatten)]
    Codec(Box<Command>),
}

fn main() -> ExitCode {
    finish(match Cli::parse().task {
        Task::Demo(args) => demo::run(&args),
        Task::Test => test::run(),
        Task::Bench(command) => bench::run(&command),
        Task::Run(args) => run::run(&args),
        Task::Web(args) => web::run(&args),
        Task::Flash(args) => flash::run(&args),
        Task::Conformance(args) => conformance::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Hostile => ci::hostile(),
        Task::Coverage => ci::coverage(),
        Task::Ci(args) => ci::run(&args),
        Task::NoPanic => no_panic::run(),
        Task::CLibrary(args) => c_library::run(&args),
        Task::Tables => tables::run(),
        Task::TrainPrior(args) => train_prior::run(&args),
        Task::Setup => setup::run(),
        Task::Codec(command) => command.run(),
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
