//! A server stream as Server-Sent Events (DESIGN C5).
//!
//! Each answer is one event; its `cursor` field is the event's id, which the
//! client sends back as `Last-Event-ID`. What goes wrong after the 200 is an
//! `event: problem`.

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

/// The answer that streams until either side ends it, or `ending` does.
pub(super) fn response(
    answers: Streaming<DynamicMessage>,
    ending: impl Future<Output = Ending> + Send + 'static,
    permit: StreamPermit,
) -> Response {
    let mut response = Response::new(Body::from_stream(events(answers, ending, permit)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Says to proxies that know it: send each event at once.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn events(
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
                    yield Ok(problem(&Problem::from(Failure::from(ended))));
                    break;
                }
                answer = answers.message() => match answer {
                    Ok(Some(message)) => yield Ok(event(&message)),
                    Ok(None) => break,
                    Err(status) => {
                        yield Ok(problem(&Problem::from(from_status(&status))));
                        break;
                    }
                },
                _ = ping.tick() => yield Ok(Bytes::from_static(b": ping\n\n")),
            }
        }
    }
}

fn event(message: &DynamicMessage) -> Bytes {
    let json = match to_json(message) {
        Ok(json) => json,
        Err(error) => return problem(&error),
    };
    let mut event = Vec::with_capacity(json.len() + 64);
    if let Some(cursor) = text(message, "cursor").filter(|cursor| !cursor.contains(char::is_control)) {
        event.extend_from_slice(b"id: ");
        event.extend_from_slice(cursor.as_bytes());
        event.push(b'\n');
    }
    event.extend_from_slice(b"data: ");
    event.extend_from_slice(&json);
    event.extend_from_slice(b"\n\n");
    event.into()
}

fn problem(problem: &Problem) -> Bytes {
    format!("event: problem\ndata: {}\n\n", problem.to_json()).into()
}

#[cfg(test)]
mod tests {
    use katonic_proto::logs::v1::{Entry, FollowLogResponse, entry::Content};
    use prost_reflect::ReflectMessage;

    use super::*;

    #[test]
    fn an_answer_is_one_event_with_its_cursor_as_id() {
        let entry = Entry { seq: 1, content: Some(Content::Text("a\nb\r\u{1b}[0m".to_owned())), ..Entry::default() };
        let answer =
            FollowLogResponse { entries: vec![entry], cursor: "1.0.1".to_owned(), ..FollowLogResponse::default() };
        let event = event(&answer.transcode_to_dynamic());
        let text = std::str::from_utf8(&event).expect("UTF-8");
        let lines: Vec<_> = text.split('\n').collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(lines[0], "id: 1.0.1");
        assert!(lines[1].starts_with("data: {") && !text.contains('\r') && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_cursor_cannot_add_lines() {
        let answer = FollowLogResponse { cursor: "1\ndata: x".to_owned(), ..FollowLogResponse::default() };
        assert!(event(&answer.transcode_to_dynamic()).starts_with(b"data: "));
    }
}
