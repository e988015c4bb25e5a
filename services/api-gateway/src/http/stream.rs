//! A server stream as Server-Sent Events (DESIGN C5) or as lines of JSON.
//!
//! Each answer is one event, its `cursor` field the event's id, which the client
//! sends back as `Last-Event-ID`; or one line, in which the cursor is a field as
//! any other. What goes wrong after the 200 is the last: an `event: problem`, or
//! a line with the one field `problem`.

use std::{convert::Infallible, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::Stream;
use http::{HeaderValue, header::CONTENT_TYPE};
use katonic_service::rpc::{Failure, from_status};
use prost_reflect::DynamicMessage;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tonic::Streaming;

use super::response::{text, to_json};
use crate::{limits::StreamPermit, problem::Problem, session::Ending};

/// Proxies give up on connections that say nothing for a minute or so.
const PING: Duration = Duration::from_secs(15);

/// How answers are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-Sent Events, of the HTML Living Standard, section 9.2.
    Events,
    /// Newline-delimited JSON, <https://github.com/ndjson/ndjson-spec>; a ping is an empty line.
    Lines,
}

impl Framing {
    /// The better-known one first: who takes anything gets it.
    pub(super) const ALL: [Self; 2] = [Self::Events, Self::Lines];

    /// Its media type.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        }
    }

    const fn ping(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Events => b": ping\n\n",
            Self::Lines => b"\n",
        })
    }

    fn answer(self, message: &DynamicMessage) -> Bytes {
        match to_json(message) {
            Ok(json) if self == Self::Events => event(message, &json),
            Ok(mut json) => {
                json.push(b'\n');
                json.into()
            }
            Err(error) => self.problem(&error),
        }
    }

    fn problem(self, problem: &Problem) -> Bytes {
        let json = problem.to_json();
        match self {
            Self::Events => format!("event: problem\ndata: {json}\n\n").into(),
            Self::Lines => format!("{{\"problem\":{json}}}\n").into(),
        }
    }
}

/// The answer that streams until either side ends it, or `ending` does.
pub(super) fn response(
    framing: Framing,
    answers: Streaming<DynamicMessage>,
    ending: impl Future<Output = Ending> + Send + 'static,
    permit: StreamPermit,
) -> Response {
    let mut response = Response::new(Body::from_stream(chunks(framing, answers, ending, permit)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(framing.media_type()));
    // Says to proxies that know it: send each answer at once.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn chunks(
    framing: Framing,
    mut answers: Streaming<DynamicMessage>,
    ending: impl Future<Output = Ending> + Send + 'static,
    permit: StreamPermit,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    async_stream::stream! {
        let _held = permit;
        let mut ping = interval_at(Instant::now() + PING, PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ending = std::pin::pin!(ending);
        loop {
            tokio::select! {
                biased;
                ended = &mut ending => {
                    yield Ok(framing.problem(&Problem::from(Failure::from(ended))));
                    break;
                }
                answer = answers.message() => match answer {
                    Ok(Some(message)) => yield Ok(framing.answer(&message)),
                    Ok(None) => break,
                    Err(status) => {
                        yield Ok(framing.problem(&Problem::from(from_status(&status))));
                        break;
                    }
                },
                _ = ping.tick() => yield Ok(framing.ping()),
            }
        }
    }
}

fn event(message: &DynamicMessage, json: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(json.len() + 64);
    if let Some(cursor) = text(message, "cursor").filter(|cursor| !cursor.contains(char::is_control)) {
        event.extend_from_slice(b"id: ");
        event.extend_from_slice(cursor.as_bytes());
        event.push(b'\n');
    }
    event.extend_from_slice(b"data: ");
    event.extend_from_slice(json);
    event.extend_from_slice(b"\n\n");
    event.into()
}

#[cfg(test)]
mod tests {
    use katonic_proto::logs::v1::{Entry, FollowLogResponse, entry::Content};
    use prost_reflect::ReflectMessage;

    use super::*;

    fn answer() -> DynamicMessage {
        let entry = Entry { seq: 1, content: Some(Content::Text("a\nb\r\u{1b}[0m".to_owned())), ..Entry::default() };
        FollowLogResponse { entries: vec![entry], cursor: "1.0.1".to_owned(), ..FollowLogResponse::default() }
            .transcode_to_dynamic()
    }

    #[test]
    fn an_answer_is_one_event_with_its_cursor_as_id() {
        let event = Framing::Events.answer(&answer());
        let text = std::str::from_utf8(&event).expect("UTF-8");
        let lines: Vec<_> = text.split('\n').collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(lines[0], "id: 1.0.1");
        assert!(lines[1].starts_with("data: {") && !text.contains('\r') && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn an_answer_is_one_line() {
        let line = Framing::Lines.answer(&answer());
        let text = std::str::from_utf8(&line).expect("UTF-8");
        assert!(text.starts_with('{') && text.ends_with("}\n") && text.lines().count() == 1, "{text}");
        assert!(text.contains("\"cursor\":\"1.0.1\""), "{text}");
    }

    #[test]
    fn a_cursor_cannot_add_lines() {
        let answer = FollowLogResponse { cursor: "1\ndata: x".to_owned(), ..FollowLogResponse::default() };
        assert!(Framing::Events.answer(&answer.transcode_to_dynamic()).starts_with(b"data: "));
    }
}
