//! The service's configuration, parsed once; each library owns its section.

use std::path::PathBuf;

use katonic_service::config::{
    BrokerSection, Configuration, InstallationSection, KeysSection, LogSection, PeersSection, ServiceSection,
    TelemetrySection,
};
use katonic_store::StoreConfig;
use serde::{Deserialize, Serialize};

/// `search-indexer.toml`; every key is explained in the README.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// Where its spans go.
    #[serde(default)]
    pub telemetry: TelemetrySection,
}

impl Configuration for Config {
    fn log(&self) -> &LogSection {
        &self.log
    }

    fn telemetry(&self) -> &TelemetrySection {
        &self.telemetry
    }
}

/// `[index]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexSection {
    /// Folder of the index, of one replica alone; made where there is none.
    pub dir: PathBuf,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use katonic_service::config::keys;

    use super::*;

    /// `config/default.toml` is the reference that docs/configuration.md is made from.
    #[test]
    fn the_default_file_shows_every_key_and_the_defaults() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config/default.toml"));
        let missing = keys::not_in_the_file::<Config>(file).expect("a valid file");
        assert!(missing.is_empty(), "give {missing:?} a line in config/default.toml, `# key = value` where optional");
        let other = keys::not_the_default::<Config>(file).expect("a valid file");
        assert!(other.is_empty(), "config/default.toml says something else than the code of {other:?}");
    }
}
