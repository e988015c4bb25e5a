//! Every metric has a line in docs/metrics.md, and every line a metric.

use std::{collections::BTreeSet, fs};

use anyhow::{Result, ensure};

use crate::{layers::files, root};

/// Made by `libs/service` for every service, with its name in it.
const PER_SERVICE: &str = "_rpc_seconds";

/// Fails at the first metric without a line, and at the first line without a metric.
pub fn check() -> Result<()> {
    let written = written(&fs::read_to_string(root().join("docs/metrics.md"))?);
    let mut used = BTreeSet::new();
    for folder in ["libs", "services", "executor"] {
        for file in files(&root().join(folder), "rs")? {
            used.extend(used_in(&fs::read_to_string(file)?));
        }
    }
    let unwritten: Vec<_> = used.difference(&written).collect();
    ensure!(unwritten.is_empty(), "give {unwritten:?} a line in docs/metrics.md: what it counts, and when to look");
    let unused: Vec<_> = written.difference(&used).filter(|name| !name.ends_with(PER_SERVICE)).collect();
    ensure!(unused.is_empty(), "docs/metrics.md describes {unused:?}, which nothing measures");
    Ok(())
}

/// The names in the first column of its tables.
fn written(text: &str) -> BTreeSet<String> {
    let first = text.lines().filter_map(|line| line.strip_prefix("| `katonic_"));
    first.filter_map(|rest| rest.split(['`', '{']).next()).map(|name| format!("katonic_{name}")).collect()
}

/// The names in a file that measures.
fn used_in(source: &str) -> BTreeSet<String> {
    let measures = ["counter!(", "gauge!(", "histogram!("].iter().any(|call| source.contains(call));
    let literals = source.split('"').skip(1).step_by(2).filter(|_| measures);
    let name = |text: &&str| text.strip_prefix("katonic_").is_some_and(|rest| rest.bytes().all(is_of_a_name));
    literals.filter(name).map(ToOwned::to_owned).collect()
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}
