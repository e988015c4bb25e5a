//! Configuration: one TOML file, parsed once, each key overridable by an
//! environment variable `KATONIC_<SECTION>__<KEY>`.
//!
//! Unknown keys are refused, so that a typing error is no silent default. A
//! secret is held in [`Secret`], which no log line shows.

mod secret;
mod sections;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use serde::de::DeserializeOwned;

pub use secret::Secret;
pub use sections::{
    BrokerSection, InstallationSection, KeysSection, LogFormat, LogSection, PeersSection, RedisSection, ServiceSection,
};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line is not `--config <file>`.
    #[error("usage: --config <file.toml>")]
    Usage,
    /// The file is not there.
    #[error("there is no configuration file {}", .0.display())]
    Missing(PathBuf),
    /// A key is missing, unknown or of the wrong type.
    #[error("the configuration is not valid")]
    Invalid(#[source] Box<figment::Error>),
    /// A peer that this service calls is not configured.
    #[error("[peers] {0} is not set")]
    Peer(&'static str),
}

/// Reads the configuration of a service whose only argument is `--config <file>`.
///
/// # Errors
/// Another command line, a missing file, or what [`load_file`] answers.
pub fn load<C: DeserializeOwned>(arguments: impl IntoIterator<Item = OsString>) -> Result<C, Error> {
    let mut arguments = arguments.into_iter().skip(1);
    let flag = arguments.next().ok_or(Error::Usage)?;
    let file = arguments.next().ok_or(Error::Usage)?;
    if flag != "--config" || arguments.next().is_some() {
        return Err(Error::Usage);
    }
    load_file(Path::new(&file))
}

/// Reads a configuration file; the environment overrides it key by key.
///
/// # Errors
/// A missing file; a key that is missing, unknown or of the wrong type.
pub fn load_file<C: DeserializeOwned>(file: &Path) -> Result<C, Error> {
    if !file.is_file() {
        return Err(Error::Missing(file.to_owned()));
    }
    // Only names with a section: KATONIC_HOME and such are not keys.
    let environment = Env::prefixed("KATONIC_").filter(|name| name.as_str().contains("__")).split("__");
    Figment::new()
        .merge(Toml::file_exact(file))
        .merge(environment)
        .extract()
        .map_err(|error| Error::Invalid(Box::new(error)))
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's jail wants its error")]
mod tests {
    use figment::Jail;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        service: ServiceSection,
        redis: RedisSection,
    }

    const FILE: &str = "[service]\nlisten = \"127.0.0.1:7001\"\n[redis]\nuri = \"redis://u:hunter2@h\"\n";

    fn load_text(jail: &mut Jail, text: &str) -> Result<Config, Error> {
        jail.create_file("c.toml", text).expect("a jail");
        load(["service", "--config", "c.toml"].map(OsString::from))
    }

    #[test]
    fn the_environment_overrides_the_file_and_other_variables_are_ignored() {
        Jail::expect_with(|jail| {
            jail.set_env("KATONIC_SERVICE__LISTEN", "127.0.0.1:7002");
            jail.set_env("KATONIC_HOME", "/elsewhere");
            let config = load_text(jail, FILE).expect("valid");
            assert_eq!(config.service.listen.port(), 7002);
            assert_eq!(config.redis.uri.expose(), "redis://u:hunter2@h");
            Ok(())
        });
    }

    #[test]
    fn a_secret_is_not_shown() {
        Jail::expect_with(|jail| {
            let config = load_text(jail, FILE).expect("valid");
            assert!(!format!("{config:?}").contains("hunter2"));
            Ok(())
        });
    }

    #[test]
    fn an_unknown_key_is_refused() {
        Jail::expect_with(|jail| {
            assert!(matches!(load_text(jail, &format!("{FILE}databse = \"x\"\n")), Err(Error::Invalid(_))));
            Ok(())
        });
    }

    #[test]
    fn another_command_line_is_refused() {
        for line in [vec!["s"], vec!["s", "--config"], vec!["s", "--conf", "x"], vec!["s", "--config", "x", "y"]] {
            assert!(matches!(load::<Config>(line.into_iter().map(OsString::from)), Err(Error::Usage)));
        }
    }
}
