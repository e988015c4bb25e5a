//! A configuration as it holds, for people: TOML, each value with where it is
//! from; a [`super::Secret`] shows as `***`.

use std::slice;

use serde::Serialize;
use toml::{Table, Value};

use super::{
    Error,
    sources::{Origin, Sources},
};

/// Renders a configuration.
pub(super) fn print<C: Serialize>(config: &C, sources: &Sources<'_>) -> Result<String, Error> {
    let table = Table::try_from(config).map_err(Error::Print)?;
    let (sections, alone): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| value.is_table());
    let mut text = String::new();
    for (key, value) in alone {
        line(&mut text, slice::from_ref(key), key, value, sources);
    }
    for (name, section) in sections {
        text.push_str(&format!("\n[{name}]\n"));
        keys(&mut text, slice::from_ref(name), "", section, sources);
    }
    Ok(text.trim_start().to_owned())
}

fn keys(text: &mut String, path: &[String], prefix: &str, section: &Value, sources: &Sources<'_>) {
    for (key, value) in section.as_table().into_iter().flatten() {
        let path = [path, slice::from_ref(key)].concat();
        if value.is_table() {
            keys(text, &path, &format!("{prefix}{key}."), value, sources);
        } else {
            line(text, &path, &format!("{prefix}{key}"), value, sources);
        }
    }
}

fn line(text: &mut String, path: &[String], key: &str, value: &Value, sources: &Sources<'_>) {
    text.push_str(&format!("{key} = {value}  # {}\n", sources.origin(path)));
}

/// Secrets that were given by `--set`, where every user of the machine can read them.
pub(super) fn secrets_in_flags<C: Serialize>(config: &C, sources: &Sources<'_>) -> Result<Vec<String>, Error> {
    let table = Table::try_from(config).map_err(Error::Print)?;
    let mut found = Vec::new();
    shown(&mut found, &[], &Value::Table(table), sources);
    Ok(found)
}

fn shown(found: &mut Vec<String>, path: &[String], value: &Value, sources: &Sources<'_>) {
    if let Value::Table(table) = value {
        for (key, value) in table {
            shown(found, &[path, slice::from_ref(key)].concat(), value, sources);
        }
    } else if value.as_str() == Some(super::HIDDEN) && matches!(sources.origin(path), Origin::Flag(_)) {
        let key = path.join(".");
        found
            .push(format!("`{key}` is a secret: process lists show flags, so put it into the file or the environment"));
    }
}
