//! Every code that an error may carry has a row in the book: what it means and
//! what to do next.
//!
//! Codes are found in the sources, where they are made: in `fn reason`, beside
//! an `ErrorKind`, and in the gateway's problems.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, ensure};
use regex::Regex;

use crate::{layers::files, root};

const PAGE: &str = "docs/book/src/reference/errors.md";
/// Where errors that leave a service are made.
const SOURCES: [&str; 6] =
    ["services", "libs/service/src", "libs/store/src", "libs/bus/src", "libs/blob/src", "libs/domain/src"];

/// What a code stands beside where it is no `fn reason` that answers it.
const BESIDE: [&str; 3] = [
    r#"ErrorKind::\w+\)?,\s*"([A-Z][A-Z0-9_]+)""#,
    r#"\b(?:invalid|too_many)\(\s*"([A-Z][A-Z0-9_]+)""#,
    r#"StatusCode::\w+,\s*"[^"]*",\s*"([A-Z][A-Z0-9_]+)""#,
];

/// Fails where a code lacks its row, or a row its code.
pub fn check() -> Result<()> {
    let mut made = BTreeSet::new();
    for folder in SOURCES {
        for file in files(&root().join(folder), "rs")? {
            if !file.components().any(|part| part.as_os_str() == "tests") {
                made.extend(codes(&file)?);
            }
        }
    }
    let page = fs::read_to_string(root().join(PAGE)).with_context(|| format!("reading {PAGE}"))?;
    let rows = captures(&Regex::new(r"(?m)^\| `([A-Z][A-Z0-9_]*)` \|")?, &page);
    let missing: Vec<_> = made.difference(&rows).collect();
    ensure!(missing.is_empty(), "{PAGE}: add a row for {missing:?}: what it means and what to do next");
    let gone: Vec<_> = rows.difference(&made).collect();
    ensure!(gone.is_empty(), "{PAGE}: no error has the code {gone:?} any more: take its row out");
    Ok(())
}

fn codes(file: &Path) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(file)?;
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut codes = BTreeSet::new();
    for pattern in BESIDE {
        codes.extend(captures(&Regex::new(pattern)?, text));
    }
    let literal = Regex::new(r#""([A-Z][A-Z0-9_]+)""#)?;
    for function in text.split("fn reason(").skip(1) {
        let body = function.split("\n    }\n").next().unwrap_or_default();
        codes.extend(captures(&literal, body));
    }
    Ok(codes)
}

fn captures(pattern: &Regex, text: &str) -> BTreeSet<String> {
    pattern.captures_iter(text).filter_map(|found| found.get(1)).map(|code| code.as_str().to_owned()).collect()
}
