//! Whether the token is there, well kept and good.

use katonic_domain::AccessToken;

use crate::doctor::{
    check::{
        Check, Found,
        Severity::{Problem, Warning},
    },
    facts::{Asked, Facts},
};

pub const CHECKS: &[Check] = &[
    Check {
        code: "TOKEN_MISSING",
        severity: Problem,
        cause: "a platform that is named needs a token; this machine's own is never sent elsewhere",
        next: "set KATONIC_TOKEN, or name a file by --token-file; `katonic tokens create` makes one",
        find: missing,
    },
    Check {
        code: "TOKEN_FILE_UNREADABLE",
        severity: Problem,
        cause: "the file that --token-file names is not there, or not yours to read",
        next: "name the right file, or write the token into `{it}`",
        find: file_unreadable,
    },
    Check {
        code: "TOKEN_FILE_EMPTY",
        severity: Problem,
        cause: "whoever made the file wrote nothing into it",
        next: "write the token into `{it}`; its secret is shown only when it is made, so make another if it is lost",
        find: file_empty,
    },
    Check {
        code: "TOKEN_MALFORMED",
        severity: Problem,
        cause: "a token is `kat_` and 36 letters and digits, the last six of which check the rest",
        next: "copy the whole token again, without quotes, spaces or another line",
        find: malformed,
    },
    Check {
        code: "TOKEN_FILE_OPEN",
        severity: Problem,
        cause: "whoever reads the token is you",
        next: "run `chmod 600 {it}`, and revoke the token if others use this machine",
        find: file_open,
    },
    Check {
        code: "TOKENS_DISAGREE",
        severity: Warning,
        cause: "--token-file wins over KATONIC_TOKEN, which may name another user",
        next: "unset KATONIC_TOKEN, or leave out --token-file",
        find: disagree,
    },
    Check {
        code: "TOKEN_EXPIRED",
        severity: Problem,
        cause: "a token ends 90 days after it is made, or when its maker said",
        next: "make another one: `katonic tokens create`, with a token that is good, or on the platform's machine",
        find: |facts| refused(facts, "TOKEN_EXPIRED"),
    },
    Check {
        code: "TOKEN_REVOKED",
        severity: Problem,
        cause: "its owner or an administrator ended it",
        next: "ask why, then make another one by `katonic tokens create`",
        find: |facts| refused(facts, "TOKEN_REVOKED"),
    },
    Check {
        code: "TOKEN_UNKNOWN",
        severity: Problem,
        cause: "it is well-formed and another platform's, or of this one before its data directory was made anew",
        next: "use a token that was made on the platform at this URL",
        find: |facts| refused(facts, "TOKEN_INVALID"),
    },
    Check {
        code: "TOKEN_LACKS_SCOPE",
        severity: Problem,
        cause: "a token may do only what it was made for",
        next: "make one with `--scope projects:write --scope executions:write --scope logs:read`, or with what is named",
        find: |facts| refused(facts, "SCOPE_MISSING"),
    },
];

fn missing(facts: &Facts) -> Vec<Found> {
    let is_local = facts.given.url.is_none() || facts.gateway.asked.is_some();
    match &facts.given.url {
        Some(url) if !is_local && facts.given.token_file.is_none() && facts.given.token.is_none() => {
            vec![Found::fact(format!("there is no token for {url}"))]
        }
        _ => Vec::new(),
    }
}

fn file_unreadable(facts: &Facts) -> Vec<Found> {
    let file = facts.given.token_file.as_ref();
    file.and_then(|file| Some((file, file.content.as_ref().err()?)))
        .map(|(file, why)| Found::new(file.path.display(), format!("{} cannot be read: {why}", file.path.display())))
        .into_iter()
        .collect()
}

fn file_empty(facts: &Facts) -> Vec<Found> {
    let file = facts.given.token_file.as_ref();
    file.filter(|file| file.content.as_ref().is_ok_and(|text| text.trim().is_empty()))
        .map(|file| Found::new(file.path.display(), format!("{} is empty", file.path.display())))
        .into_iter()
        .collect()
}

fn malformed(facts: &Facts) -> Vec<Found> {
    let token = facts.given.chosen_token().map(str::trim).filter(|token| !token.is_empty());
    match token {
        Some(token) if AccessToken::parse(token).is_err() => {
            let source = if facts.given.token_file.is_some() { "the token file" } else { "KATONIC_TOKEN" };
            // Not even a part of it is shown: it may be another system's password.
            vec![Found::fact(format!("{source} holds {} characters that are no token", token.chars().count()))]
        }
        _ => Vec::new(),
    }
}

fn file_open(facts: &Facts) -> Vec<Found> {
    let file = facts.given.token_file.as_ref().filter(|file| file.content.is_ok() && file.mode & 0o077 != 0);
    file.map(|file| {
        let path = file.path.display();
        Found::new(&path, format!("other users may read {path} (mode {:04o})", file.mode))
    })
    .into_iter()
    .collect()
}

fn disagree(facts: &Facts) -> Vec<Found> {
    let file = facts.given.token_file.as_ref().and_then(|file| file.content.as_deref().ok());
    match (file, &facts.given.token) {
        (Some(file), Some(variable)) if file.trim() != variable.trim() => {
            vec![Found::fact("the token file and KATONIC_TOKEN hold different tokens")]
        }
        _ => Vec::new(),
    }
}

fn refused(facts: &Facts, reason: &str) -> Vec<Found> {
    match (&facts.gateway.asked, &facts.gateway.url) {
        (Some(Asked::Refused(error)), Some(url)) if error.has_reason(reason) => {
            vec![Found::fact(format!("{url} answers: {error}"))]
        }
        _ => Vec::new(),
    }
}
