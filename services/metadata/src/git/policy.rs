//! How Git is configured for a request: by its environment, never by a file of
//! the repository, so that old repositories follow new rules at once.
//!
//! Which refs a push may move is said twice: `receive.hideRefs` neither shows
//! nor takes the others, and the pre-receive hook, the only hook there is,
//! compares full names and commits.

use std::path::Path;

use katonic_domain::ExecutionId;

use super::GitSection;

/// Tells the hook which refs may move.
pub(super) const PUSH_VARIABLE: &str = "KATONIC_PUSH";
/// The hook; see [`Push`].
pub(super) const PRE_RECEIVE: &str = include_str!("pre-receive.sh");

/// Which refs a push may move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Push {
    /// Branches, tags, and snapshots named by their commit.
    User,
    /// This ref only.
    Results(String),
}

impl Push {
    pub(super) fn results(execution: ExecutionId, attempt: u32) -> Self {
        Self::Results(format!("refs/katonic/results/{execution}/{attempt}"))
    }

    /// What the hook gets.
    pub(super) fn variable(&self) -> &str {
        match self {
            Self::User => "user",
            Self::Results(own) => own,
        }
    }

    fn shown(&self) -> Vec<&str> {
        match self {
            Self::User => vec!["refs/heads", "refs/tags", "refs/katonic/snapshots"],
            Self::Results(own) => vec![own],
        }
    }
}

/// The configuration of one request, as `GIT_CONFIG_COUNT` and its keys and values.
pub(super) fn environment(section: &GitSection, hooks: &Path, push: &Push) -> Vec<(String, String)> {
    let mut settings: Vec<(&str, String)> = FIXED.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    settings.push(("core.hooksPath", hooks.display().to_string()));
    settings.push(("receive.maxInputSize", section.max_pack_bytes.to_string()));
    // Later lines win: first nothing is shown, then what may be.
    settings.push(("receive.hideRefs", "refs".to_owned()));
    settings.extend(push.shown().into_iter().map(|prefix| ("receive.hideRefs", format!("!{prefix}"))));
    let mut variables = vec![("GIT_CONFIG_COUNT".to_owned(), settings.len().to_string())];
    for (n, (key, value)) in settings.into_iter().enumerate() {
        variables.push((format!("GIT_CONFIG_KEY_{n}"), key.to_owned()));
        variables.push((format!("GIT_CONFIG_VALUE_{n}"), value));
    }
    variables
}

const FIXED: &[(&str, &str)] = &[
    // Nothing but the smart protocol.
    ("http.getanyfile", "false"),
    ("http.uploadpack", "true"),
    ("http.receivepack", "true"),
    // What was answered is on disk (W5).
    ("core.fsync", "all"),
    // Nothing is pruned until safe deletion exists.
    ("gc.auto", "0"),
    ("receive.autogc", "false"),
    ("maintenance.auto", "false"),
    // Objects that would harm who checks them out are not taken.
    ("receive.fsckObjects", "true"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.fsmonitor", "false"),
    // Pinned commits are fetched by id; permission is per project anyway.
    ("uploadpack.allowAnySHA1InWant", "true"),
    // Who only compares results asks for names without contents; other filters cost more than they save.
    ("uploadpack.allowFilter", "true"),
    ("uploadpackfilter.allow", "false"),
    ("uploadpackfilter.blob:none.allow", "true"),
    // Refs move, they leave no log that could grow.
    ("core.logAllRefUpdates", "false"),
    // A request may use one core and a bounded part of memory.
    ("pack.threads", "1"),
    ("pack.windowMemory", "64m"),
];
