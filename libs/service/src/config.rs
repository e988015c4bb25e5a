//! Configuration: one TOML file, each key overridable by an environment
//! variable `KATONIC_<SECTION>__<KEY>`, and that by `--set <section>.<key>=…`.
//!
//! ```text
//!  Flags ──> sources: file < environment < --set ──> read ──> the service's type
//!                       │                              └────> everything that is wrong
//!                       └── where each value is from ──> print
//! ```
//!
//! Unknown keys are refused with the nearest name, so that a typing error is
//! no silent default. A secret is held in [`Secret`], which nothing shows, and
//! no message quotes a value.

mod flags;
pub mod keys;
mod print;
mod read;
mod sections;
mod sources;

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

pub use flags::{Flags, Override, OverrideError};
pub use katonic_domain::secret::{HIDDEN, Secret};
pub use sections::{
    BrokerSection, InstallationSection, KeysSection, LogFormat, LogSection, PeersSection, RedisSection, SampleRatio,
    ServiceSection, TelemetrySection,
};
use sources::Sources;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not there.
    #[error("there is no configuration file {}", .0.display())]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("{} cannot be read", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Keys are missing or unknown, or values of the wrong type.
    #[error("{} is not valid:\n  {}", file.display(), problems.join("\n  "))]
    Invalid {
        /// Which.
        file: PathBuf,
        /// What is wrong, one sentence each.
        problems: Vec<String>,
    },
    /// File, environment and flags do not fit together.
    #[error("the configuration cannot be put together")]
    Merge(#[source] Box<figment::Error>),
    /// It cannot be shown.
    #[error("the configuration cannot be shown")]
    Print(#[source] toml::ser::Error),
    /// A peer that this service calls is not configured.
    #[error("[peers] {0} is not set")]
    Peer(&'static str),
}

/// What every service's configuration has.
pub trait Configuration: DeserializeOwned + Serialize {
    /// How it logs.
    fn log(&self) -> &LogSection;

    /// Where its spans go.
    fn telemetry(&self) -> &TelemetrySection;

    /// What is wrong with it that no type says, one sentence each.
    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads what a command line names.
///
/// # Errors
/// A file that is missing or not valid, or a secret in a flag.
pub fn load<C: Configuration>(flags: &Flags) -> Result<C, Error> {
    loaded(flags).map(|(config, _)| config)
}

/// As [`load`], rendered for people: each value with where it is from, secrets hidden.
///
/// # Errors
/// As [`load`].
pub fn shown<C: Configuration>(flags: &Flags) -> Result<String, Error> {
    let (config, sources) = loaded::<C>(flags)?;
    print::print(&config, &sources)
}

fn loaded<C: Configuration>(flags: &Flags) -> Result<(C, Sources<'_>), Error> {
    let sources = Sources::open(&flags.config, &flags.set)?;
    let config: C = read::read(&sources)?;
    let problems = [config.problems(), print::secrets_in_flags(&config, &sources)?].concat();
    if problems.is_empty() {
        Ok((config, sources))
    } else {
        Err(Error::Invalid { file: flags.config.clone(), problems })
    }
}

/// Reads a configuration file; the environment overrides it key by key.
///
/// # Errors
/// A missing file; a key that is missing, unknown or of the wrong type.
pub fn load_file<C: DeserializeOwned>(file: &Path) -> Result<C, Error> {
    read::read(&Sources::open(file, &[])?)
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's jail wants its error")]
mod tests;
