//! Which project this folder belongs to, and whether its jobs get on.

use crate::{
    doctor::{
        check::{
            Check, Found,
            Severity::{Problem, Warning},
        },
        facts::{Asked, Facts},
    },
    project::{Error, ProjectRef},
};

pub const CHECKS: &[Check] = &[
    Check {
        code: "PROJECT_FILE_BROKEN",
        severity: Problem,
        cause: "a .katonic.toml ties its folder to a project by one line and holds nothing else",
        next: "write a line such as `project = \"churn\"`",
        find: file_broken,
    },
    Check {
        code: "PROJECT_UNNAMED",
        severity: Problem,
        cause: "without a .katonic.toml the folder's own name is the project's, and this one has no usable character",
        next: "write `project = \"NAME\"` into a .katonic.toml, or give --project",
        find: unnamed,
    },
    Check {
        code: "PROJECT_GONE",
        severity: Warning,
        cause: "it was deleted, belongs to somebody else, or is mistyped; a name would be made anew by the next `run`",
        next: "look at `katonic projects list`, then correct .katonic.toml",
        find: gone,
    },
    Check {
        code: "JOBS_WAIT",
        severity: Warning,
        cause: "their tier runs as many as it may, or the reconciler has not come to them yet",
        next: "see `katonic explain {it}`; another --tier may have places free",
        find: waiting,
    },
];

fn file_broken(facts: &Facts) -> Vec<Found> {
    match &facts.folder.project {
        Some(Err(error @ (Error::Read { .. } | Error::Parse { .. }))) => vec![Found::fact(chain(error))],
        _ => Vec::new(),
    }
}

/// The error and its causes.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

fn unnamed(facts: &Facts) -> Vec<Found> {
    match &facts.folder.project {
        Some(Err(error @ Error::Unnamable(_))) => vec![Found::fact(error.to_string())],
        _ => Vec::new(),
    }
}

fn gone(facts: &Facts) -> Vec<Found> {
    match &facts.gateway.asked {
        Some(Asked::Welcome { no_project: Some(named), .. }) if facts.folder.is_tied => {
            let name = match named {
                ProjectRef::Id(id) => id.to_string(),
                ProjectRef::Name(name) => name.to_string(),
            };
            vec![Found::fact(format!("this folder is tied to the project {name}, which you do not have"))]
        }
        _ => Vec::new(),
    }
}

fn waiting(facts: &Facts) -> Vec<Found> {
    let Some(Asked::Welcome { waiting, .. }) = &facts.gateway.asked else { return Vec::new() };
    let Some(oldest) = waiting.first() else { return Vec::new() };
    let fact = format!("{} of this project's newest jobs wait, the longest being job {}", waiting.len(), oldest.number);
    vec![Found::new(oldest.number, fact)]
}
