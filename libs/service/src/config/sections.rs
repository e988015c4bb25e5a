//! The sections that several services have in common, one type each.

use std::{net::SocketAddr, path::PathBuf};

use katonic_domain::InstallationId;
use serde::Deserialize;

use super::{Error, Secret};
use crate::{auth::Audience, telemetry::LogFilter};

/// `[service]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSection {
    /// Where it listens: gRPC, and HTTP/1 for `/healthz`, `/readyz` and `/metrics`.
    pub listen: SocketAddr,
}

/// `[installation]`
#[derive(Debug, Clone, Deserialize)]
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
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysSection {
    /// Folder of the public keys, `<kid>.pub.pem`; re-read when it changes.
    pub dir: PathBuf,
    /// The private key, `<kid>.key.pem`, mode 0600.
    pub signing_key: PathBuf,
}

/// `[broker]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSection {
    /// AMQP URI with credentials and virtual host.
    pub uri: Secret<String>,
}

/// `[redis]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSection {
    /// Redis URI with credentials.
    pub uri: Secret<String>,
}

/// `[peers]`: base URIs of the other services, such as `http://127.0.0.1:7101`.
#[derive(Debug, Clone, Default, Deserialize)]
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
#[derive(Debug, Clone, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Pretty,
}
