//! Why a call of the log-streamer fails.

use katonic_domain::error::{Classified, ErrorKind, Violation};
use katonic_service::rpc::Failure;
use katonic_store::StoreError;

use crate::{
    domain::{batch::BatchError, manifest::ManifestError},
    segments::SegmentError,
};

/// Why a call fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request field is wrong.
    #[error("the request is not valid")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The records of a message are not a batch.
    #[error("the records are not consecutive")]
    Batch(#[from] BatchError),
    /// The log's state does not allow it.
    #[error("{0}")]
    Manifest(ManifestError),
    /// The manifests' store.
    #[error("the logs' store failed")]
    Store(#[from] StoreError),
    /// A segment cannot be written or read.
    #[error("a part of the log cannot be kept or read")]
    Segment(#[from] SegmentError),
    /// There is no such execution, or none that the caller may know of.
    #[error("there is no such execution")]
    NoSuchExecution,
    /// The execution has no such attempt or member.
    #[error("the execution has no such member")]
    NoSuchMember,
    /// The caller may know of the execution but not read its log.
    #[error("you may not read this log")]
    Denied,
    /// Another service answered an error or none.
    #[error("{0}")]
    Peer(Failure),
}

impl Error {
    /// A wrong request field.
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }
}

impl From<ManifestError> for Error {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. } | Self::Batch(_) => ErrorKind::Invalid,
            Self::Manifest(ManifestError::Closed { .. } | ManifestError::Behind { .. }) => {
                ErrorKind::FailedPrecondition
            }
            Self::Manifest(ManifestError::Fenced { .. }) => ErrorKind::Conflict,
            Self::Store(error) => error.kind(),
            Self::Segment(SegmentError::Blob(error)) => error.kind(),
            Self::Segment(SegmentError::Random(_) | SegmentError::Cancelled) => ErrorKind::Unavailable,
            Self::Segment(SegmentError::Zstd(_) | SegmentError::Codec(_) | SegmentError::Format) => ErrorKind::Internal,
            Self::NoSuchExecution | Self::NoSuchMember => ErrorKind::NotFound,
            Self::Denied => ErrorKind::Denied,
            Self::Peer(failure) => failure.kind,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "INVALID_REQUEST",
            Self::Batch(_) => "RECORDS_NOT_CONSECUTIVE",
            Self::Manifest(ManifestError::Closed { .. }) => "LOG_CLOSED",
            Self::Manifest(ManifestError::Behind { .. }) => "LOG_BEHIND",
            Self::Manifest(ManifestError::Fenced { .. }) => "LOG_FENCED",
            Self::Store(error) => error.reason(),
            Self::Segment(SegmentError::Blob(error)) => error.reason(),
            Self::Segment(_) => "SEGMENT_UNUSABLE",
            Self::NoSuchExecution => "EXECUTION_NOT_FOUND",
            Self::NoSuchMember => "MEMBER_NOT_FOUND",
            Self::Denied => "LOG_READ_DENIED",
            Self::Peer(_) => "PEER_FAILED",
        }
    }

    fn violations(&self) -> Vec<Violation> {
        match self {
            Self::Invalid { field, problem } => vec![Violation::new(*field, problem)],
            Self::Batch(error) => vec![Violation::new("records", error.to_string())],
            _ => Vec::new(),
        }
    }
}
