//! `CloudEvents` 1.0 in structured JSON mode
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>), as DESIGN E1 fills it.
//!
//! One place renders events and one place reads them. The id is the subject,
//! the incarnation and the sequence, so the same fact has the same id however
//! often it is published.

use katonic_domain::{InstallationId, ProjectId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::events::event_type;

/// The media type of an event.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// Who publishes: the same for every event of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The installation.
    pub installation: InstallationId,
    /// The service, such as `metadata`.
    pub service: String,
    /// Raised by a restore from backup: "higher" means (incarnation, sequence).
    pub incarnation: u32,
}

/// What happened, before it is rendered.
#[derive(Debug, Clone)]
pub struct Happening<'a> {
    /// The noun, such as `project`.
    pub entity: &'a str,
    /// In the past tense, such as `created`.
    pub fact: &'a str,
    /// The aggregate's id.
    pub subject: &'a str,
    /// The aggregate's version.
    pub sequence: u64,
    /// RFC 3339.
    pub time: String,
    /// The project that it belongs to, if any.
    pub project: Option<ProjectId>,
    /// W3C trace context of the change, if any.
    pub traceparent: Option<String>,
    /// The public snapshot as proto3 JSON.
    pub data: Value,
}

/// A `CloudEvents` 1.0 event as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique: subject, incarnation and sequence.
    pub id: String,
    /// `/katonic/<installation>/<service>/<incarnation>`.
    pub source: String,
    /// `io.katonic.<entity>.<fact>.v1`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The aggregate's id.
    pub subject: String,
    /// RFC 3339.
    pub time: String,
    /// The aggregate's version, zero-padded to 20 digits.
    pub sequence: String,
    /// The project that it belongs to; the aggregate's id where there is none.
    pub partitionkey: String,
    /// W3C trace context of the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The payload: the public snapshot as proto3 JSON.
    pub data: Value,
}

impl Envelope {
    /// Renders what happened.
    pub fn new(source: &Source, happening: Happening<'_>) -> Self {
        let Happening { entity, fact, subject, sequence, time, project, traceparent, data } = happening;
        let Source { installation, service, incarnation } = source;
        let sequence = format!("{sequence:020}");
        Self {
            specversion: "1.0".to_owned(),
            id: format!("{subject}.{incarnation}.{sequence}"),
            source: format!("/katonic/{installation}/{service}/{incarnation}"),
            event_type: event_type(entity, fact),
            subject: subject.to_owned(),
            time,
            sequence,
            partitionkey: project.map_or_else(|| subject.to_owned(), |project| project.to_string()),
            traceparent,
            datacontenttype: "application/json".to_owned(),
            data,
        }
    }
}

/// `<project_id|_>.<entity>.<fact>` (DESIGN E3).
pub fn routing_key(project: Option<ProjectId>, entity: &str, fact: &str) -> String {
    project.map_or_else(|| format!("_.{entity}.{fact}"), |project| format!("{project}.{entity}.{fact}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_fact_has_the_same_id_and_survives_its_json() {
        let source =
            Source { installation: InstallationId::generate(), service: "metadata".to_owned(), incarnation: 1 };
        let happening = Happening {
            entity: "project",
            fact: "created",
            subject: "prj_x",
            sequence: 7,
            time: "2026-01-02T03:04:05Z".to_owned(),
            project: None,
            traceparent: None,
            data: json!({}),
        };
        let event = Envelope::new(&source, happening.clone());
        assert_eq!(event.id, "prj_x.1.00000000000000000007");
        assert_eq!(event, Envelope::new(&source, happening));
        let text = serde_json::to_string(&event).expect("it serializes");
        assert_eq!(serde_json::from_str::<Envelope>(&text).expect("it parses"), event);
    }
}
