//! Why a blob cannot be written or read.
//!
//! What is wrong with the bytes, the key or the disk are different things to
//! the person who has to act, so they are different variants.

use std::{error::Error as StdError, io};

use katonic_domain::error::{Classified, ErrorKind};

use crate::{key::KeyId, ring::DataKeysError};

/// Why a blob cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key file is not there, unreadable or open to others.
    #[error("the installation key `{path}` cannot be used: {problem}")]
    KeyFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
        /// What the system said, where it said anything.
        #[source]
        source: Option<io::Error>,
    },
    /// The data keys' owner cannot answer.
    #[error("the data keys cannot be read or kept")]
    DataKeys(#[from] DataKeysError),
    /// The data key was wrapped by another installation key, or changed since.
    #[error("data key {0} does not unwrap with the installation's key")]
    Unwrap(KeyId),
    /// The blob was sealed by a key that its project does not have.
    #[error("the blob was sealed by the unknown data key {0}")]
    UnknownKey(KeyId),
    /// The blob is truncated, reordered, changed, or not the one of this path.
    #[error("the blob is damaged or belongs elsewhere")]
    Damaged,
    /// The blob has a format that this version does not know.
    #[error("the blob has the unknown format {0}")]
    Format(u8),
    /// Larger than the caller takes.
    #[error("the blob has {len} bytes, more than {cap}")]
    TooLarge {
        /// Bytes that it has.
        len: u64,
        /// Bytes that the caller takes.
        cap: u64,
    },
    /// There is no such blob.
    #[error("there is no such blob")]
    NotFound,
    /// The disk or the quota is full.
    #[error("the blob store is full")]
    Full(#[source] Box<object_store::Error>),
    /// The blob store failed.
    #[error("the blob store failed")]
    Store(#[source] Box<object_store::Error>),
    /// The machine gave no random bytes.
    #[error("the machine gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// The cipher refused to seal: its counter or length limit was reached.
    #[error("the blob cannot be sealed")]
    Seal,
    /// The runtime is shutting down.
    #[error("the work was cancelled by a shutdown")]
    Cancelled,
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            error if is_full(&error) => Self::Full(Box::new(error)),
            error => Self::Store(Box::new(error)),
        }
    }
}

/// Whether a full disk or quota is at the bottom of an error.
fn is_full(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        let Some(io) = current.downcast_ref::<io::Error>() else {
            cause = current.source();
            continue;
        };
        if matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return true;
        }
        // An io::Error's `source` skips the error that it wraps.
        cause = io.get_ref().map(|inner| inner as &(dyn StdError + 'static));
    }
    false
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Full(_) => ErrorKind::Exhausted,
            Self::DataKeys(_) | Self::Store(_) | Self::Random(_) | Self::Cancelled => ErrorKind::Unavailable,
            Self::KeyFile { .. }
            | Self::Unwrap(_)
            | Self::UnknownKey(_)
            | Self::Damaged
            | Self::Format(_)
            | Self::Seal => ErrorKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::KeyFile { .. } => "BLOB_KEY_FILE",
            Self::DataKeys(_) => "BLOB_DATA_KEYS_UNAVAILABLE",
            Self::Unwrap(_) => "BLOB_KEY_NOT_UNWRAPPED",
            Self::UnknownKey(_) => "BLOB_KEY_UNKNOWN",
            Self::Damaged => "BLOB_DAMAGED",
            Self::Format(_) => "BLOB_FORMAT_UNKNOWN",
            Self::TooLarge { .. } => "BLOB_TOO_LARGE",
            Self::NotFound => "BLOB_NOT_FOUND",
            Self::Full(_) => "BLOB_STORE_FULL",
            Self::Store(_) => "BLOB_STORE_UNAVAILABLE",
            Self::Random(_) => "NO_RANDOM_BYTES",
            Self::Seal => "BLOB_NOT_SEALED",
            Self::Cancelled => "SHUTTING_DOWN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_stated_however_deep_it_lies() {
        let full = object_store::Error::Generic {
            store: "test",
            source: Box::new(io::Error::other(io::Error::from_raw_os_error(28))),
        };
        let failed = object_store::Error::Generic { store: "test", source: Box::new(io::Error::from_raw_os_error(5)) };
        assert_eq!(Error::from(full).reason(), "BLOB_STORE_FULL");
        assert_eq!(Error::from(failed).reason(), "BLOB_STORE_UNAVAILABLE");
    }
}
