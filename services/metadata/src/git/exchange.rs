//! One request's bytes between client and Git, with a hard time limit.
//!
//! ```text
//!  body ──feed──▶ stdin │ git http-backend │ stdout ──▶ head, then chunks ──▶ response
//!                       └ stderr ─▶ kept for the log
//! ```
//!
//! The exchange is a task of its own: a client that goes away does not leave a
//! push unsettled. Its last act comes before the response ends, so that whoever
//! has read the answer of a push finds it in the project.
//!
//! Must hold: at the limit the whole process group ends, by TERM first, since
//! Git then removes its lock files.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, future::BoxFuture};
use http::{HeaderName, HeaderValue, StatusCode};
use katonic_service::runtime::spawn;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin},
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;

use super::Error;

/// A CGI head is some 200 bytes.
const LONGEST_HEAD: usize = 8 * 1024;
const CHUNK: usize = 64 * 1024;
/// Chunks between Git and a slow client: 512 KiB a request.
const CHUNKS: usize = 8;
const STDERR_KEPT: u64 = 4 * 1024;
/// From TERM to KILL.
const GRACE: Duration = Duration::from_secs(5);
/// The kernel tells nobody when a process group is gone.
const POLL: Duration = Duration::from_millis(10);
/// The response headers that Git may set.
const ANSWERED: [&str; 4] = ["content-type", "cache-control", "expires", "pragma"];

/// A started Git and what it is to be fed.
pub(super) struct Exchange {
    pub(super) child: Child,
    pub(super) body: Body,
    pub(super) max_body: u64,
    pub(super) time_limit: Duration,
    /// Whether Git goes on when the client has gone.
    pub(super) outlives_client: bool,
    /// Ends once its user may no longer do this.
    pub(super) revoked: BoxFuture<'static, ()>,
    /// Runs after Git has ended, however it ended.
    pub(super) afterwards: BoxFuture<'static, ()>,
}

type Chunks = mpsc::Sender<io::Result<Bytes>>;
type Head = (StatusCode, Vec<(HeaderName, HeaderValue)>);

impl Exchange {
    /// Runs it; answers as soon as Git has said its head.
    pub(super) async fn run(self) -> Result<Response, Error> {
        let (head, answered) = oneshot::channel();
        let (chunks, stream) = mpsc::channel(CHUNKS);
        spawn("git-exchange", self.drive(head, chunks));
        let (status, headers) = answered.await.map_err(|_ended| Error::TimeLimit)??;
        let mut response = Response::new(Body::from_stream(ReceiverStream::new(stream)));
        *response.status_mut() = status;
        response.headers_mut().extend(headers);
        Ok(response)
    }

    async fn drive(mut self, head: oneshot::Sender<Result<Head, Error>>, chunks: Chunks) {
        let stderr = self.child.stderr.take().map(|stderr| spawn("git-stderr", keep(stderr)));
        let too_large = Arc::new(AtomicBool::new(false));
        let body = std::mem::take(&mut self.body);
        let feeding = self
            .child
            .stdin
            .take()
            .map(|stdin| spawn("git-stdin", feed(body, stdin, self.max_body, Arc::clone(&too_large))));
        let talk = timeout(self.time_limit, talk(&mut self.child, head, &chunks, self.outlives_client));
        let outcome = tokio::select! {
            outcome = talk => outcome.unwrap_or(Outcome::TimeLimit),
            () = self.revoked => Outcome::Revoked,
        };
        if outcome.leaves_git_running() {
            end(&mut self.child).await;
        }
        if let Some(feeding) = feeding {
            feeding.abort();
        }
        self.afterwards.await;
        if too_large.load(Ordering::Relaxed) || outcome.leaves_git_running() {
            // Cuts the response, so that no client takes it for whole.
            let _gone = chunks.send(Err(io::ErrorKind::ConnectionAborted.into())).await;
        }
        if let Some(stderr) = stderr {
            log(outcome, &stderr.await.unwrap_or_default());
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Ended,
    /// By itself and with an error, which its protocol has told the client.
    Failed,
    ClientGone,
    Broken,
    TimeLimit,
    Revoked,
}

impl Outcome {
    const fn leaves_git_running(self) -> bool {
        match self {
            Self::Ended | Self::Failed => false,
            Self::ClientGone | Self::Broken | Self::TimeLimit | Self::Revoked => true,
        }
    }
}

/// Passes on what Git says until it has ended.
async fn talk(
    child: &mut Child,
    head: oneshot::Sender<Result<Head, Error>>,
    chunks: &Chunks,
    outlives_client: bool,
) -> Outcome {
    let Some(mut stdout) = child.stdout.take() else { return Outcome::Broken };
    let mut buffer = BytesMut::with_capacity(CHUNK);
    let parsed = read_head(&mut stdout, &mut buffer).await;
    let readable = parsed.is_ok();
    let client_there = head.send(parsed).is_ok();
    if !readable {
        return Outcome::Broken;
    }
    if !client_there && !outlives_client {
        return Outcome::ClientGone;
    }
    loop {
        if !buffer.is_empty() {
            let sent = chunks.send(Ok(buffer.split().freeze())).await;
            if sent.is_err() && !outlives_client {
                return Outcome::ClientGone;
            }
        }
        buffer.reserve(CHUNK);
        match stdout.read_buf(&mut buffer).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) => return Outcome::Broken,
        }
    }
    if child.wait().await.is_ok_and(|status| status.success()) { Outcome::Ended } else { Outcome::Failed }
}

