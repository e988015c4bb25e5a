//! Why the store could not do it. The driver's own text stays in the source
//! chain, for the log; what the caller is told never quotes it.

use katonic_domain::error::{Classified, ErrorKind};
use mongodb::error::{ErrorKind as DriverKind, WriteFailure};

/// The server's code for a violated unique index.
const DUPLICATE_KEY: i32 = 11_000;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such document.
    #[error("there is no {entity} {id}")]
    NotFound {
        /// What it would be, such as `project`.
        entity: &'static str,
        /// Its id.
        id: String,
    },
    /// One of that id, or of what a unique index covers, is there already.
    #[error("there is such a {entity} already")]
    Duplicate {
        /// What it is, such as `project`.
        entity: &'static str,
    },
    /// The same Idempotency-Key came with another body (DESIGN C4).
    #[error("this Idempotency-Key was used with another request body")]
    IdempotencyKeyReused,
    /// Too many events of this aggregate wait for the broker (DESIGN W3).
    #[error("{waiting} events of {entity} {id} wait to be published; it takes no more until they are")]
    OutboxFull {
        /// What it is, such as `execution`.
        entity: &'static str,
        /// Its id.
        id: String,
        /// How many wait.
        waiting: usize,
    },
    /// Others kept changing it for as long as we tried.
    #[error("{entity} {id} is being changed by others")]
    Contended {
        /// What it is, such as `execution`.
        entity: &'static str,
        /// Its id.
        id: String,
    },
    /// Others kept getting in the way of a transaction for as long as we tried.
    #[error("others are changing the same documents")]
    TransactionContended,
    /// The lease that was to fence a write is somebody else's by now.
    #[error("the lease {name} was lost")]
    LeaseLost {
        /// Which lease.
        name: String,
    },
    /// The store cannot be reached.
    #[error("the store cannot be reached")]
    Unavailable(#[source] mongodb::error::Error),
    /// The store did not answer in time; the write may still have happened.
    #[error("the store did not answer in time")]
    Timeout,
    /// The store refused or answered what we do not understand.
    #[error("the store failed")]
    Driver(#[source] mongodb::error::Error),
    /// A value does not fit the stored form.
    #[error("a value cannot be stored")]
    Encode(#[source] bson::error::Error),
    /// The store is closing down.
    #[error("the service is shutting down")]
    Closed,
}

impl StoreError {
    pub(crate) fn driver(entity: &'static str, error: mongodb::error::Error) -> Self {
        if is_duplicate(&error) {
            return Self::Duplicate { entity };
        }
        match *error.kind {
            DriverKind::Io(_)
            | DriverKind::ServerSelection { .. }
            | DriverKind::ConnectionPoolCleared { .. }
            | DriverKind::DnsResolve { .. }
            | DriverKind::Shutdown => Self::Unavailable(error),
            _ => Self::Driver(error),
        }
    }

    /// Whether a whole transaction may be repeated after this.
    pub(crate) fn transient(&self) -> bool {
        match self {
            Self::Driver(error) | Self::Unavailable(error) => {
                error.contains_label(mongodb::error::TRANSIENT_TRANSACTION_ERROR)
            }
            Self::Contended { .. } => true,
            _ => false,
        }
    }
}

fn is_duplicate(error: &mongodb::error::Error) -> bool {
    match &*error.kind {
        DriverKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE_KEY,
        DriverKind::Command(error) => error.code == DUPLICATE_KEY,
        DriverKind::InsertMany(error) => error.write_errors.as_ref().is_some_and(|errors| {
            error.write_concern_error.is_none() && errors.iter().all(|e| e.code == DUPLICATE_KEY)
        }),
        _ => false,
    }
}

impl Classified for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Duplicate { .. } => ErrorKind::AlreadyExists,
            Self::IdempotencyKeyReused => ErrorKind::Invalid,
            Self::Contended { .. } | Self::TransactionContended => ErrorKind::Conflict,
            Self::OutboxFull { .. } | Self::LeaseLost { .. } | Self::Unavailable(_) | Self::Closed => {
                ErrorKind::Unavailable
            }
            Self::Timeout => ErrorKind::Timeout,
            Self::Driver(_) | Self::Encode(_) => ErrorKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NOT_FOUND",
            Self::Duplicate { .. } => "ALREADY_EXISTS",
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::OutboxFull { .. } => "EVENTS_WAITING",
            Self::Contended { .. } | Self::TransactionContended => "CONTENDED",
            Self::LeaseLost { .. } => "LEASE_LOST",
            Self::Unavailable(_) => "STORE_UNAVAILABLE",
            Self::Timeout => "STORE_TIMEOUT",
            Self::Driver(_) | Self::Encode(_) => "STORE_FAILED",
            Self::Closed => "SHUTTING_DOWN",
        }
    }
}
