//! Encrypted blobs: what is too large for a document, unreadable without the installation's key.
//!
//! ```text
//! installation key (0600 file) ──wraps──> data key, one per project ──seals──> blob
//!                                         kept by the blob's owner,            kept by an object store,
//!                                         through the port `DataKeys`          through `Blobs`
//! ```
//!
//! What must hold (DESIGN W6): a blob opens only whole, unchanged, and under the
//! path and project that it was written for; a write that was answered is on
//! disk. The cryptography is `RustCrypto`'s; this crate only arranges it.
#![warn(missing_docs)]

mod error;
mod key;
mod path;
mod ring;
mod seal;
mod store;

pub use bytes::Bytes;
pub use error::Error;
pub use key::{InstallationKey, KeyId, WrappedKey};
pub use path::{BlobPath, BlobPathError};
pub use ring::{DataKeys, DataKeysError, KeyRing};
pub use seal::sealed_len;
pub use store::Blobs;
