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
    /// How long a connection may be silent before its first request, and how long a head may take to come.
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
                let connection = Connection {
                    server: server.clone(),
                    router: router.clone(),
                    first_time: limits.header_time,
                    shutdown: shutdown.clone(),
                    cut: cut.clone(),
                };
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
    first_time: Duration,
    shutdown: Shutdown,
    cut: Shutdown,
}

impl Connection {
    async fn run(self, stream: TcpStream, watcher: Watcher) {
        // Small answers must not wait for more to send; without it they only come later.
        let _ = stream.set_nodelay(true);
        let spoken = async { matches!(timeout(self.first_time, speaks(&stream)).await, Ok(Ok(()))) };
        // A drain does not wait for who has asked nothing.
        if self.shutdown.run_until_cancelled(spoken).await != Some(true) {
            debug!("a connection was silent");
            return;
        }
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

/// Waits until a peer has sent so much that its protocol is known: until then
/// the server below would wait for ever.
async fn speaks(stream: &TcpStream) -> io::Result<()> {
    // RFC 9113, section 3.4: what a client that speaks HTTP/2 sends first.
    const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    // For who sends it byte by byte.
    const PAUSE: Duration = Duration::from_millis(20);
    let mut first = [0; HTTP2_PREFACE.len()];
    loop {
        let len = stream.peek(&mut first).await?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if len == first.len() || !HTTP2_PREFACE.starts_with(&first[..len]) {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What a peer gets that sends `sent` and then nothing.
    async fn answer_to(sent: &[u8]) -> io::Result<Vec<u8>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let limits = Limits { header_time: Duration::from_millis(200), ..Limits::default() };
        let shutdown = Shutdown::new();
        let router = Router::new().route("/", get(|| async { "here" }));
        let server = spawn("server", serve("test", listener, router, limits, shutdown.clone()));
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(sent).await?;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer).await {
            // What was sent and never read makes an end a reset.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            ended => drop(ended?),
        }
        shutdown.cancel();
        server.await.map_err(io::Error::other)?;
        Ok(answer)
    }

    #[tokio::test]
    async fn silent_connections_are_ended_and_speaking_ones_are_answered() -> io::Result<()> {
        for silent in ["", "PRI", "PRI * HTTP/2.0"] {
            assert_eq!(answer_to(silent.as_bytes()).await?, b"", "{silent}");
        }
        let answer = answer_to(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await?;
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        let preface = answer_to(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\n\r\n").await?;
        assert!(!preface.is_empty(), "HTTP/2 is answered");
        Ok(())
    }
}
