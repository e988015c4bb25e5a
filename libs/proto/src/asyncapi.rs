//! The `AsyncAPI` 3.0 document of the events, and the JSON Schema of each event.

use serde_json::{Map, Value, json};

use crate::{
    envelope::CONTENT_TYPE,
    events::{Kind, catalogue, event_type},
    schema::{Schemas, comment},
};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The JSON Schema of every event by type: the whole envelope with its payload.
pub fn event_schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    for kind in catalogue() {
        for fact in &kind.aggregate.facts {
            let event_type = event_type(&kind.aggregate.entity, fact);
            let schema = event_schema(kind, &event_type);
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
    for kind in catalogue() {
        for fact in &kind.aggregate.facts {
            let name = event_type(&kind.aggregate.entity, fact);
            messages.insert(name.clone(), message(kind, &name));
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
        "components": { "messages": messages },
    })
}

fn channel(kind: &Kind) -> Value {
    let entity = &kind.aggregate.entity;
    let messages: Map<String, Value> =
        kind.types().map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }))).collect();
    json!({
        "address": format!("{{project}}.{entity}.{{fact}}"),
        "description": format!("Routing key over the exchange `katonic.events`; published to `{}`.", kind.aggregate.exchange),
        "parameters": {
            "project": { "description": "Project id, or `_` for what belongs to none." },
            "fact": { "enum": kind.aggregate.facts },
        },
        "messages": messages,
    })
}

fn message(kind: &Kind, event_type: &str) -> Value {
    json!({ "name": event_type, "contentType": CONTENT_TYPE, "payload": event_schema(kind, event_type) })
}

fn event_schema(kind: &Kind, event_type: &str) -> Value {
    let mut definitions = Schemas::open("#/$defs/");
    let data = definitions.reference(&kind.payload);
    let description = comment(kind.payload.parent_file().name(), kind.payload.path()).unwrap_or_default();
    json!({
        "$schema": DIALECT,
        "title": event_type,
        "description": description,
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "time", "sequence", "partitionkey", "datacontenttype", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "pattern": "^[a-z]{3}_[0-9a-z]{26}\\.[0-9]+\\.[0-9]{20}$" },
            "source": { "type": "string", "pattern": "^/katonic/ins_[0-9a-z]{26}/[a-z-]+/[0-9]+$" },
            "type": { "const": event_type },
            "subject": { "type": "string" },
            "time": { "type": "string", "format": "date-time" },
            "sequence": { "type": "string", "pattern": "^[0-9]{20}$" },
            "partitionkey": { "type": "string" },
            "traceparent": { "type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$" },
            "datacontenttype": { "const": "application/json" },
            "data": data,
        },
        "$defs": definitions.into_collected(),
    })
}
