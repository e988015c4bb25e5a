//! The service's configuration, parsed once; each library owns its section.

use std::path::PathBuf;

use katonic_service::config::{
    BrokerSection, InstallationSection, KeysSection, LogSection, PeersSection, ServiceSection,
};
use katonic_store::StoreConfig;
use serde::Deserialize;

/// `search-indexer.toml`; every key is explained in the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens.
    pub service: ServiceSection,
    /// Which installation.
    pub installation: InstallationSection,
    /// Keys of internal tokens.
    pub keys: KeysSection,
    /// The feed.
    pub store: StoreConfig,
    /// Where events come from.
    pub broker: BrokerSection,
    /// The search index.
    pub index: IndexSection,
    /// dispatcher and metadata.
    pub peers: PeersSection,
    /// Log lines of the service itself.
    #[serde(default)]
    pub log: LogSection,
}

/// `[index]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexSection {
    /// Folder of the index, of one replica alone; made where there is none.
    pub dir: PathBuf,
}
