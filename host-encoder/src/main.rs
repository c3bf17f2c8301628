//! `nvl`: encode, decode and look at neural video.

use std::process::ExitCode;

fn main() -> ExitCode {
    host_encoder::cli::main()
}
