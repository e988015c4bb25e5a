//! Why a call or a task of the search-indexer fails.

use katonic_domain::error::{Classified, ErrorKind, Violation};
use katonic_service::rpc::Failure;
use katonic_store::StoreError;
use tantivy::TantivyError;

/// Why it fails.
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
    /// The cursor is of a feed that is gone.
    #[error("the cursor is of an earlier feed: begin again without one")]
    CursorGone,
    /// There is no such project, or none that the caller may know of.
    #[error("there is no such project")]
    NoSuchProject,
    /// Only administrators may do this.
    #[error("only administrators may do this")]
    Denied,
    /// The feed's store.
    #[error("the feed's store failed")]
    Store(#[from] StoreError),
    /// A row of the feed is not an event.
    #[error("an event of the feed cannot be read")]
    FeedDamaged,
    /// Another replica writes the feed.
    #[error("another replica writes the feed")]
    NotLeading,
    /// The index cannot be read or written.
    #[error("the index failed")]
    Index(#[from] TantivyError),
    /// The index' folder.
    #[error("the index' folder cannot be used")]
    Folder(#[source] std::io::Error),
    /// The index is not open yet, or closed already.
    #[error("the index is not open")]
    IndexClosed,
    /// Another service answered an error or none.
    #[error("{0}")]
    Peer(Failure),
    /// Another service answered what we do not understand.
    #[error("another service answered what cannot be read")]
    PeerAnswer,
    /// Nobody owns such aggregates.
    #[error("nobody owns {0} aggregates")]
    NoOwner(String),
}

impl Error {
    /// A wrong request field.
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. } | Self::CursorGone => ErrorKind::Invalid,
            Self::NoSuchProject => ErrorKind::NotFound,
            Self::Denied => ErrorKind::Denied,
            Self::Store(error) => error.kind(),
            Self::NotLeading | Self::IndexClosed => ErrorKind::Unavailable,
            Self::FeedDamaged | Self::Index(_) | Self::Folder(_) => ErrorKind::Internal,
            Self::Peer(failure) => failure.kind,
            // Versions of services differ for a while: it is worth another try.
            Self::PeerAnswer | Self::NoOwner(_) => ErrorKind::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "INVALID_REQUEST",
            Self::CursorGone => "CURSOR_GONE",
            Self::NoSuchProject => "PROJECT_NOT_FOUND",
            Self::Denied => "NOT_AN_ADMINISTRATOR",
            Self::Store(error) => error.reason(),
            Self::FeedDamaged => "FEED_DAMAGED",
            Self::NotLeading => "NOT_LEADING",
            Self::Index(_) | Self::Folder(_) => "INDEX_FAILED",
            Self::IndexClosed => "INDEX_NOT_OPEN",
            Self::Peer(_) => "PEER_FAILED",
            Self::PeerAnswer | Self::NoOwner(_) => "PEER_ANSWER_UNREADABLE",
        }
    }

    fn violations(&self) -> Vec<Violation> {
        match self {
            Self::Invalid { field, problem } => vec![Violation::new(*field, problem)],
            Self::CursorGone => vec![Violation::new("cursor", "is of an earlier feed")],
            _ => Vec::new(),
        }
    }
}
