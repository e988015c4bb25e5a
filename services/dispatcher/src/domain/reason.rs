//! Why executions end: one table that transition, retry, explain and
//! `docs/reasons.md` all read, so that they cannot disagree.

use serde::{Deserialize, Serialize};

/// What sort of end a reason is; decides the last phase and whether a retry may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Class {
    /// The command did what it was asked to.
    Success,
    /// The user's code or request is at fault.
    User,
    /// A time limit was reached.
    Timeout,
    /// Somebody asked for it.
    Stopped,
    /// The platform or the machine is at fault.
    Infrastructure,
}

impl Class {
    /// The class in the words of the documentation.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::User => "user",
            Self::Timeout => "timeout",
            Self::Stopped => "stopped",
            Self::Infrastructure => "infrastructure",
        }
    }
}

/// Why an execution or attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// The command exited with 0.
    Completed,
    /// The command exited with another code.
    ExitCode,
    /// A signal that nobody asked for ended the command.
    KilledBySignal,
    /// The command ran longer than its timeout.
    TimedOut,
    /// A user stopped it.
    StoppedByUser,
    /// There is no such program.
    CommandNotFound,
    /// The program is there and cannot be executed.
    CommandNotExecutable,
    /// User code did not start in time.
    StartTimeout,
    /// The process that watched over the command disappeared.
    ShimLost,
    /// The input files could not be fetched.
    InputUnavailable,
    /// It queued longer than the installation allows.
    QueueTimeout,
    /// The memory of its tier was used up.
    OutOfMemory,
    /// The image that it runs in is not there and cannot be pulled.
    ImageUnavailable,
    /// The machine or its container engine was stopped while it ran.
    Interrupted,
    /// Somebody removed the container that it ran in.
    ContainerRemoved,
    /// An execution that it waited for did not end as it was to.
    DependencyFailed,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The stable code, as in `Reason` of the API without its prefix.
    pub code: &'static str,
    /// What sort of end it is.
    pub class: Class,
    /// Whether another attempt may end otherwise.
    pub retryable: bool,
    /// One sentence for people.
    pub text: &'static str,
    /// What they can do next.
    pub next_step: &'static str,
}

