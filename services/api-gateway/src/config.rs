//! What the gateway can be told; see config/default.toml.

use std::path::PathBuf;

use katonic_service::config::{Configuration, KeysSection, LogSection, PeersSection, ServiceSection, TelemetrySection};
use serde::{Deserialize, Serialize};

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens.
    pub service: ServiceSection,
    /// The key it signs with, and those it trusts.
    pub keys: KeysSection,
    /// The owners behind it; all five are needed.
    pub peers: PeersSection,
    /// Log lines.
    #[serde(default)]
    pub log: LogSection,
    /// Where its spans go.
    #[serde(default)]
    pub telemetry: TelemetrySection,
    /// Pages about the API.
    #[serde(default)]
    pub pages: PagesSection,
    /// Caps.
    #[serde(default)]
    pub limits: LimitsSection,
}

impl Configuration for Config {
    fn log(&self) -> &LogSection {
        &self.log
    }

    fn telemetry(&self) -> &TelemetrySection {
        &self.telemetry
    }
}

/// `[pages]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PagesSection {
    /// What `web/docs` built; without it there are no pages.
    pub dir: Option<PathBuf>,
}

/// `[limits]`
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// Requests in flight in all, streams not counted. Each may hold a body of
    /// 1 MiB: 256 of them stay below 512 MiB with their parsed forms.
    pub requests: usize,
    /// Open streams in all; each holds some 30 KiB on both sides.
    pub streams: usize,
    /// Requests in flight of one user: a quarter of all, so that three busy
    /// users leave room for a fourth.
    pub requests_per_user: usize,
    /// Open streams of one user.
    pub streams_per_user: usize,
    /// Requests a second of one user, lasting. Two cores answer some 5,000 small ones.
    pub rate_per_user: u32,
    /// Requests of one user that may come at once.
    pub burst_per_user: u32,
    /// Lookups a second of tokens that the cache does not know, by all callers
    /// together: guessing well-formed tokens is no way to load metadata.
    pub lookups: u32,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            requests: 256,
            streams: 2_048,
            requests_per_user: 64,
            streams_per_user: 512,
            rate_per_user: 1_000,
            burst_per_user: 2_000,
            lookups: 500,
        }
    }
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
