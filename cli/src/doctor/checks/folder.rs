//! Whether this folder is fit to be sent.

use std::path::{Path, PathBuf};

use crate::{
    doctor::{
        check::{
            Check, Found,
            Severity::{Problem, Warning},
        },
        facts::{Facts, Folder},
    },
    snapshot::walk,
    text,
};

/// From here on a snapshot takes long enough to be noticed.
const LARGE: u64 = 100 << 20;

pub const CHECKS: &[Check] = &[
    Check {
        code: "FOLDER_IS_HOME",
        severity: Warning,
        cause: "`katonic run` sends the folder that one stands in, with all that is in it",
        next: "change to the folder of your project",
        find: |facts| one(facts.folder.is_home, || "this is your home folder, or the root of all folders".to_owned()),
    },
    Check {
        code: "FOLDER_TOO_LARGE",
        severity: Problem,
        cause: "a snapshot holds at most 1 GiB: `katonic run` refuses this folder",
        next: "list what a job does not need in .gitignore, such as `{it}`",
        find: too_large,
    },
    Check {
        code: "FOLDER_LARGE",
        severity: Warning,
        cause: "every change of these files is sent again, and kept in the project's history",
        next: "list data that a job can fetch itself in .gitignore, such as `{it}`",
        find: large,
    },
    Check {
        code: "FOLDER_EMPTY",
        severity: Warning,
        cause: "without files, a job gets the head of the project's `main`, or nothing",
        next: "change to the folder with your code, or see what .gitignore leaves out",
        find: empty,
    },
    Check {
        code: "SECRET_IN_FOLDER",
        severity: Problem,
        cause: "whoever may read the project reads these files, also after you delete them here",
        next: "list `{it}` in .gitignore, and replace the secret if it was sent already",
        find: |facts| named(&facts.folder.secrets, "looks like a secret and would be sent"),
    },
    Check {
        code: "RUBBISH_IN_FOLDER",
        severity: Warning,
        cause: "tools make these folders again; sent along, they are slow and may not fit the machine that runs the job",
        next: "list `{it}/` in .gitignore",
        find: rubbish,
    },
    Check {
        code: "LINK_LEADS_OUT",
        severity: Warning,
        cause: "links are sent as links: in the job there is nothing at their other end",
        next: "copy what `{it}` names into the folder, or let the job fetch it",
        find: |facts| named(&facts.folder.links_out, "is a link to something outside this folder"),
    },
];

fn one(is_so: bool, fact: impl FnOnce() -> String) -> Vec<Found> {
    if is_so { vec![Found::fact(fact())] } else { Vec::new() }
}

fn named(paths: &[PathBuf], fact: &str) -> Vec<Found> {
    paths.iter().map(|path| Found::new(path.display(), format!("{} {fact}", path.display()))).collect()
}

fn rubbish(facts: &Facts) -> Vec<Found> {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let found = |path| Found::new(name(path), format!("{} is made by a tool and would be sent", path.display()));
    facts.folder.rubbish.iter().map(found).collect()
}

fn size(folder: &Folder) -> String {
    let more = if folder.endless { "more than " } else { "" };
    format!("{more}{} files with {}", folder.files, text::bytes(folder.bytes))
}

fn largest(folder: &Folder) -> (&Path, String) {
    let (bytes, path) = &folder.largest;
    (path, format!("{} would be sent; the largest is {} ({})", size(folder), path.display(), text::bytes(*bytes)))
}

fn too_large(facts: &Facts) -> Vec<Found> {
    let (path, fact) = largest(&facts.folder);
    let is_so = facts.folder.bytes > walk::CAP || facts.folder.endless;
    if is_so { vec![Found::new(path.display(), fact)] } else { Vec::new() }
}

fn large(facts: &Facts) -> Vec<Found> {
    let (path, fact) = largest(&facts.folder);
    let is_so = (LARGE..=walk::CAP).contains(&facts.folder.bytes) && !facts.folder.endless;
    if is_so { vec![Found::new(path.display(), fact)] } else { Vec::new() }
}

fn empty(facts: &Facts) -> Vec<Found> {
    let folder = &facts.folder;
    let is_so = folder.path.is_some() && !folder.is_home && folder.files == 0;
    one(is_so, || "this folder holds no files that would be sent".to_owned())
}