const fn row(code: &'static str, class: Class, retryable: bool, text: &'static str, next_step: &'static str) -> Row {
    Row { code, class, retryable, text, next_step }
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 16] = [
        Self::Completed,
        Self::ExitCode,
        Self::KilledBySignal,
        Self::TimedOut,
        Self::StoppedByUser,
        Self::CommandNotFound,
        Self::CommandNotExecutable,
        Self::StartTimeout,
        Self::ShimLost,
        Self::InputUnavailable,
        Self::QueueTimeout,
        Self::OutOfMemory,
        Self::ImageUnavailable,
        Self::Interrupted,
        Self::ContainerRemoved,
        Self::DependencyFailed,
    ];

    /// The row of this reason: the table itself.
    #[rustfmt::skip]
    pub const fn row(self) -> Row {
        match self {
            Self::Completed => row("COMPLETED", Class::Success, false,
                "The command exited with 0.",
                "Nothing to do; results and logs are kept."),
            Self::ExitCode => row("EXIT_CODE", Class::User, false,
                "The command exited with an error code.",
                "Read the end of the log; the exit code is the command's own."),
            Self::KilledBySignal => row("KILLED_BY_SIGNAL", Class::User, false,
                "A signal ended the command.",
                "SIGSEGV and SIGABRT are faults of the program; SIGKILL often means that the machine ran out of memory: choose a larger tier."),
            Self::TimedOut => row("TIMED_OUT", Class::Timeout, false,
                "The command ran longer than its timeout.",
                "Submit it again with a longer timeout, or make it save its progress."),
            Self::StoppedByUser => row("STOPPED_BY_USER", Class::Stopped, false,
                "A user stopped it.",
                "Submit it again to run it once more."),
            Self::CommandNotFound => row("COMMAND_NOT_FOUND", Class::User, false,
                "There is no such program on the PATH that the command gets.",
                "Check the spelling; programs in folders that only root can reach are not on that PATH."),
            Self::CommandNotExecutable => row("COMMAND_NOT_EXECUTABLE", Class::User, false,
                "The program is there and cannot be executed.",
                "Set its executable bit (chmod +x) and check its first line, or run it through its interpreter."),
            Self::StartTimeout => row("START_TIMEOUT", Class::Infrastructure, true,
                "The command did not start in time.",
                "The last checkpoint says how far it came; submit it again, and tell who runs the platform if it recurs."),
            Self::ShimLost => row("SHIM_LOST", Class::Infrastructure, true,
                "The process that watched over the command disappeared: the machine restarted, or something killed it.",
                "Submit it again; the log up to that moment is kept."),
            Self::InputUnavailable => row("INPUT_UNAVAILABLE", Class::Infrastructure, true,
                "The input files could not be fetched.",
                "Submit it again, and tell who runs the platform if it recurs."),
            Self::QueueTimeout => row("QUEUE_TIMEOUT", Class::Timeout, true,
                "It queued longer than the installation allows.",
                "Submit it again when less is running, or choose another tier."),
            Self::OutOfMemory => row("OUT_OF_MEMORY", Class::User, false,
                "It used up the memory of its hardware tier and was killed for it.",
                "Choose a larger tier, or make it need less memory."),
            Self::ImageUnavailable => row("IMAGE_UNAVAILABLE", Class::Infrastructure, true,
                "The image that it runs in is not on the machine and cannot be pulled.",
                "Tell who runs the platform; the image that it was submitted with must be there again."),
            Self::Interrupted => row("INTERRUPTED", Class::Infrastructure, true,
                "It was told to end from outside: the machine or its container engine was stopped.",
                "Submit it again; the log up to that moment is kept."),
            Self::ContainerRemoved => row("CONTAINER_REMOVED", Class::Infrastructure, true,
                "Somebody removed the container that it ran in.",
                "Submit it again; the log up to that moment is kept."),
            Self::DependencyFailed => row("DEPENDENCY_FAILED", Class::User, false,
                "An execution that it was to run after did not succeed.",
                "Find out why that one did not, then submit both again."),
        }
    }

    /// What sort of end it is.
    pub const fn class(self) -> Class {
        self.row().class
    }
}

/// `docs/reasons.md`, made from the table.
pub fn documentation() -> String {
    let mut page = String::from(
        "# Why executions end\n\n\
         Made from the table in `services/dispatcher/src/domain/reason.rs`; a test says how to make it again.\n\n\
         | reason | class | another attempt may help | what happened | what to do |\n|---|---|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let row = reason.row();
        let retryable = if row.retryable { "yes" } else { "no" };
        let line =
            format!("| `{}` | {} | {retryable} | {} | {} |\n", row.code, row.class.as_str(), row.text, row.next_step);
        page.push_str(&line);
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_the_stored_form() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.row().code).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).ok(), Some(reason.row().code.into()));
        }
    }

    #[test]
    fn every_infrastructure_reason_is_retryable_and_no_user_reason_is() {
        for reason in Reason::ALL {
            match reason.class() {
                Class::Infrastructure => assert!(reason.row().retryable, "{reason:?}"),
                Class::User | Class::Success | Class::Stopped => assert!(!reason.row().retryable, "{reason:?}"),
                Class::Timeout => {}
            }
        }
    }

    #[test]
    fn the_documentation_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reasons.md");
        if std::env::var_os("KATONIC_WRITE_DOCS").is_some() {
            std::fs::write(path, documentation()).expect("docs/reasons.md is writable");
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            page == documentation(),
            "docs/reasons.md is not the table: run `KATONIC_WRITE_DOCS=1 cargo test -p katonic-dispatcher reason`"
        );
    }
}
