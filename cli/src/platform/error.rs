//! Why the platform could not be started, stopped or looked at.
//!
//! Every text names what a person can change: a path, a port, a program.

use std::{io, path::PathBuf};

use super::part::Part;
use crate::failure::Explain;

/// A failed step of `up`, `down`, `status` or the supervisor.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither `KATONIC_HOME` nor `HOME` says where the data directory is.
    #[error("no data directory: set KATONIC_HOME")]
    NoHome,
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried, such as `write`.
        action: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A file holds something that this version does not understand.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Too little room for the store's and the broker's preallocated files.
    #[error("only {free_mib} MiB are free at {}; at least {needed_mib} MiB are needed", path.display())]
    DiskFull {
        /// The data directory.
        path: PathBuf,
        /// Free mebibytes.
        free_mib: u64,
        /// Needed mebibytes.
        needed_mib: u64,
    },
    /// Users' code runs under uids that could not reach its folder.
    #[error("{} is closed to other users, so no job could reach {}: choose another KATONIC_HOME", closed.display(), work.display())]
    WorkUnreachable {
        /// The folder without search permission for others.
        closed: PathBuf,
        /// The work root below it.
        work: PathBuf,
    },
    /// A program is not installed.
    #[error("{program} is missing: {hint}")]
    MissingProgram {
        /// Its name.
        program: String,
        /// What provides it.
        hint: &'static str,
    },
    /// No container engine answers.
    #[error("no container engine answers at {sockets}")]
    NoEngine {
        /// Where it was looked for.
        sockets: String,
    },
    /// The engine lacks the image that executions run in.
    #[error("the engine at {} has no image {image}", socket.display())]
    NoImage {
        /// Where it listens.
        socket: PathBuf,
        /// The image.
        image: &'static str,
    },
    /// Members of another backend are there, or a platform that uses it runs.
    #[error("this platform runs its jobs with the backend `{kept}`: {why}")]
    BackendInUse {
        /// The backend that is kept.
        kept: &'static str,
        /// Why it cannot be another now.
        why: &'static str,
    },
    /// No free port was found.
    #[error("no free TCP port on 127.0.0.1")]
    NoPort(#[source] io::Error),
    /// A remembered port is in use by a program that is not ours.
    #[error("port {port} of {part} is taken by another program: end that program and run `katonic up` again")]
    PortTaken {
        /// Who needs it.
        part: Part,
        /// The port.
        port: u16,
    },
    /// A process could not be started, signalled or awaited.
    #[error("cannot {action} {part}")]
    Process {
        /// What was tried.
        action: &'static str,
        /// On which part.
        part: Part,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The supervisor could not be started or signalled.
    #[error("cannot {action} the supervisor")]
    Supervisor {
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The supervisor ended before the platform was up.
    #[error("the platform did not get ready: {0}")]
    NotReady(String),
    /// Something did not end in its time.
    #[error("{0} did not end in time")]
    StillRunning(String),
    /// The signing key could not be made.
    #[error("cannot make the signing key")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A configuration could not be written as TOML.
    #[error("cannot render a configuration")]
    Render(#[from] toml::ser::Error),
    /// The store refused its users.
    #[error("cannot prepare the store")]
    Store(#[from] mongodb::error::Error),
    /// The broker refused its topology.
    #[error("cannot prepare the broker")]
    Broker(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The platform has not been started here.
    #[error("there is no platform at {}: run `katonic up`", .0.display())]
    NoPlatform(PathBuf),
    /// The data directory is that of a platform whose parts run elsewhere.
    #[error("the parts of the platform at {} run otherwise: on one machine by `katonic up`, or in containers", .0.display())]
    OtherLayout(PathBuf),
    /// The answer could not be printed.
    #[error("cannot print")]
    Output(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A running execution could not be stopped.
    #[error("cannot stop the running jobs")]
    StopJobs(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// An error at a file or folder.
    pub fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    /// Whether trying again cannot help.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::MissingProgram { .. } | Self::PortTaken { .. } | Self::DiskFull { .. })
    }

    /// The error and its causes in one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        text
    }
}

impl Explain for Error {
    fn next_step(&self) -> String {
        match self {
            Self::NoHome => "set KATONIC_HOME to a folder that you may write",
            Self::File { .. } | Self::Output(_) => "look at the folder's owner and free space, then repeat the command",
            Self::Damaged { .. } => "put back a good copy of the file, or move the data directory away to begin anew",
            Self::DiskFull { .. } => "free some space, or set KATONIC_HOME to a folder on another disk",
            Self::WorkUnreachable { .. } => "set KATONIC_HOME to a folder such as /var/lib/katonic",
            Self::MissingProgram { .. } => "run `scripts/up`, which installs and builds what is missing",
            Self::NoEngine { .. } => {
                "start Docker or Podman, name its socket by DOCKER_HOST=unix://…, or use `--backend process`"
            }
            Self::NoImage { .. } => "run `scripts/base-image`, which makes it",
            Self::BackendInUse { .. } => "run `katonic down --stop-jobs`, then `katonic up` with the other backend",
            Self::NoPort(_) | Self::PortTaken { .. } => {
                "free the port (`ss -ltnp` shows who has it), then run `katonic up`"
            }
            Self::NotReady(_) | Self::Store(_) | Self::Broker(_) | Self::Process { .. } | Self::Supervisor { .. } => {
                "read the log that is named above, then run `katonic up` again"
            }
            Self::StillRunning(_) => "look at `katonic status`, then run `katonic down` again",
            Self::Key(_) | Self::Render(_) => "this is a fault of Katonic: report it with the output",
            Self::NoPlatform(_) => "run `katonic up`",
            Self::OtherLayout(_) => "set KATONIC_HOME to a folder of its own",
            Self::StopJobs(_) => "look at `katonic jobs list`, or run `katonic down` without --stop-jobs",
        }
        .to_owned()
    }
}
