//! Reading a server's stream across everything that can happen to the connection.
//!
//! The cursor of the last answer that was handed out is all the state there
//! is: after a loss the stream is opened again from there, so that nothing is
//! seen twice and nothing is left out.

use std::{future::Future, time::Duration};

use katonic_domain::ExecutionId;
use katonic_proto::{
    dispatcher::v1::{WatchExecutionRequest, WatchExecutionResponse},
    logs::v1::{FollowLogRequest, FollowLogResponse, Stream},
    search::v1::{FollowEventsRequest, FollowEventsResponse},
};
use tonic::Streaming;

use crate::{backoff::Backoff, client::Client, rpc_error::Error, text};

/// How long a lost stream is looked for: a restart of the platform fits in.
const PATIENCE: Duration = Duration::from_secs(600);

/// Something that is read as a stream with cursors.
pub trait Feed {
    /// What each answer is.
    type Answer;
    /// Opens the stream after `cursor`; an empty one is its start.
    fn open(
        &self,
        client: &Client,
        cursor: String,
    ) -> impl Future<Output = Result<Streaming<Self::Answer>, Error>> + Send;
    /// Where to go on after `answer`.
    fn cursor(answer: &Self::Answer) -> &str;
    /// Whether nothing follows `answer`.
    fn is_last(answer: &Self::Answer) -> bool;
}

/// The log of an execution, of all attempts.
pub struct Log {
    /// Whose.
    pub execution: ExecutionId,
    /// Only this stream; unspecified means all.
    pub stream: Stream,
}

impl Feed for Log {
    type Answer = FollowLogResponse;

    async fn open(&self, client: &Client, cursor: String) -> Result<Streaming<Self::Answer>, Error> {
        let execution_id = self.execution.to_string();
        client.follow_log(FollowLogRequest { execution_id, cursor, stream: self.stream.into() }).await
    }

    fn cursor(answer: &Self::Answer) -> &str {
        &answer.cursor
    }

    fn is_last(answer: &Self::Answer) -> bool {
        answer.ended
    }
}

/// The states of an execution.
pub struct States {
    /// Whose.
    pub execution: ExecutionId,
}

impl Feed for States {
    type Answer = WatchExecutionResponse;

    async fn open(&self, client: &Client, cursor: String) -> Result<Streaming<Self::Answer>, Error> {
        client.watch_execution(WatchExecutionRequest { execution_id: self.execution.to_string(), cursor }).await
    }

    fn cursor(answer: &Self::Answer) -> &str {
        &answer.cursor
    }

    fn is_last(answer: &Self::Answer) -> bool {
        answer.execution.as_ref().is_some_and(text::has_ended)
    }
}

/// The events of the installation, as the request asks for them.
pub struct Events(pub FollowEventsRequest);

impl Feed for Events {
    type Answer = FollowEventsResponse;

    async fn open(&self, client: &Client, cursor: String) -> Result<Streaming<Self::Answer>, Error> {
        let mut request = self.0.clone();
        if !cursor.is_empty() {
            request.cursor = cursor;
        }
        client.follow_events(request).await
    }

    fn cursor(answer: &Self::Answer) -> &str {
        &answer.cursor
    }

    fn is_last(_: &Self::Answer) -> bool {
        false
    }
}

/// A feed that is opened again whenever it breaks.
pub struct Resuming<F: Feed> {
    client: Client,
    feed: F,
    cursor: String,
    stream: Option<Streaming<F::Answer>>,
    backoff: Backoff,
    ended: bool,
}

impl<F: Feed> Resuming<F> {
    /// Reads `feed` from its start.
    pub fn new(client: &Client, feed: F) -> Self {
        Self {
            client: client.clone(),
            feed,
            cursor: String::new(),
            stream: None,
            backoff: Backoff::lasting(PATIENCE),
            ended: false,
        }
    }

    /// Whether the last answer has been handed out.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next answer; `None` after the last. The future may be dropped and
    /// made again without losing anything.
    pub async fn next(&mut self) -> Result<Option<F::Answer>, Error> {
        while !self.ended {
            let error = match self.advance().await {
                Ok(Some(answer)) => {
                    self.backoff.succeeded();
                    F::cursor(&answer).clone_into(&mut self.cursor);
                    self.ended = F::is_last(&answer);
                    return Ok(Some(answer));
                }
                // The server went away in good order: it is being replaced.
                Ok(None) => Error::closed(self.client.endpoint().url()),
                Err(error) => error,
            };
            self.stream = None;
            match error.is_transient().then(|| self.backoff.delay()).flatten() {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(error),
            }
        }
        Ok(None)
    }

    async fn advance(&mut self) -> Result<Option<F::Answer>, Error> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => self.stream.insert(self.feed.open(&self.client, self.cursor.clone()).await?),
        };
        stream.message().await.map_err(|status| Error::new(self.client.endpoint().url(), &status))
    }
}
