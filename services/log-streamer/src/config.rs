//! The service's configuration, parsed once; each library owns its section.

use std::path::PathBuf;

use katonic_service::config::{
    InstallationSection, KeysSection, LogSection, PeersSection, RedisSection, ServiceSection,
};
use katonic_store::StoreConfig;
use serde::Deserialize;

/// `log-streamer.toml`; every key is explained in the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens.
    pub service: ServiceSection,
    /// Which installation.
    pub installation: InstallationSection,
    /// Keys of internal tokens.
    pub keys: KeysSection,
    /// Manifests and wrapped data keys.
    pub store: StoreConfig,
    /// The hot tail.
    pub redis: RedisSection,
    /// Segments.
    pub blobs: BlobsSection,
    /// dispatcher and metadata.
    pub peers: PeersSection,
    /// Log lines of the service itself.
    #[serde(default)]
    pub log: LogSection,
}

/// `[blobs]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobsSection {
    /// Folder of the segments; made where there is none.
    pub dir: PathBuf,
    /// The installation's key that wraps data keys, mode 0600; made where there is none.
    pub key_file: PathBuf,
}
