//! A link in a document leads to a file that is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use pulldown_cmark::{Event, Parser, Tag};

use crate::{layers::files, root};

/// Where documents are; what tools have put elsewhere is theirs.
const FOLDERS: [&str; 8] = ["docs", "services", "cli", "clients", "compose", "examples", "libs", "executor"];

/// Fails at the first link that leads nowhere.
pub fn check() -> Result<()> {
    let mut documents: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].iter().map(|name| root().join(name)).collect();
    for folder in FOLDERS {
        documents.extend(files(&root().join(folder), "md")?);
    }
    documents.iter().try_for_each(|document| check_document(document))
}

fn check_document(document: &Path) -> Result<()> {
    let text = fs::read_to_string(document)?;
    let folder = document.parent().unwrap_or(document);
    for event in Parser::new(&text) {
        let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else { continue };
        let path = dest_url.split('#').next().unwrap_or_default();
        let elsewhere = path.is_empty() || path.starts_with('/') || path.contains("://");
        ensure!(elsewhere || folder.join(path).exists(), "{}: {dest_url} leads nowhere", document.display());
    }
    Ok(())
}
