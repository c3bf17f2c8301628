//! `completions`.

use std::io::{self, Write};

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Arguments of `completions`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nvl completions bash > ~/.local/share/bash-completion/completions/nvl
  nvl completions zsh > ~/.zfunc/_nvl
  nvl completions fish > ~/.config/fish/completions/nvl.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "nvl", &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}