/// Reads up to and with the empty line; what follows stays in `buffer`.
async fn read_head(stdout: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Result<Head, Error> {
    let broken = |detail: &str| Error::Failed { step: "http-backend", detail: detail.to_owned() };
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = buffer.split_to(end + 4);
            return parse_head(&head).ok_or_else(|| broken("an unreadable head"));
        }
        if buffer.len() > LONGEST_HEAD {
            return Err(broken("no end of its head"));
        }
        let read = stdout.read_buf(buffer).await.map_err(|source| Error::Process { step: "read", source })?;
        if read == 0 {
            return Err(broken("ended before its head"));
        }
    }
}

fn parse_head(head: &[u8]) -> Option<Head> {
    let mut status = StatusCode::OK;
    let mut headers = Vec::new();
    for line in std::str::from_utf8(head).ok()?.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        if name == "status" {
            status = value.split(' ').next()?.parse().ok()?;
        } else if ANSWERED.contains(&name.as_str()) {
            headers.push((name.parse().ok()?, value.parse().ok()?));
        }
    }
    Some((status, headers))
}

/// Feeds the request's body to Git; a broken or too large one ends its input.
async fn feed(body: Body, mut stdin: ChildStdin, max: u64, too_large: Arc<AtomicBool>) {
    let mut stream = body.into_data_stream();
    let mut left = max;
    while let Some(Ok(chunk)) = stream.next().await {
        let Some(rest) = left.checked_sub(chunk.len() as u64) else {
            too_large.store(true, Ordering::Relaxed);
            return;
        };
        left = rest;
        if stdin.write_all(&chunk).await.is_err() {
            // Git has heard enough; the rest is read so that the client reads the answer.
            while let Some(Ok(_)) = stream.next().await {}
            return;
        }
    }
}

async fn keep(mut stderr: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    // A pipe that breaks has said what it had to say.
    let _read = (&mut stderr).take(STDERR_KEPT).read_to_end(&mut kept).await;
    let _rest = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    kept
}

/// Ends Git and its children: TERM, and KILL for what is left.
async fn end(child: &mut Child) {
    let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) else {
        return;
    };
    // Nobody left to signal is what is wanted, here and below.
    let _gone = kill_process_group(group, Signal::TERM);
    let ended = async {
        let _status = child.wait().await;
        // The group's id is not reused while one of its processes is left.
        while test_kill_process_group(group).is_ok() {
            sleep(POLL).await;
        }
    };
    if timeout(GRACE, ended).await.is_err() {
        tracing::warn!(group = group.as_raw_nonzero().get(), "git ignored TERM");
        let _gone = kill_process_group(group, Signal::KILL);
    }
}

fn log(outcome: Outcome, stderr: &[u8]) {
    let said = String::from_utf8_lossy(stderr);
    match outcome {
        Outcome::Ended => {}
        Outcome::ClientGone => tracing::debug!(git.said = %said.escape_debug(), "git client went away"),
        Outcome::TimeLimit => tracing::warn!("git request ended at its time limit"),
        Outcome::Revoked => tracing::info!("git request ended: its user may no longer do this"),
        Outcome::Failed | Outcome::Broken => tracing::warn!(git.said = %said.escape_debug(), "git ended with an error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_ends_at_the_empty_line() {
        let mut input: &[u8] = b"Status: 404 Not Found\r\nContent-Type: text/plain\r\nX-Other: 1\r\n\r\nbody";
        let mut buffer = BytesMut::new();
        let (status, headers) = read_head(&mut input, &mut buffer).await.expect("a head");
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(headers.len(), 1);
        // What follows is partly read and partly not, and not lost.
        assert_eq!([&buffer[..], input].concat(), b"body");
    }

    #[tokio::test]
    async fn what_is_no_head_is_refused() {
        let endless = b"a: b\r\n".repeat(5_000);
        for head in [&b""[..], b"no colon\r\n\r\n", b"Status: x\r\n\r\n", b"Content-Type: a\r\n", &endless] {
            let mut input = head;
            assert!(read_head(&mut input, &mut BytesMut::new()).await.is_err());
        }
    }
}
