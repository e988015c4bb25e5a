//! `katonic completions`: a script that teaches a shell to complete our words.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{args::Cli, exit::Exit, failure::Failure, output};

const AFTER_HELP: &str = "\
Examples:
  source <(katonic completions bash)
  katonic completions zsh > ~/.zfunc/_katonic
  katonic completions fish > ~/.config/fish/completions/katonic.fish";

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct CompletionsArgs {
    /// The shell that will read it.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script of a shell.
pub fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "katonic", &mut script);
    output::bytes(&script)?;
    Ok(Exit::OK)
}
