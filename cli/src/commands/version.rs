//! `katonic version`: this program's, and whether it fits the platform's.

use clap::Args;
use serde_json::json;

use crate::{
    compatibility::{Fit, OWN},
    config,
    exit::Exit,
    failure::{Explain, Failure},
    identity::Identity,
    output::{self, Output},
};

const AFTER_HELP: &str = "\
A program fits a platform of the same major version whose minor version is not lower; before
1.0, one of the same minor version. Exit code 3: the two do not fit. No token is needed.

Examples:
  katonic version
  katonic version --check
  katonic version --check --url http://127.0.0.1:7400 --output json";

/// Arguments of `version`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct VersionArgs {
    /// Compare with the platform, and end with 3 where the two do not fit.
    #[arg(long)]
    check: bool,
}

/// The platform's version cannot be compared.
#[derive(Debug, thiserror::Error)]
#[error("`{0}`, as the platform gives it, is no version")]
struct NoVersion(String, #[source] semver::Error);

impl Explain for NoVersion {
    fn next_step(&self) -> String {
        "ask whoever runs the platform which version it has".to_owned()
    }
}

/// Prints the version of this program, or compares it with the platform's.
pub async fn run(args: VersionArgs, url: Option<&str>, output: Output) -> Result<Exit, Failure> {
    if args.check {
        return check(&config::url(url)?, output).await;
    }
    if output.is_json() {
        output.document(&json!({ "version": OWN }))?;
    } else {
        output::print(&format!("katonic {OWN}\n"))?;
    }
    Ok(Exit::OK)
}

async fn check(url: &str, output: Output) -> Result<Exit, Failure> {
    let platform = Identity::of(url).await?.version;
    let fit = Fit::with_platform(&platform).map_err(|error| NoVersion(platform.clone(), error))?;
    let compatible = fit == Fit::Fits;
    if output.is_json() {
        let seen = json!({ "url": url, "version": platform });
        output.document(&json!({ "version": OWN, "platform": seen, "compatible": compatible }))?;
    } else {
        output::print(&format!("katonic {OWN}\nplatform {platform} at {url}\n{}\n", verdict(fit)))?;
    }
    Ok(if compatible { Exit::OK } else { Exit::INCOMPATIBLE })
}

const fn verdict(fit: Fit) -> &'static str {
    match fit {
        Fit::Fits => "they fit",
        Fit::PlatformIsOlder => "they do not fit: upgrade the platform, or use an older `katonic`",
        Fit::ProgramIsOlder => "they do not fit: use a newer `katonic`",
    }
}
