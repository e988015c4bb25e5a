//! `katonic man`: manual pages, made from the same words as `--help`.

use std::{fs, io, path::PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use crate::{
    args::Cli,
    exit::Exit,
    failure::{Explain, Failure},
    output::{self, Output},
};

const AFTER_HELP: &str = "\
Examples:
  katonic man | man -l -
  katonic man --dir ~/.local/share/man/man1 && man katonic-run";

/// Arguments of `man`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ManArgs {
    /// Write a page for each command into this folder, made if need be, instead of printing the first one.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The pages cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the manual pages to {}", folder.display())]
struct NotWritten {
    folder: PathBuf,
    #[source]
    source: io::Error,
}

impl Explain for NotWritten {
    fn next_step(&self) -> String {
        "name a folder that you may write by --dir".to_owned()
    }
}

/// Prints the manual page of `katonic`, or writes those of all commands.
pub fn run(args: ManArgs, output: Output) -> Result<Exit, Failure> {
    let Some(folder) = args.dir else {
        let mut page = Vec::new();
        // Writing to memory cannot fail.
        let _ = Man::new(Cli::command()).render(&mut page);
        output::bytes(&page)?;
        return Ok(Exit::OK);
    };
    let written = fs::create_dir_all(&folder).and_then(|()| clap_mangen::generate_to(Cli::command(), &folder));
    written.map_err(|source| NotWritten { folder: folder.clone(), source })?;
    output.notice(&format!("the manual pages are in {}", folder.display()));
    Ok(Exit::OK)
}
