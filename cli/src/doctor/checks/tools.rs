//! Programs that are missing or not what jobs will find.

use crate::doctor::{
    check::{
        Check, Found,
        Severity::{Problem, Warning},
    },
    facts::{Facts, Git},
};

pub const CHECKS: &[Check] = &[
    Check {
        code: "GIT_MISSING",
        severity: Problem,
        cause: "folders are sent, and results fetched, by Git",
        next: "install Git 2.32 or newer (`apt-get install git`) and put it on PATH",
        find: git_missing,
    },
    Check {
        code: "GIT_TOO_OLD",
        severity: Problem,
        cause: "older Gits cannot be kept from reading your own configuration and hooks",
        next: "install Git 2.32 or newer",
        find: git_too_old,
    },
    Check {
        code: "PYTHON_MISSING",
        severity: Warning,
        cause: "jobs on this machine find their programs on the PATH that `katonic up` was given",
        next: "install one (`apt-get install python3`), then run `katonic down && katonic up`",
        find: python_missing,
    },
    Check {
        code: "PYTHON_UNREACHABLE",
        severity: Warning,
        cause: "jobs run as users of their own, who cannot enter a folder that is closed to others, such as /root",
        next: "install the interpreter and its packages under /opt or /usr/local, or name one by its full path",
        find: python_unreachable,
    },
    Check {
        code: "PROGRAM_MISSING",
        severity: Problem,
        cause: "the platform cannot start without it",
        next: "run `scripts/up`, which installs and builds what is missing",
        find: program_missing,
    },
];

fn git_missing(facts: &Facts) -> Vec<Found> {
    match &facts.tools.git {
        Git::Missing(why) => vec![Found::fact(format!("git cannot be started: {why}"))],
        _ => Vec::new(),
    }
}

fn git_too_old(facts: &Facts) -> Vec<Found> {
    // GIT_CONFIG_GLOBAL, which keeps the own configuration out, came with 2.32.
    match &facts.tools.git {
        Git::Version(major, minor) if (*major, *minor) < (2, 32) => {
            vec![Found::fact(format!("git has version {major}.{minor}"))]
        }
        Git::Unknown(answer) => vec![Found::fact(format!("git says `{answer}` where its version was due"))],
        _ => Vec::new(),
    }
}

fn python_missing(facts: &Facts) -> Vec<Found> {
    let is_missing = facts.tools.for_jobs && facts.tools.pythons.is_empty();
    if is_missing { vec![Found::fact("there is no python3 on PATH")] } else { Vec::new() }
}

fn python_unreachable(facts: &Facts) -> Vec<Found> {
    let pythons = &facts.tools.pythons;
    let Some(first) = pythons.first().filter(|python| !python.reachable) else { return Vec::new() };
    let instead = match pythons.iter().find(|python| python.reachable) {
        Some(python) => format!("they run {} instead", python.path.display()),
        None => "they find none".to_owned(),
    };
    vec![Found::fact(format!("python3 is {} for you, which jobs cannot reach: {instead}", first.path.display()))]
}

fn program_missing(facts: &Facts) -> Vec<Found> {
    facts.tools.missing.iter().map(|(program, hint)| Found::fact(format!("{program} is missing: {hint}"))).collect()
}
