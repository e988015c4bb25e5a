//! The `AsyncAPI` 3.0 document of the events, and the JSON Schema of each event.

use serde_json::{Map, Value, json};

use crate::{
    envelope::CONTENT_TYPE,
    events::{Kind, catalogue, event_type},
    schema::{Schemas, description},
};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The JSON Schema of every event by type: the whole envelope with its payload.
pub fn event_schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    for kind in catalogue() {
        for fact in &kind.aggregate.facts {
            let event_type = event_type(&kind.aggregate.entity, fact);
            let mut definitions = Schemas::open("#/$defs/");
            let mut schema = event_schema(kind, &event_type, &mut definitions);
            schema["$schema"] = DIALECT.into();
            schema["$defs"] = definitions.into_collected().into();
            schemas.insert(event_type, schema);
        }
    }
    schemas
}

/// The document; the same for every installation of this version.
pub fn document() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    let mut schemas = Schemas::open("#/components/schemas/");
    for kind in catalogue() {
        for fact in &kind.aggregate.facts {
            let name = event_type(&kind.aggregate.entity, fact);
            let payload = event_schema(kind, &name, &mut schemas);
            let message = json!({ "name": name, "contentType": CONTENT_TYPE, "payload": payload });
            messages.insert(name, message);
        }
        let entity = &kind.aggregate.entity;
        channels.insert(entity.clone(), channel(kind));
        operations.insert(
            format!("receive_{entity}"),
            json!({ "action": "receive", "channel": { "$ref": format!("#/channels/{entity}") } }),
        );
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Katonic events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Facts as CloudEvents 1.0 over AMQP 0-9-1. At least once, in order of `sequence` per subject as published; drop what you know by `id`.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas.into_collected() },
    })
}

fn channel(kind: &Kind) -> Value {
    let entity = &kind.aggregate.entity;
    let messages: Map<String, Value> =
        kind.types().map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }))).collect();
    json!({
        "address": format!("{{project}}.{entity}.{{fact}}"),
        "description": format!("Its exchange is `{}`, which is bound into `katonic.events`.", kind.aggregate.exchange),
        "parameters": {
            "project": { "description": "Project id, or `_` for what belongs to none." },
            "fact": { "description": "What happened.", "enum": kind.aggregate.facts },
        },
        "messages": messages,
    })
}

/// The envelope with its payload; what that reaches is put into `schemas`.
fn event_schema(kind: &Kind, event_type: &str, schemas: &mut Schemas) -> Value {
    let data = schemas.reference(&kind.payload);
    json!({
        "title": event_type,
        "description": description(&kind.payload),
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "time", "sequence", "partitionkey", "datacontenttype", "data"],
        "properties": {
            "specversion": { "const": "1.0", "description": "Of CloudEvents." },
            "id": {
                "type": "string", "pattern": "^[a-z]{3}_[0-9a-z]{26}\\.[0-9]+\\.[0-9]{20}$",
                "description": "Subject, incarnation and sequence: the same event has the same id, however often it comes.",
            },
            "source": {
                "type": "string", "pattern": "^/katonic/ins_[0-9a-z]{26}/[a-z-]+/[0-9]+$",
                "description": "Installation, service and incarnation, which a restore from backup raises.",
            },
            "type": { "const": event_type },
            "subject": { "type": "string", "description": "Id of what it is about." },
            "time": { "type": "string", "format": "date-time", "description": "When it happened." },
            "sequence": {
                "type": "string", "pattern": "^[0-9]{20}$",
                "description": "Version of the subject with this fact; a higher one is newer.",
            },
            "partitionkey": { "type": "string", "description": "Id of its project, or `_`." },
            "traceparent": {
                "type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
                "description": "Trace of the request that caused it (W3C).",
            },
            "datacontenttype": { "const": "application/json" },
            "data": data,
        },
    })
}
