//! What a service says about a type that it keeps: where it lives, who it is,
//! what the world may see of it. Everything else (version, outbox, retry) is
//! the store's.

use std::fmt;

use jiff::Timestamp;
use katonic_domain::ProjectId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::index::Index;

/// How many events an aggregate has had: it rises exactly with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(u64);

impl Version {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// A version that was shown before, as from a page token.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The version as a number.
    pub const fn get(self) -> u64 {
        self.0
    }

    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What happened, in the past tense, as the payload's `katonic.event.v1.aggregate` lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact(pub &'static str);

/// A type whose every change is an event.
pub trait Aggregate: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static {
    /// Its id.
    type Id: fmt::Display + Clone + Send + Sync + 'static;

    /// The MongoDB collection; its history is `<COLLECTION>_history`.
    const COLLECTION: &'static str;
    /// The noun in event types and routing keys, such as `project`.
    const ENTITY: &'static str;
    /// The owner's topic exchange, such as `katonic.metadata`.
    const EXCHANGE: &'static str;
    /// What is looked up by, beside the id.
    const INDEXES: &'static [Index] = &[];

    /// Its id.
    fn id(&self) -> Self::Id;
    /// The project that it belongs to, if any.
    fn project(&self) -> Option<ProjectId>;
    /// What a reader of the project may see, as the proto3 JSON of the event payload.
    fn snapshot(&self, version: Version) -> Value;
}

/// A type that is only kept: members, leases, subscriptions. It has no events.
pub trait Record: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static {
    /// Its id.
    type Id: fmt::Display + Clone + Send + Sync + 'static;

    /// The MongoDB collection.
    const COLLECTION: &'static str;
    /// The noun in errors, such as `member`.
    const ENTITY: &'static str;
    /// What is looked up by, beside the id.
    const INDEXES: &'static [Index] = &[];

    /// Its id.
    fn id(&self) -> Self::Id;
}

/// An aggregate as it stands in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// The aggregate itself.
    pub state: T,
    /// How many events it has had.
    pub version: Version,
    /// When it was inserted.
    pub created_at: Timestamp,
    /// When it was last written, by the store's clock.
    pub changed_at: Timestamp,
    /// How many of its events are not yet published.
    pub waiting: usize,
}

impl<T: Aggregate> Stored<T> {
    /// What a reader of the project may see.
    pub fn snapshot(&self) -> Value {
        self.state.snapshot(self.version)
    }
}

/// What an insert came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Insertion<S> {
    /// What is in the store now.
    pub stored: S,
    /// Whether it was there already, put in by the same Idempotency-Key.
    pub replayed: bool,
}

/// A create's Idempotency-Key, as the document keeps it (DESIGN C4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// Digest of principal, RPC and key.
    pub digest: String,
    /// Hash of the request body.
    pub body_hash: String,
}
