//! For whom a token is: the owner of a package, or the Git role.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who may accept a token. A token for one is refused by all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// metadata, role api: `katonic.metadata.*`.
    Metadata,
    /// dispatcher: `katonic.dispatcher.*`.
    Dispatcher,
    /// log-streamer: `katonic.logs.*`.
    Logs,
    /// search-indexer: `katonic.search.*`.
    Search,
    /// metadata, role git: smart HTTP.
    Git,
    /// api-gateway: nothing but `katonic.part.*`, and that from services only.
    Gateway,
}

impl Audience {
    /// Every audience.
    pub const ALL: [Self; 6] = [Self::Metadata, Self::Dispatcher, Self::Logs, Self::Search, Self::Git, Self::Gateway];

    /// As in the `aud` claim and in `[peers]`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Dispatcher => "dispatcher",
            Self::Logs => "logs",
            Self::Search => "search",
            Self::Git => "git",
            Self::Gateway => "gateway",
        }
    }

    /// The part of the platform that it is, as people name it.
    pub const fn part(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Dispatcher => "dispatcher",
            Self::Logs => "log-streamer",
            Self::Search => "search-indexer",
            Self::Git => "git",
            Self::Gateway => "api-gateway",
        }
    }

    /// The owner of an RPC by its gRPC path, `/katonic.<owner>.v1.Service/Method`.
    pub fn of_path(grpc_path: &str) -> Option<Self> {
        let owner = grpc_path.strip_prefix("/katonic.")?.split('.').next()?;
        Self::ALL.into_iter().find(|audience| audience.as_str() == owner)
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
