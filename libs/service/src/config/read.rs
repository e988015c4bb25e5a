//! From values to a configuration, or to everything that is wrong with them.
//!
//! What is wrong is taken out and the rest is read again, so that one run
//! tells of several mistakes. Values are never quoted: one may be a secret.

use figment::{
    error::{Actual, Kind},
    value::Value,
};
use katonic_domain::typo;
use serde::de::DeserializeOwned;

use super::{Error, sources::Sources};

/// Reads a configuration.
pub(super) fn read<C: DeserializeOwned>(sources: &Sources<'_>) -> Result<C, Error> {
    let mut values = sources.values()?;
    let mut problems = Vec::new();
    let mut taken: Vec<Vec<String>> = Vec::new();
    loop {
        let error = match values.deserialize::<C>() {
            Ok(config) if problems.is_empty() => return Ok(config),
            Ok(_) => break,
            Err(error) => error,
        };
        if let Some(text) = meant_as_text(&error, sources) {
            put(&mut values, &error.path, text);
            continue;
        }
        let path = full_path(&error);
        if taken.contains(&path) {
            break;
        }
        let removed = take(&mut values, &error.path);
        problems.extend(describe(&error, &path, removed.as_ref(), sources));
        if removed.is_none() {
            break;
        }
        taken.push(path);
    }
    Err(Error::Invalid { file: sources.file().to_owned(), problems })
}

/// The key that an error is about: one that is missing is not in its path.
fn full_path(error: &figment::Error) -> Vec<String> {
    let mut path = error.path.clone();
    if let Kind::MissingField(name) = &error.kind {
        path.push(name.to_string());
    }
    path
}

/// A number in the environment or in a flag, where a text is wanted, such as a password of digits.
fn meant_as_text(error: &figment::Error, sources: &Sources<'_>) -> Option<String> {
    match &error.kind {
        Kind::InvalidType(Actual::Str(_), _) => None,
        Kind::InvalidType(..) => sources.text_outside_the_file(&error.path),
        _ => None,
    }
}

fn describe(error: &figment::Error, path: &[String], value: Option<&Value>, sources: &Sources<'_>) -> Vec<String> {
    let key = path.join(".");
    let place = |path: &[String]| sources.origin(path);
    match &error.kind {
        Kind::UnknownField(_, known) => leaves(path, value)
            .iter()
            .map(|leaf| {
                format!("unknown key `{}` ({}): {}", leaf.join("."), place(leaf), meant(leaf, path.len(), known))
            })
            .collect(),
        Kind::MissingField(_) => vec![format!("`{key}` is missing")],
        Kind::UnknownVariant(_, known) => vec![format!("`{key}` ({}) is not {}", place(path), one_of(known))],
        Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) | Kind::InvalidLength(_, wanted) => {
            vec![format!("`{key}` ({}) is not {wanted}", place(path))]
        }
        Kind::Message(why) => vec![format!("`{key}` ({}): {why}", place(path))],
        _ => vec![format!("`{key}` ({}) has no value that can be read", place(path))],
    }
}

/// The keys below an unknown one: `[servce]` is a table of several mistakes.
fn leaves(path: &[String], value: Option<&Value>) -> Vec<Vec<String>> {
    let Some(Value::Dict(_, dict)) = value.filter(|value| !matches!(value, Value::Dict(_, dict) if dict.is_empty()))
    else {
        return vec![path.to_owned()];
    };
    let below = |(key, value)| leaves(&[path, &[String::clone(key)]].concat(), Some(value));
    dict.iter().flat_map(below).collect()
}

/// What may have been meant by the part of a key that ends at `depth`.
fn meant(leaf: &[String], depth: usize, known: &[&str]) -> String {
    match typo::meant(&leaf[depth - 1], known.iter().copied()) {
        Some(name) => {
            let mut right = leaf.to_owned();
            right[depth - 1] = name.to_owned();
            format!("did you mean `{}`?", right.join("."))
        }
        None => format!("what may stand there is {}", one_of(known)),
    }
}

fn one_of(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() { "nothing".to_owned() } else { quoted.join(" or ") }
}

/// The value at a path, taken out; none where there is none.
pub(super) fn take(value: &mut Value, path: &[String]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    match value {
        Value::Dict(_, dict) if rest.is_empty() => dict.remove(first),
        _ => take(below(value, first)?, rest),
    }
}

fn put(value: &mut Value, path: &[String], text: String) {
    match path.split_first() {
        None => *value = text.into(),
        Some((first, rest)) => {
            if let Some(value) = below(value, first) {
                put(value, rest, text);
            }
        }
    }
}

fn below<'v>(value: &'v mut Value, part: &str) -> Option<&'v mut Value> {
    match value {
        Value::Dict(_, dict) => dict.get_mut(part),
        Value::Array(_, items) => items.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    }
}
