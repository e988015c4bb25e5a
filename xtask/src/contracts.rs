//! Documents that are generated from `proto/`, the programs and their
//! configuration files, and committed, so that a change shows in review as its
//! users will see it.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use katonic_proto::{asyncapi, openapi};

use crate::{book, configuration, root};

/// Writes every document and removes schemas of events that are gone.
pub fn generate() -> Result<()> {
    let schemas = root().join("docs/schemas");
    if schemas.exists() {
        fs::remove_dir_all(&schemas)?;
    }
    fs::create_dir_all(&schemas)?;
    for (path, text) in documents()? {
        fs::write(root().join(&path), text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Fails where a committed document is not what it would be made as.
pub fn check() -> Result<()> {
    let documents = documents()?;
    for (path, text) in &documents {
        let committed = fs::read_to_string(root().join(path)).unwrap_or_default();
        if committed != *text {
            bail!("{} is stale: run `just generate` and commit what it writes", path.display());
        }
    }
    for entry in fs::read_dir(root().join("docs/schemas"))? {
        let path = PathBuf::from("docs/schemas").join(entry?.file_name());
        if !documents.contains_key(&path) {
            bail!("{} describes an event that is not published: run `just generate`", path.display());
        }
    }
    Ok(())
}

fn documents() -> Result<BTreeMap<PathBuf, String>> {
    let mut documents = BTreeMap::from([
        (PathBuf::from("docs/openapi.yaml"), serde_yaml_ng::to_string(&openapi::document())?),
        (PathBuf::from("docs/asyncapi.yaml"), serde_yaml_ng::to_string(&asyncapi::document())?),
        (PathBuf::from("docs/configuration.md"), configuration::document()?),
        (PathBuf::from("docs/book/src/reference/cli.md"), book::command_line()),
        (PathBuf::from("docs/book/src/reference/events.md"), book::event_catalogue()),
    ]);
    for (event_type, schema) in asyncapi::event_schemas() {
        let path = PathBuf::from(format!("docs/schemas/{event_type}.json"));
        documents.insert(path, serde_json::to_string_pretty(&schema)? + "\n");
    }
    Ok(documents)
}
