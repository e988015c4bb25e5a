//! The processes of which a one-machine platform is made, and their order.
//!
//! ```text
//! store   epmd ── rabbitmq   redis
//!   └───────────┬──────────────┘
//! metadata  git  dispatcher  log-streamer  search-indexer  api-gateway
//! ```
//! A part is started once all that it needs are ready, and stopped before them.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// One supervised process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// `MongoDB` or what speaks its protocol.
    Store,
    /// Erlang's port mapper: ours, so that it listens on loopback and ends with us.
    Epmd,
    /// The message broker.
    Rabbitmq,
    /// The hot tail of logs.
    Redis,
    /// Projects, tokens, subscriptions.
    Metadata,
    /// metadata's role that serves repositories.
    Git,
    /// Executions; starts the agent.
    Dispatcher,
    /// Logs.
    LogStreamer,
    /// The event feed and the search index.
    SearchIndexer,
    /// The public door.
    ApiGateway,
}

impl Part {
    /// In starting order.
    pub const ALL: [Self; 10] = [
        Self::Store,
        Self::Epmd,
        Self::Rabbitmq,
        Self::Redis,
        Self::Metadata,
        Self::Git,
        Self::Dispatcher,
        Self::LogStreamer,
        Self::SearchIndexer,
        Self::ApiGateway,
    ];

    /// Groups in stopping order: the door first, then who writes, then what is written to.
    pub const STOPPING: [&'static [Self]; 5] = [
        &[Self::ApiGateway],
        &[Self::SearchIndexer, Self::LogStreamer, Self::Dispatcher, Self::Git],
        &[Self::Metadata],
        &[Self::Redis, Self::Rabbitmq, Self::Store],
        &[Self::Epmd],
    ];

    /// As in file names and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Epmd => "epmd",
            Self::Rabbitmq => "rabbitmq",
            Self::Redis => "redis",
            Self::Metadata => "metadata",
            Self::Git => "git",
            Self::Dispatcher => "dispatcher",
            Self::LogStreamer => "log-streamer",
            Self::SearchIndexer => "search-indexer",
            Self::ApiGateway => "api-gateway",
        }
    }

    /// What must be ready before it starts.
    pub const fn needs(self) -> &'static [Self] {
        match self {
            Self::Store | Self::Epmd | Self::Redis => &[],
            Self::Rabbitmq => &[Self::Epmd],
            Self::Metadata
            | Self::Git
            | Self::Dispatcher
            | Self::LogStreamer
            | Self::SearchIndexer
            | Self::ApiGateway => &[Self::Store, Self::Rabbitmq, Self::Redis],
        }
    }

    /// How long it may take to end after TERM before it is killed.
    pub const fn stop_limit(self) -> Duration {
        match self {
            Self::Epmd => Duration::from_secs(2),
            Self::Store | Self::Rabbitmq => Duration::from_secs(40),
            _ => Duration::from_secs(20),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_part_is_stopped_once_and_before_what_it_needs() {
        let order: Vec<Part> = Part::STOPPING.iter().flat_map(|group| group.iter().copied()).collect();
        assert_eq!(order.iter().collect::<BTreeSet<_>>(), Part::ALL.iter().collect());
        assert_eq!(order.len(), Part::ALL.len());
        let place = |part| order.iter().position(|other| *other == part);
        for part in Part::ALL {
            for needed in part.needs() {
                assert!(place(part) < place(*needed), "{needed} is stopped before {part}");
            }
        }
    }
}
