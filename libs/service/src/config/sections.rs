//! The sections that several services have in common, one type each.

use std::{net::SocketAddr, path::PathBuf};

use katonic_domain::InstallationId;
use serde::{Deserialize, Serialize};

use super::{Error, Secret};
use crate::{auth::Audience, telemetry::LogFilter};

/// `[service]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSection {
    /// Where it listens: gRPC, and HTTP/1 for `/healthz`, `/readyz` and `/metrics`.
    pub listen: SocketAddr,
}

/// `[installation]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstallationSection {
    /// `ins_` TypeID.
    pub id: InstallationId,
    /// Raised by a restore from backup, so that later events are higher (DESIGN E1).
    pub incarnation: u64,
}

impl InstallationSection {
    /// The CloudEvents `source` of a service's events.
    pub fn source(&self, service: &str) -> String {
        format!("/katonic/{}/{service}/{}", self.id, self.incarnation)
    }
}

/// `[keys]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysSection {
    /// Folder of the public keys, `<kid>.pub.pem`; re-read when it changes.
    pub dir: PathBuf,
    /// The private key, `<kid>.key.pem`, mode 0600.
    pub signing_key: PathBuf,
}

/// `[broker]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSection {
    /// AMQP URI with credentials and virtual host.
    pub uri: Secret<String>,
}

/// `[redis]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSection {
    /// Redis URI with credentials.
    pub uri: Secret<String>,
}

/// `[peers]`: base URIs of the other services, such as `http://127.0.0.1:7101`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeersSection {
    /// metadata, role api.
    pub metadata: Option<String>,
    /// dispatcher.
    pub dispatcher: Option<String>,
    /// log-streamer.
    pub logs: Option<String>,
    /// search-indexer.
    pub search: Option<String>,
    /// metadata, role git.
    pub git: Option<String>,
    /// api-gateway.
    pub gateway: Option<String>,
}

impl PeersSection {
    /// The base URI of a peer.
    ///
    /// # Errors
    /// [`Error::Peer`] where it is not set.
    pub fn uri(&self, peer: Audience) -> Result<&str, Error> {
        let uri = match peer {
            Audience::Metadata => &self.metadata,
            Audience::Dispatcher => &self.dispatcher,
            Audience::Logs => &self.logs,
            Audience::Search => &self.search,
            Audience::Git => &self.git,
            Audience::Gateway => &self.gateway,
        };
        uri.as_deref().ok_or(Error::Peer(peer.as_str()))
    }
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    /// One JSON object a line, or text for people.
    pub format: LogFormat,
    /// As `RUST_LOG`, such as `info` or `info,katonic_store=debug`.
    pub level: LogFilter,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { format: LogFormat::Json, level: LogFilter::default() }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Pretty,
}

/// `[telemetry]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySection {
    /// Where spans go, by OTLP over gRPC, such as `http://127.0.0.1:4317`; nowhere where not set.
    pub otlp_endpoint: Option<String>,
    /// Which part of the traces that begin here is sent; one that goes on is sent as its beginning was.
    pub sample_ratio: SampleRatio,
}

/// A part of all, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct SampleRatio(f64);

impl SampleRatio {
    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Default for SampleRatio {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<f64> for SampleRatio {
    type Error = &'static str;

    fn try_from(ratio: f64) -> Result<Self, Self::Error> {
        if (0.0..=1.0).contains(&ratio) { Ok(Self(ratio)) } else { Err("is not between 0 and 1") }
    }
}

impl From<SampleRatio> for f64 {
    fn from(ratio: SampleRatio) -> Self {
        ratio.0
    }
}
