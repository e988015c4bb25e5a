//! The accept loop of every port: HTTP/1 and HTTP/2 without TLS, caps on what
//! a peer may make us hold, and a drain with a deadline.
//!
//! On shutdown no connection is taken any more; open ones finish their
//! requests (HTTP/2 is told GOAWAY) and are cut at the deadline.

use std::{io, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use crate::runtime::{Shutdown, spawn};

/// Caps of a port.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest head of a request: line and headers.
    pub header_bytes: u32,
    /// How long a head may take to come.
    pub header_time: Duration,
    /// Requests at once on one HTTP/2 connection. The gateway multiplexes all
    /// followers of logs over one connection to a service, so this is their cap.
    pub streams: u32,
    /// Connections at once; each holds two descriptors at most and some 40 KiB.
    pub connections: usize,
    /// How long open requests may take to end after shutdown.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 16 * 1024,
            header_time: Duration::from_secs(10),
            streams: 4_096,
            connections: 1_024,
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves `router` until `shutdown`, then drains.
pub async fn serve(name: &'static str, listener: TcpListener, router: Router, limits: Limits, shutdown: Shutdown) {
    let connections = GracefulShutdown::new();
    let cut = Shutdown::new();
    let server = builder(limits);
    info!(service = name, address = ?listener.local_addr().ok(), "listening");
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) if connections.count() < limits.connections => {
                let connection = Connection { server: server.clone(), router: router.clone(), cut: cut.clone() };
                spawn("connection", connection.run(stream, connections.watcher()));
            }
            Ok(_) => warn!(service = name, "too many connections, one was refused"),
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    if timeout(limits.drain, connections.shutdown()).await.is_err() {
        warn!(service = name, "requests were cut at the drain deadline");
    }
    cut.cancel();
}

fn builder(limits: Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes.max(8 * 1024) as usize)
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits.header_bytes)
        .max_concurrent_streams(limits.streams)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// Out of descriptors or memory: accepting again at once would spin.
async fn pause_after(error: &io::Error) {
    warn!(%error, "a connection could not be accepted");
    sleep(Duration::from_millis(50)).await;
}

struct Connection {
    server: Builder<TokioExecutor>,
    router: Router,
    cut: Shutdown,
}

impl Connection {
    async fn run(self, stream: TcpStream, watcher: Watcher) {
        // Small answers must not wait for more to send; without it they only come later.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(self.router);
        let connection = self.server.serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            ended = watcher.watch(connection) => {
                if let Err(error) = ended {
                    debug!(%error, "a connection broke");
                }
            }
            () = self.cut.cancelled() => {}
        }
    }
}
