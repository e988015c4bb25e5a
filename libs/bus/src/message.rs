//! What a consumer is handed, read from bytes that are not trusted.
//!
//! Must hold: a body is measured before it is parsed, and parsing ends at a
//! depth (`serde_json` stops at 128), so that no message can take the process
//! with it. Whatever does not fit is an error with a stable reason, never a
//! panic: the message is parked.

use jiff::Timestamp;
use katonic_domain::ProjectId;
use katonic_proto::envelope::Envelope;
use serde_json::Value;

/// The largest body that is parsed. The largest event is under 64 KiB (DESIGN
/// E2); what an old or new version publishes may be somewhat larger.
pub(crate) const MAX_BODY_BYTES: usize = 256 * 1024;

/// What a consumer is handed.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every one is an event, and they lie in a batch's one allocation")]
pub enum Message {
    /// A fact. It may come twice, late, or out of order.
    Event(IncomingEvent),
    /// Events may have been missed: compare with the owners (DESIGN B4). Always
    /// alone in its batch, since it may take long.
    Resync,
}

/// A `CloudEvent` that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct IncomingEvent {
    /// The same for every repetition of the same fact.
    pub id: String,
    /// `/katonic/<installation>/<service>/<incarnation>`.
    pub source: String,
    /// `io.katonic.<entity>.<fact>.v1`; may be one that this version does not know.
    pub event_type: String,
    /// The noun in the type, such as `execution`.
    pub entity: String,
    /// What happened, such as `finished`.
    pub fact: String,
    /// The aggregate's id.
    pub subject: String,
    /// Of the installation; "higher" means (incarnation, sequence).
    pub incarnation: u32,
    /// The aggregate's version with this event.
    pub sequence: u64,
    /// When it was committed, by the owner's clock.
    pub time: Timestamp,
    /// The project that it belongs to; a project belongs to itself.
    pub project: Option<ProjectId>,
    /// W3C trace context of the change.
    pub traceparent: Option<String>,
    /// The public snapshot as proto3 JSON.
    pub data: Value,
}

/// Why a body is not an event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("MESSAGE_TOO_LARGE: {0} bytes, at most {MAX_BODY_BYTES} are read")]
    TooLarge(usize),
    #[error("MESSAGE_NOT_AN_EVENT: {0}")]
    Malformed(#[source] serde_json::Error),
    #[error("EVENT_VERSION_UNKNOWN: {0:?}")]
    Version(String),
    #[error("EVENT_FIELD_INVALID: {field} is {value:?}")]
    Field { field: &'static str, value: String },
}

impl IncomingEvent {
    /// Higher wins; equal is the same fact (DESIGN B2).
    pub const fn order(&self) -> (u32, u64) {
        (self.incarnation, self.sequence)
    }

    pub(crate) fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        if body.len() > MAX_BODY_BYTES {
            return Err(Unreadable::TooLarge(body.len()));
        }
        Self::read(serde_json::from_slice(body).map_err(Unreadable::Malformed)?)
    }

    fn read(event: Envelope) -> Result<Self, Unreadable> {
        if event.specversion != "1.0" {
            return Err(Unreadable::Version(event.specversion));
        }
        let (entity, fact) = names(&event.event_type)?;
        let incarnation = field("source", &event.source, |source| source.rsplit('/').next()?.parse().ok())?;
        let sequence = field("sequence", &event.sequence, |sequence| sequence.parse().ok())?;
        let time = field("time", &event.time, |time| time.parse().ok())?;
        for (name, value) in [("id", &event.id), ("subject", &event.subject)] {
            field(name, value, |text| (!text.is_empty() && text.len() <= 512).then_some(()))?;
        }
        Ok(Self {
            project: event.partitionkey.parse().ok(),
            id: event.id,
            source: event.source,
            event_type: event.event_type,
            entity,
            fact,
            subject: event.subject,
            incarnation,
            sequence,
            time,
            traceparent: event.traceparent,
            data: event.data,
        })
    }
}

/// Entity and fact of `io.katonic.<entity>.<fact>.v1`.
fn names(event_type: &str) -> Result<(String, String), Unreadable> {
    let words: Vec<&str> = event_type.split('.').collect();
    let ["io", "katonic", entity, fact, version] = words[..] else {
        return Err(Unreadable::Field { field: "type", value: shortened(event_type) });
    };
    if version != "v1" {
        return Err(Unreadable::Version(shortened(event_type)));
    }
    Ok((entity.to_owned(), fact.to_owned()))
}

fn field<T>(field: &'static str, value: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Unreadable> {
    read(value).ok_or_else(|| Unreadable::Field { field, value: shortened(value) })
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "specversion": "1.0", "id": "prj_x.1.00000000000000000007", "source": "/katonic/ins_x/metadata/3",
            "type": "io.katonic.project.created.v1", "subject": "prj_x", "time": "2026-01-02T03:04:05Z",
            "sequence": "00000000000000000007", "partitionkey": "prj_01h455vb4pex5vsknk084sn02q",
            "datacontenttype": "application/json", "data": {"name": "a"}
        })
    }

    fn parse(value: &Value) -> Result<IncomingEvent, Unreadable> {
        IncomingEvent::parse(value.to_string().as_bytes())
    }

    #[test]
    fn an_event_is_read() {
        let read = parse(&event()).expect("a good event");
        assert_eq!(read.order(), (3, 7));
        assert_eq!((read.entity.as_str(), read.fact.as_str()), ("project", "created"));
        assert_eq!(read.project.map(|id| id.to_string()).as_deref(), Some("prj_01h455vb4pex5vsknk084sn02q"));
        assert_eq!(read.data, json!({"name": "a"}));
    }

    #[test]
    fn an_unknown_type_is_the_handlers_to_judge_and_an_unknown_field_is_nobodys() {
        let mut unknown = event();
        unknown["type"] = json!("io.katonic.teapot.boiled.v1");
        unknown["newattribute"] = json!(1);
        assert_eq!(parse(&unknown).expect("well formed").entity, "teapot");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_reason() {
        for (field, value, reason) in [
            ("specversion", json!("2.0"), "EVENT_VERSION_UNKNOWN"),
            ("type", json!("io.katonic.project.created.v2"), "EVENT_VERSION_UNKNOWN"),
            ("type", json!("io.katonic.project"), "EVENT_FIELD_INVALID"),
            ("source", json!("/katonic/ins_x/metadata/-1"), "EVENT_FIELD_INVALID"),
            ("sequence", json!("99999999999999999999999"), "EVENT_FIELD_INVALID"),
            ("time", json!("yesterday"), "EVENT_FIELD_INVALID"),
            ("subject", json!(""), "EVENT_FIELD_INVALID"),
            ("subject", json!(7), "MESSAGE_NOT_AN_EVENT"),
        ] {
            let mut bad = event();
            bad[field] = value;
            let error = parse(&bad).expect_err("it does not fit").to_string();
            assert!(error.starts_with(reason), "{error}");
        }
    }

    #[test]
    fn hostile_bodies_are_refused_without_harm() {
        let deep = format!(r#"{{"data":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        for body in [b"".as_slice(), b"{", b"null", b"[1]", b"\xff\xfe", deep.as_bytes()] {
            assert!(matches!(IncomingEvent::parse(body), Err(Unreadable::Malformed(_))));
        }
        let large = vec![b'['; 64 * 1024 * 1024];
        assert!(matches!(IncomingEvent::parse(&large), Err(Unreadable::TooLarge(_))));
    }
}
