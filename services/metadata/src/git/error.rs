//! What can go wrong in the Git role, and what a client is told.

use std::{io, path::PathBuf};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use katonic_domain::{
    ErrorKind,
    error::{Classified, Violation},
};
use katonic_store::StoreError;

/// Why a request or a step of it failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No token, or none that is believed.
    #[error("a valid token is needed")]
    Token(#[source] Option<katonic_service::auth::Error>),
    /// No such path, project or service, as far as this caller may know.
    #[error("there is no such repository")]
    NotFound,
    /// May read the project, but not this.
    #[error("this needs the right to {0}")]
    Denied(&'static str),
    /// The project is kept for reading only.
    #[error("the project is archived: restore it first")]
    Archived,
    /// Not a method of this path.
    #[error("the method is not allowed here")]
    Method,
    /// Larger than the cap.
    #[error("the pack is larger than {0} bytes")]
    TooLarge(u64),
    /// A header that cannot be passed on.
    #[error("the header {0} is not valid")]
    Header(&'static str),
    /// All slots are taken.
    #[error("too many Git requests at once, try again")]
    Busy,
    /// The request took longer than its hard limit.
    #[error("the request took too long")]
    TimeLimit,
    /// The decision cannot be had.
    #[error("access cannot be decided now")]
    Undecided(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store failed.
    #[error("the project cannot be written now")]
    Store(#[source] StoreError),
    /// Others recorded the same project's heads again and again.
    #[error("the project is pushed to by too many at once")]
    Contended,
    /// Git cannot be started or talked to.
    #[error("git could not be {step}")]
    Process {
        /// What was tried.
        step: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Git ended with an error.
    #[error("git {step} failed: {detail}")]
    Failed {
        /// What was tried.
        step: &'static str,
        /// What it said, for the log.
        detail: String,
    },
    /// A file or folder of ours cannot be read or written.
    #[error("cannot use {}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Token(_) => ErrorKind::Unauthenticated,
            Self::NotFound => ErrorKind::NotFound,
            Self::Denied(_) => ErrorKind::Denied,
            Self::Archived => ErrorKind::FailedPrecondition,
            Self::Method | Self::Header(_) => ErrorKind::Invalid,
            Self::TooLarge(_) => ErrorKind::TooLarge,
            Self::Busy => ErrorKind::RateLimited,
            Self::TimeLimit => ErrorKind::Timeout,
            Self::Undecided(_) | Self::Contended => ErrorKind::Unavailable,
            Self::Store(error) => error.kind(),
            Self::Process { .. } | Self::Failed { .. } | Self::Folder { .. } => ErrorKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Token(_) => "TOKEN_INVALID",
            Self::NotFound => "REPOSITORY_NOT_FOUND",
            Self::Denied(_) => "FILES_DENIED",
            Self::Archived => "PROJECT_ARCHIVED",
            Self::Method => "METHOD_NOT_ALLOWED",
            Self::Header(_) => "HEADER_INVALID",
            Self::TooLarge(_) => "PACK_TOO_LARGE",
            Self::Busy => "GIT_BUSY",
            Self::TimeLimit => "GIT_TIME_LIMIT",
            Self::Undecided(_) => "ACCESS_UNDECIDED",
            Self::Contended => "PROJECT_CONTENDED",
            Self::Store(error) => error.reason(),
            Self::Process { .. } | Self::Failed { .. } | Self::Folder { .. } => "GIT_FAILED",
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Process { .. } | Self::Failed { .. } | Self::Folder { .. } => "the repository failed".to_owned(),
            Self::Store(_) => "the project cannot be written now".to_owned(),
            _ => self.to_string(),
        }
    }

    fn violations(&self) -> Vec<Violation> {
        Vec::new()
    }
}

impl Error {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::Archived => StatusCode::CONFLICT,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Header(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy | Self::Undecided(_) | Self::Store(_) | Self::Contended => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimeLimit => StatusCode::GATEWAY_TIMEOUT,
            Self::Process { .. } | Self::Failed { .. } | Self::Folder { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Logs what a person must look into; what callers did wrong is theirs to read.
    fn log(&self) {
        let chain = katonic_service::runtime::chain(self);
        match self.kind() {
            ErrorKind::Internal => tracing::error!(error = %chain, "git request failed"),
            ErrorKind::Unavailable | ErrorKind::Timeout => tracing::warn!(error = %chain, "git request not served"),
            _ => tracing::debug!(error = %chain, "git request refused"),
        }
    }
}

/// Git shows the text of a plain answer to its user.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.log();
        let mut response = (self.status(), format!("{}\n", self.public_message())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self, Self::Token(_)) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.kind().retryable() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
