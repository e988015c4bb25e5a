//! docs/configuration.md, made from the comments of `services/*/config/default.toml`.
//!
//! A comment stands directly above what it explains. A section that several
//! services have is explained in one of their files; that every key has a line
//! in its file is what each service's own tests see to.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result, ensure};

use crate::root;

const INTRODUCTION: &str = "\
# Configuration

Each service reads one TOML file, named by `--config`. A key is overridden by the environment, `KATONIC_<SECTION>__<KEY>`
(such as `KATONIC_LOG__LEVEL=debug`), and that by `--set <section>.<key>=<value>`. `katonic up` writes the files of one machine
anew at every start and hands variables of this form in its own environment on to every service: change so what all of them have.

| flag | what |
|---|---|
| `--config FILE` | the file |
| `--set SECTION.KEY=VALUE` | overrides one key; may be repeated. Secrets are refused there: process lists show flags |
| `--check-config` | says whether all is valid and ends: exit code 0, or 2 and everything that is wrong |
| `--print-config` | writes what holds, with where each value is from, secrets as `***`, and ends |

An unknown key is refused, with the nearest name. Files hold passwords: keep them 0600. A value below is what holds where the key
is not set, or an example where it must be set or nothing holds without it.
";

/// A key, or a section where there is no key.
struct Entry {
    key: String,
    value: String,
    comment: String,
}

type Sections = Vec<(String, Vec<Entry>)>;

/// The document.
pub fn document() -> Result<String> {
    let files = files()?;
    let mut users: BTreeMap<&str, usize> = BTreeMap::new();
    for (section, _) in files.iter().flat_map(|(_, sections)| sections) {
        *users.entry(section).or_default() += 1;
    }
    let mut text = INTRODUCTION.to_owned();
    text.push_str("\n## Sections that several services have\n");
    let mut written = Vec::new();
    for (section, _) in files.iter().flat_map(|(_, sections)| sections).filter(|(section, _)| users[&**section] > 1) {
        if !written.contains(&section) {
            written.push(section);
            text.push_str(&table(section, &merged(&files, section))?);
        }
    }
    for (service, sections) in &files {
        let own: Vec<_> = sections.iter().filter(|(section, _)| users[&**section] == 1).collect();
        if !own.is_empty() {
            text.push_str(&format!("\n## {service}\n"));
        }
        for (section, entries) in own {
            text.push_str(&table(section, &entries.iter().collect::<Vec<_>>())?);
        }
    }
    Ok(text)
}

/// What each service's file says; metadata's first, which explains what is common.
fn files() -> Result<Vec<(String, Sections)>> {
    let mut files = Vec::new();
    for service in fs::read_dir(root().join("services"))? {
        let path = service?.path();
        let name = path.file_name().context("a service has a name")?.to_string_lossy().into_owned();
        if let Ok(text) = fs::read_to_string(path.join("config/default.toml")) {
            files.push((name, sections(&text)));
        }
    }
    files.sort_by_key(|(name, _)| (name != "metadata", name.clone()));
    Ok(files)
}

fn sections(text: &str) -> Sections {
    let mut sections: Sections = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in text.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if let Some(name) = bare.strip_prefix('[') {
            let about = Entry { key: String::new(), value: String::new(), comment: comment.join(" ") };
            sections.push((name.trim_matches(['[', ']']).to_owned(), vec![about]));
            comment.clear();
        } else if let Some((key, value)) = bare.split_once(" = ").filter(|(key, _)| is_key(key)) {
            if let Some((_, entries)) = sections.last_mut() {
                entries.push(Entry { key: key.to_owned(), value: value.to_owned(), comment: comment.join(" ") });
            }
            comment.clear();
        } else if line.starts_with("# ") {
            comment.push(bare);
        } else {
            comment.clear();
        }
    }
    sections
}

fn is_key(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The entries of a section from all files, each with the first comment that there is.
fn merged<'f>(files: &'f [(String, Sections)], section: &str) -> Vec<&'f Entry> {
    let mut found: Vec<&Entry> = Vec::new();
    let all = files.iter().flat_map(|(_, sections)| sections).filter(|(name, _)| name == section);
    for entry in all.flat_map(|(_, entries)| entries) {
        match found.iter_mut().find(|known| known.key == entry.key) {
            Some(known) if known.comment.is_empty() => *known = entry,
            Some(_) => {}
            None => found.push(entry),
        }
    }
    found
}

fn table(section: &str, entries: &[&Entry]) -> Result<String> {
    let mut text = format!("\n### `[{section}]`\n\n");
    for entry in entries.iter().filter(|entry| entry.key.is_empty() && !entry.comment.is_empty()) {
        text.push_str(&format!("{}\n\n", entry.comment));
    }
    text.push_str("| key | value | what |\n|---|---|---|\n");
    for Entry { key, value, comment } in entries.iter().filter(|entry| !entry.key.is_empty()) {
        ensure!(!comment.is_empty(), "`{section}.{key}` has no comment above it in any services/*/config/default.toml");
        text.push_str(&format!("| `{key}` | `{value}` | {} |\n", comment.replace('|', "\\|")));
    }
    Ok(text)
}
