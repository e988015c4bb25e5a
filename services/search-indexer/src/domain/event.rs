//! An event as the feed keeps it, and a place in the feed.

use std::{fmt, str::FromStr};

use katonic_domain::{ProjectId, UserId};
use katonic_proto::envelope::Envelope;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Fields of payloads that name the user whom an event without a project concerns.
const CONCERNED: [&str; 3] = ["userId", "principal", "principalId"];

/// Where an event stands among those of its aggregate: "higher" means (incarnation, sequence).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Of the installation.
    pub incarnation: u32,
    /// The aggregate's version.
    pub sequence: u64,
}

/// An event on its way into the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedEvent {
    /// The whole event.
    pub envelope: Envelope,
    /// Its place, from source and sequence.
    pub place: Place,
    /// The project that it belongs to, if any.
    pub project: Option<ProjectId>,
    /// The user whom it concerns, if that is one user's business.
    pub user: Option<UserId>,
}

/// Why a `CloudEvent` is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// Its source does not end in an incarnation.
    #[error("the event's source has no incarnation")]
    Source,
    /// Its sequence is no number.
    #[error("the event's sequence is not a number")]
    Sequence,
}

impl TryFrom<Envelope> for FeedEvent {
    type Error = NotOurs;

    fn try_from(envelope: Envelope) -> Result<Self, NotOurs> {
        let incarnation = envelope.source.rsplit('/').next().and_then(|part| part.parse().ok());
        let place = Place {
            incarnation: incarnation.ok_or(NotOurs::Source)?,
            sequence: envelope.sequence.parse().map_err(|_| NotOurs::Sequence)?,
        };
        let project = envelope.partitionkey.parse().ok();
        let named = |field: &&str| envelope.data.get(*field).and_then(Value::as_str).and_then(|id| id.parse().ok());
        // A user's own facts have the user as their subject.
        let user = CONCERNED.iter().find_map(named).or_else(|| envelope.subject.parse().ok());
        Ok(Self { envelope, place, project, user })
    }
}

impl FeedEvent {
    /// The aggregate's id.
    pub fn subject(&self) -> &str {
        &self.envelope.subject
    }

    /// The noun of its type, such as `execution`.
    pub fn entity(&self) -> &str {
        entity(&self.envelope.event_type)
    }
}

/// The noun of an event type `io.katonic.<entity>.<fact>.v1`.
pub fn entity(event_type: &str) -> &str {
    event_type.split('.').nth(2).unwrap_or_default()
}

/// A place in the feed, as readers keep it: it survives restarts and refuses
/// the place of another feed than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Which feed: it changes only where the feed had to be begun anew.
    pub epoch: u64,
    /// The last event before it.
    pub n: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{:x}.{:x}", self.epoch, self.n)
    }
}

/// Why a text is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not from an earlier answer")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (epoch, n) = text.strip_prefix('f').and_then(|rest| rest.split_once('.')).ok_or(NotACursor)?;
        let number = |digits| u64::from_str_radix(digits, 16).map_err(|_| NotACursor);
        let cursor = Self { epoch: number(epoch)?, n: number(n)? };
        if cursor.to_string() == text { Ok(cursor) } else { Err(NotACursor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_nothing_else_passes() {
        for cursor in [Cursor { epoch: 0, n: 0 }, Cursor { epoch: u64::MAX, n: 255 }] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for bad in ["", "f", "f.", "f1", "f1.", "f1.0x2", "f01.2", "f1.+2", "F1.2", "f1.2\n", "f1.2.3"] {
            assert_eq!(bad.parse::<Cursor>(), Err(NotACursor), "{bad:?}");
        }
    }

    #[test]
    fn an_event_without_a_project_is_the_business_of_the_user_it_names() {
        let user = UserId::generate();
        let envelope = |subject: &str, data: Value| Envelope {
            specversion: "1.0".to_owned(),
            id: "x".to_owned(),
            source: "/katonic/ins_x/metadata/3".to_owned(),
            event_type: "io.katonic.token.created.v1".to_owned(),
            subject: subject.to_owned(),
            time: "2026-01-02T03:04:05Z".to_owned(),
            sequence: format!("{:020}", 7),
            partitionkey: subject.to_owned(),
            traceparent: None,
            datacontenttype: "application/json".to_owned(),
            data,
        };
        let named = envelope("tok_x", serde_json::json!({"tokenId": "tok_x", "userId": user.to_string()}));
        let event = FeedEvent::try_from(named).expect("ours");
        assert_eq!(event.place, Place { incarnation: 3, sequence: 7 });
        assert_eq!((event.project, event.user, event.entity()), (None, Some(user), "token"));
        let own = FeedEvent::try_from(envelope(&user.to_string(), Value::Null)).expect("ours");
        assert_eq!(own.user, Some(user));
    }
}
