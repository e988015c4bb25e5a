//! Which keys a configuration has, for the tests that keep files and documents
//! complete: types are asked, by giving them a key that they cannot know.

use std::{collections::BTreeSet, path::Path, slice};

use figment::{error::Kind, value::Value};
use serde::{Serialize, de::DeserializeOwned};

use super::{Error, sources::Sources};

const PROBE: &str = "?";

/// Every key of the tables that a file shows, such as `service.listen`, and the
/// sections that it does not show, such as `bootstrap`.
///
/// # Errors
/// A file that is not valid.
pub fn keys<C: DeserializeOwned>(file: &Path) -> Result<BTreeSet<String>, Error> {
    let values = Sources::open(file, &[])?.values()?;
    let mut found = BTreeSet::new();
    for table in tables(&[], &values) {
        let mut probed = values.clone();
        insert(&mut probed, &table);
        let Some(Kind::UnknownField(_, known)) = probed.deserialize::<C>().err().map(|error| error.kind) else {
            found.insert(format!("{}: takes unknown keys", table.join(".")));
            continue;
        };
        found.extend(known.iter().map(|key| [table.as_slice(), &[(*key).to_owned()]].concat().join(".")));
    }
    let shown: BTreeSet<String> = tables(&[], &values).iter().map(|table| table.join(".")).collect();
    Ok(found.into_iter().filter(|key| !shown.contains(key)).collect())
}

/// The keys that a file neither sets nor shows in a comment (`# key = value`).
///
/// # Errors
/// A file that is not valid.
pub fn not_in_the_file<C: DeserializeOwned>(file: &Path) -> Result<Vec<String>, Error> {
    let text = std::fs::read_to_string(file).map_err(|source| Error::Read { file: file.to_owned(), source })?;
    let mut section = String::new();
    let mut shown = BTreeSet::new();
    for line in text.lines().map(|line| line.trim_start_matches("# ").trim()) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_matches(['[', ']']).to_owned();
            shown.insert(section.clone());
        } else if let Some((key, _)) = line.split_once(" = ") {
            shown.insert(if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") });
        }
    }
    Ok(keys::<C>(file)?.into_iter().filter(|key| !shown.contains(key)).collect())
}

/// The keys that a file sets to something else than what holds without them.
///
/// # Errors
/// A file that is not valid.
pub fn not_the_default<C: DeserializeOwned + Serialize>(file: &Path) -> Result<Vec<String>, Error> {
    let values = Sources::open(file, &[])?.values()?;
    let whole = Value::serialize(&values.deserialize::<C>().map_err(|error| Error::Merge(Box::new(error)))?);
    let whole = whole.map_err(|error| Error::Merge(Box::new(error)))?;
    let mut found = Vec::new();
    for key in keys::<C>(file)? {
        let mut without = values.clone();
        super::read::take(&mut without, &key.split('.').map(ToOwned::to_owned).collect::<Vec<_>>());
        let Ok(config) = without.deserialize::<C>() else { continue };
        let default = Value::serialize(&config).map_err(|error| Error::Merge(Box::new(error)))?;
        // What is not set at all has an example in the file.
        let set = default.find_ref(&key).filter(|value| !matches!(value, Value::Empty(..)));
        if set.is_some_and(|value| Some(value) != whole.find_ref(&key)) {
            found.push(key);
        }
    }
    Ok(found)
}

fn tables(path: &[String], value: &Value) -> Vec<Vec<String>> {
    let Value::Dict(_, dict) = value else { return Vec::new() };
    let below = dict.iter().flat_map(|(key, value)| tables(&[path, slice::from_ref(key)].concat(), value));
    std::iter::once(path.to_owned()).chain(below).collect()
}

fn insert(value: &mut Value, table: &[String]) {
    let Value::Dict(_, dict) = value else { return };
    match table.split_first() {
        None => {
            dict.insert(PROBE.to_owned(), true.into());
        }
        Some((first, rest)) => {
            if let Some(value) = dict.get_mut(first) {
                insert(value, rest);
            }
        }
    }
}
