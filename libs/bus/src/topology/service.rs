//! The parts of the platform as the broker knows them: one user each.

/// A part that publishes events or consumes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// metadata.
    Metadata,
    /// dispatcher.
    Dispatcher,
    /// build-service.
    Build,
    /// log-streamer.
    Logs,
    /// search-indexer, which publishes nothing of its own.
    Search,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 5] = [Self::Metadata, Self::Dispatcher, Self::Build, Self::Logs, Self::Search];

    /// As in the names of its queues.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Dispatcher => "dispatcher",
            Self::Build => "build-service",
            Self::Logs => "log-streamer",
            Self::Search => "search-indexer",
        }
    }

    /// The topic exchange that only it may write, if it publishes.
    pub const fn exchange(self) -> Option<&'static str> {
        match self {
            Self::Metadata => Some("katonic.metadata"),
            Self::Dispatcher => Some("katonic.dispatch"),
            Self::Build => Some("katonic.build"),
            Self::Logs => Some("katonic.logs"),
            Self::Search => None,
        }
    }

    /// The exchanges of all that publish.
    pub fn exchanges() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter_map(Self::exchange)
    }
}
