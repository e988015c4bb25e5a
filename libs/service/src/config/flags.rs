//! The command line that every service has.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Parser};

/// What every service is told on its command line. A file is overridden by
/// the environment (`KATONIC_<SECTION>__<KEY>`), and that by `--set`.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Flags {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Overrides one key, such as `log.level=debug`; may be repeated. Not for secrets: process lists show it.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    pub set: Vec<Override>,
    #[command(flatten)]
    pub(crate) instead: Instead,
}

/// What is done instead of running.
#[derive(Debug, Clone, Copy, Default, Args)]
#[group(multiple = false)]
pub(crate) struct Instead {
    /// Say whether the configuration is valid and end: exit code 0, or 2 and everything that is wrong.
    #[arg(long)]
    pub(crate) check_config: bool,
    /// Write the configuration as it holds, with where each value is from and secrets hidden, and end.
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// `section.key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub(super) path: Vec<String>,
    pub(super) text: String,
}

/// What is no override.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not SECTION.KEY=VALUE, such as log.level=debug")]
pub struct OverrideError;

impl FromStr for Override {
    type Err = OverrideError;

    fn from_str(text: &str) -> Result<Self, OverrideError> {
        let (key, value) = text.split_once('=').ok_or(OverrideError)?;
        let path: Vec<_> = key.trim().split('.').map(ToOwned::to_owned).collect();
        let named = path.iter().all(|part| !part.is_empty());
        if named { Ok(Self { path, text: value.trim().to_owned() }) } else { Err(OverrideError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_is_a_key_and_a_value() {
        let set: Override = "store.uri=mongodb://h/?a=b".parse().expect("an override");
        assert_eq!((set.path.join("/"), set.text.as_str()), ("store/uri".to_owned(), "mongodb://h/?a=b"));
        for bad in ["", "x", "=x", "a..b=x", ".a=x"] {
            assert_eq!(bad.parse::<Override>(), Err(OverrideError), "{bad:?} was taken");
        }
    }

    #[test]
    fn one_may_check_or_print_and_not_both() {
        let parse = |line: &str| Flags::try_parse_from(line.split(' '));
        assert!(parse("s --config c.toml --set log.level=debug --set log.format=json").is_ok());
        assert!(parse("s --config c.toml --check-config").is_ok_and(|flags| flags.instead.check_config));
        for bad in ["s", "s --config", "s --config c.toml --check-config --print-config", "s --config c.toml --set x"] {
            assert!(parse(bad).is_err(), "{bad:?} was taken");
        }
    }
}
