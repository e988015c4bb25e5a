//! The owners behind the gateway.

use std::{collections::HashMap, time::Duration};

use axum::body::Body;
use http::{HeaderValue, Request, Uri};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use katonic_service::{
    auth::{Audience, Minted, Minter, UserGrant},
    config::PeersSection,
    rpc,
    rpc::{Failure, from_status, to_status},
};
use tonic::transport::Channel;

/// A connection of the HTTP client that is idle for longer is closed: well
/// before its server would, so that no request is sent into a closed one.
const IDLE: Duration = Duration::from_secs(5);

/// Why the gateway does not know its peers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One is not configured.
    #[error(transparent)]
    Missing(#[from] katonic_service::config::Error),
    /// One has no usable address.
    #[error(transparent)]
    Address(#[from] rpc::ClientError),
    /// Git's is no URI.
    #[error("[peers] git is not an address")]
    Git(#[source] http::uri::InvalidUri),
}

/// Channels to the owners, and the right to call them.
pub(crate) struct Upstreams {
    channels: HashMap<Audience, Channel>,
    git: Uri,
    http: Client<HttpConnector, Body>,
    minter: Minter,
}

impl Upstreams {
    pub(crate) fn new(peers: &PeersSection, minter: Minter) -> Result<Self, Error> {
        let mut channels = HashMap::new();
        for audience in [Audience::Metadata, Audience::Dispatcher, Audience::Logs, Audience::Search] {
            channels.insert(audience, rpc::endpoint(peers.uri(audience)?)?.connect_lazy());
        }
        let git = peers.uri(Audience::Git)?.parse().map_err(Error::Git)?;
        let http = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build_http();
        Ok(Self { channels, git, http, minter })
    }

    /// The channel to an owner of RPCs; Git has none.
    pub(crate) fn channel(&self, audience: Audience) -> Option<Channel> {
        self.channels.get(&audience).cloned()
    }

    /// The base address of the Git role.
    pub(crate) const fn git(&self) -> &Uri {
        &self.git
    }

    /// The client for plain HTTP.
    pub(crate) const fn http(&self) -> &Client<HttpConnector, Body> {
        &self.http
    }

    /// The `authorization` value for a user's call to an owner.
    pub(crate) fn authorization(&self, grant: &UserGrant, audience: Audience) -> Result<HeaderValue, Failure> {
        let minted = self.minter.for_user(grant, audience).map_err(|error| from_status(&to_status(&error)))?;
        Ok(bearer(&minted))
    }
}

fn bearer(minted: &Minted) -> HeaderValue {
    let text = format!("Bearer {}", minted.token.expose());
    let mut value = HeaderValue::try_from(text).expect("a JWT is base64url and dots");
    value.set_sensitive(true);
    value
}

/// Whether the service at a base address is alive.
pub(crate) async fn alive(http: Client<HttpConnector, Body>, base: String) -> bool {
    let Ok(request) = Request::get(format!("{}/healthz", base.trim_end_matches('/'))).body(Body::empty()) else {
        return false;
    };
    http.request(request).await.is_ok_and(|response| response.status().is_success())
}
