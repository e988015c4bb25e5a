//! Calls to a peer: lazily connected, with a deadline, the trace context and a
//! freshly minted token on every call.

use std::{str::FromStr, time::Duration};

use http::HeaderValue;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Endpoint,
};

use super::status::to_status;
use crate::{
    auth::{Audience, Minter},
    telemetry,
};

/// A channel that authenticates as this service; give it to a generated client.
pub type Channel = InterceptedService<tonic::transport::Channel, Outgoing>;

/// How long a call may take unless it says less.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a connection may take: peers are on the same machine or network.
const CONNECT: Duration = Duration::from_secs(2);
/// A connection that does not answer pings for this long is given up.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How much of an answer may wait unread, which is what a reader who does not read costs.
const STREAM_WINDOW: u32 = 64 * 1024;
/// All streams of a connection share it (RFC 9113, section 5.2): so large that streams that
/// nobody reads, 32,000 of them, leave room for the others.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
#[error("{uri:?} is not the address of a service")]
pub struct ClientError {
    uri: String,
    source: tonic::transport::Error,
}

/// A channel to a peer with the default deadline of 10 s a call. A streaming
/// call's deadline is for its first answer only.
///
/// # Errors
/// A URI that does not parse.
pub fn channel(uri: &str, minter: &Minter, audience: Audience) -> Result<Channel, ClientError> {
    channel_with_deadline(uri, minter, audience, DEADLINE)
}

/// As [`channel`], with another deadline.
///
/// # Errors
/// A URI that does not parse.
pub fn channel_with_deadline(
    uri: &str,
    minter: &Minter,
    audience: Audience,
    deadline: Duration,
) -> Result<Channel, ClientError> {
    let channel = endpoint(uri)?.timeout(deadline).connect_lazy();
    Ok(InterceptedService::new(channel, Outgoing { minter: minter.clone(), audience }))
}

/// The connection settings of every client of ours, without deadline or token.
///
/// # Errors
/// A URI that does not parse.
pub fn endpoint(uri: &str) -> Result<Endpoint, ClientError> {
    let endpoint = Endpoint::from_str(uri).map_err(|source| ClientError { uri: uri.to_owned(), source })?;
    Ok(endpoint
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true))
}

/// Adds token and trace context to every call.
#[derive(Debug, Clone)]
pub struct Outgoing {
    minter: Minter,
    audience: Audience,
}

impl Interceptor for Outgoing {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let minted = self.minter.for_service(self.audience).map_err(|error| to_status(&error))?;
        request.metadata_mut().insert("authorization", bearer(minted.token.expose()));
        if let Some(traceparent) = telemetry::traceparent().and_then(|text| text.parse().ok()) {
            request.metadata_mut().insert("traceparent", traceparent);
        }
        Ok(request)
    }
}

fn bearer(token: &str) -> MetadataValue<Ascii> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).expect("a JWT is base64url and dots");
    value.set_sensitive(true);
    MetadataValue::try_from(value.as_bytes()).expect("it was a header value")
}
