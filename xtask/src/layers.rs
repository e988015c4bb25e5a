//! Inside a service a layer uses only those below it:
//! domain ← store ← usecases ← {grpc, consumers, tasks} ← app ← main.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::root;

/// Layers from the bottom up; those on one level do not use each other.
const LEVELS: [&[&str]; 5] = [&["domain"], &["store"], &["usecases"], &["grpc", "consumers", "tasks"], &["app"]];

/// Fails at the first use of a higher layer by a lower one.
pub fn check() -> Result<()> {
    for service in fs::read_dir(root().join("services"))? {
        let sources = service?.path().join("src");
        for file in files(&sources, "rs")? {
            check_file(&sources, &file)?;
        }
    }
    Ok(())
}

fn check_file(sources: &Path, file: &Path) -> Result<()> {
    let inside = file.strip_prefix(sources)?.with_extension("");
    let Some(layer) = inside.iter().next().and_then(|part| part.to_str()) else { return Ok(()) };
    let Some(level) = LEVELS.iter().position(|names| names.contains(&layer)) else { return Ok(()) };
    let text = fs::read_to_string(file)?;
    for (at, names) in LEVELS.iter().enumerate() {
        for name in names.iter().filter(|name| at > level || (at == level && **name != layer)) {
            if text.contains(&format!("crate::{name}::")) {
                bail!("{}: `{layer}` uses `{name}`, which stands above it or beside it", file.display());
            }
        }
    }
    Ok(())
}

/// Every file of an extension below a folder.
pub fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                files.push(path);
            }
        }
    }
    Ok(files)
}
