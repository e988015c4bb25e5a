//! `katonic params`: what this folder declares.

use clap::Args;
use serde_json::json;

use super::run::current_folder;
use crate::{
    exit::Exit,
    failure::Failure,
    output::{self, Output, table},
    parameters::{self, Declared},
};

const AFTER_HELP: &str = "\
`katonic run` and `schedules create` hold what is given by --param against them before anything is
sent, and give the defaults of the others. Without the file, or without `[params]` in it, they take
any parameter.

Examples:
  katonic params
  katonic params --output json | jq '.params | keys'";

/// Arguments of `params`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ParamsArgs {}

/// Lists what the folder that one stands in declares.
pub fn run(output: Output) -> Result<Exit, Failure> {
    let declared = parameters::of_folder(&current_folder()?)?;
    if output.is_json() {
        output.document(&json!({ "params": declared }))?;
    } else {
        output::print(&human(declared.as_ref()))?;
    }
    Ok(Exit::OK)
}

fn human(declared: Option<&Declared>) -> String {
    let Some(declared) = declared else {
        return "This folder declares no parameters: any are taken.\n".to_owned();
    };
    let rows = declared.all().map(|(name, parameter)| {
        let default = parameter.default.clone().unwrap_or_else(|| "must be given".to_owned());
        [name.clone(), parameter.kind.to_string(), default, parameter.help.clone()]
    });
    table(["NAME", "VALUE", "DEFAULT", "HELP"], rows.collect(), "This folder takes no parameters.")
}
