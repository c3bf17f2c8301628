//! Every command of this repository that a document shows is one that there is.

use clap::Parser;
use nvl_tests::documents::{blocks, ours, programs};

use crate::Cli;

#[test]
fn documents_show_commands_that_there_are() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for block in blocks() {
        for (line, command) in &block.commands {
            for program in programs(command) {
                let Some(arguments) = ours(&program) else { continue };
                count += 1;
                let words = std::iter::once("cargo xtask").chain(arguments.iter().map(String::as_str));
                if let Err(error) = Cli::try_parse_from(words)
                    && error.use_stderr()
                {
                    wrong.push(format!("{}:{line}: {command}\n{error}", block.document.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 20, "only {count} commands were found");
}
