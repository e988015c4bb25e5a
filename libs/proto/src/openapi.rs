//! The `OpenAPI` 3.1 document of the REST API, from routes, rules and comments.

use std::collections::BTreeMap;

use prost_reflect::{MethodDescriptor, ServiceDescriptor};
use serde_json::{Map, Value, json};

use crate::{
    routes::{Body, Route, routes},
    rules::{self, Rule},
    schema::{Schemas, comment},
};

const REFERENCES: &str = "#/components/schemas/";

/// A refusal that any route may answer.
struct Refusal {
    status: &'static str,
    name: &'static str,
    meaning: &'static str,
    /// A header that it carries, and what that says.
    header: Option<(&'static str, &'static str)>,
}

const fn refusal(status: &'static str, name: &'static str, meaning: &'static str) -> Refusal {
    Refusal { status, name, meaning, header: None }
}

impl Refusal {
    const fn with(mut self, header: &'static str, meaning: &'static str) -> Self {
        self.header = Some((header, meaning));
        self
    }
}

/// Where a message carries its generation (AIP-154).
const ETAG_FIELD: &str = "etag";
const RETRY_AFTER: (&str, &str) = ("Retry-After", "Seconds to wait.");
const REFUSALS: [Refusal; 16] = [
    refusal("400", "Invalid", "The request is wrong; `violations` names the fields."),
    refusal("401", "Unauthenticated", "No token, or one that is not known, has expired or was revoked.")
        .with("WWW-Authenticate", "How to authenticate."),
    refusal("403", "Denied", "The caller may read this, but not do this."),
    refusal("404", "NotFound", "There is none that the caller may read."),
    refusal("406", "NotAcceptable", "The caller takes nothing that this route answers."),
    refusal("408", "BodyTimeout", "The body did not come in time."),
    refusal("409", "Conflict", "It exists already, or is in a state that does not allow this."),
    refusal("412", "Stale", "The etag is not the current one: read it again."),
    refusal("413", "TooLarge", "The body is larger than this route takes."),
    refusal("415", "MediaType", "The body is not JSON."),
    refusal("422", "Unprocessable", "A quota is used up, or an Idempotency-Key came with another body."),
    refusal("429", "RateLimited", "Too many requests.").with(RETRY_AFTER.0, RETRY_AFTER.1),
    refusal("431", "HeaderTooLarge", "The header is too large."),
    refusal("500", "Internal", "A fault of the platform; `traceId` finds it in its logs."),
    refusal("503", "Unavailable", "Cannot decide or store now; repeat later.").with(RETRY_AFTER.0, RETRY_AFTER.1),
    refusal("504", "Timeout", "Not answered in time; it may have happened all the same."),
];

/// The document; the same for every installation of this version.
pub fn document() -> Value {
    let mut schemas = Schemas::closed(REFERENCES);
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let operation = operation(route, &mut schemas);
        let path = paths.entry(route.template.to_string()).or_insert_with(|| json!({}));
        path[route.verb.to_ascii_lowercase()] = operation;
    }
    let mut components = schemas.into_collected();
    components.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Katonic",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The control plane of a data-science platform. Fields that hold their default are left out of answers (proto3 JSON).",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": refusals(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "kat_…" } },
        },
    })
}

/// One for each service that has routes.
fn tags() -> Vec<Value> {
    let services: BTreeMap<String, &ServiceDescriptor> =
        routes().iter().map(|route| route.rpc.parent_service()).map(|service| (tag(service), service)).collect();
    let describe = |(name, service): (String, &ServiceDescriptor)| {
        let words = comment(service.parent_file().name(), service.path()).unwrap_or_default();
        json!({ "name": name, "description": words })
    };
    services.into_iter().map(describe).collect()
}

fn tag(service: &ServiceDescriptor) -> String {
    service.name().trim_end_matches("Service").to_owned()
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let rpc = &route.rpc;
    let words = description(rpc);
    let mut operation = json!({
        "operationId": rpc.name(),
        "tags": [tag(rpc.parent_service())],
        "summary": summary(&words),
        "description": words,
        "parameters": parameters(route, schemas),
        "responses": responses(route, schemas),
    });
    if let Some(body) = request_body(route, schemas) {
        // No body is the same as `{}`.
        operation["requestBody"] = json!({ "content": { "application/json": { "schema": body } } });
    }
    match rules::of_method(rpc) {
        Some(Rule::Access(access)) => operation["x-katonic-scope"] = access.scope.into(),
        Some(Rule::Public) => operation["security"] = json!([]),
        Some(Rule::Service | Rule::Agent) | None => {}
    }
    operation
}

fn description(rpc: &MethodDescriptor) -> String {
    comment(rpc.parent_service().parent_file().name(), rpc.path()).unwrap_or_default()
}

/// The first sentence.
fn summary(words: &str) -> &str {
    words.split_once(". ").map_or(words, |(first, _)| first).trim_end_matches('.')
}

fn parameters(route: &Route, schemas: &mut Schemas) -> Vec<Value> {
    let captured: Vec<&str> = route.template.captures().collect();
    let mut parameters = Vec::new();
    for field in route.rpc.input().fields() {
        let place = if captured.contains(&field.name()) {
            "path"
        } else if in_query(route, field.name()) {
            "query"
        } else {
            continue;
        };
        // Path names are the template's own; query names are those of the JSON form.
        let name = if place == "path" { field.name() } else { field.json_name() };
        let schema = schemas.field(&field);
        parameters.push(json!({ "name": name, "in": place, "required": place == "path", "schema": schema }));
    }
    if route.rpc.input().get_field_by_name(ETAG_FIELD).is_some() {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "schema": { "type": "string" },
            "description": "The `ETag` that the caller has seen; the same as `etag`.",
        }));
    }
    if route.location.is_some() {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "maxLength": 255 },
            "description": "Repeating a create with the same key answers the same object, with `Idempotency-Replayed: true`.",
        }));
    }
    if route.rpc.input().get_field_by_name("etag").is_some() {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "schema": { "type": "string" },
            "description": "The `etag` that the caller has seen: 412 where it is not the current one.",
        }));
    }
    if route.streams() {
        parameters.push(json!({
            "name": "Last-Event-ID", "in": "header", "schema": { "type": "string" },
            "description": "Resumes after the answer of this `id:`.",
        }));
    }
    parameters
}

/// Whether a field that the path does not carry stands in the query.
fn in_query(route: &Route, field: &str) -> bool {
    match &route.body {
        Body::None => true,
        Body::Whole => false,
        Body::Field(body) => body != field,
    }
}

fn request_body(route: &Route, schemas: &mut Schemas) -> Option<Value> {
    let input = route.rpc.input();
    match &route.body {
        Body::None => None,
        Body::Whole => {
            let captured: Vec<&str> = route.template.captures().collect();
            Some(schemas.object(&input, &captured))
        }
        Body::Field(name) => input.get_field_by_name(name).map(|field| schemas.field(&field)),
    }
}

fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let output = route.rpc.output();
    let part = route.response_body.as_ref().and_then(|name| output.get_field_by_name(name));
    let schema = match &part {
        Some(field) => schemas.field(field),
        None => schemas.reference(&output),
    };
    let content = if route.streams() {
        json!({ "text/event-stream": { "schema": event(&schema) }, "application/x-ndjson": { "schema": line(&schema) } })
    } else {
        json!({ "application/json": { "schema": schema } })
    };
    let mut headers = Map::new();
    if part.and_then(|field| field.kind().as_message()?.get_field_by_name(ETAG_FIELD)).is_some() {
        headers.insert("ETag".to_owned(), header("Generation of what the user may edit; see If-Match."));
    }
    let status = if route.location.is_some() {
        headers.insert("Location".to_owned(), header("Where the created object is."));
        headers.insert("Idempotency-Replayed".to_owned(), header("`true` where the key was used before."));
        "201"
    } else {
        "200"
    };
    let success = json!({ "description": "Done.", "headers": headers, "content": content });
    let refusals = REFUSALS.iter().map(|refusal| {
        (refusal.status.to_owned(), json!({ "$ref": format!("#/components/responses/{}", refusal.name) }))
    });
    refusals.chain([(status.to_owned(), success)]).collect::<Map<_, _>>().into()
}

/// An answer of a stream, as one Server-Sent Event.
fn event(answer: &Value) -> Value {
    let problem = json!({ "$ref": format!("{REFERENCES}Problem") });
    json!({
        "type": "object",
        "required": ["data"],
        "properties": {
            "id": { "type": "string", "description": "Cursor: resumes after this answer, as `Last-Event-ID`." },
            "event": { "type": "string", "description": "`problem` where `data` is one; it is then the last." },
            "data": {
                "type": "string", "contentMediaType": "application/json",
                "contentSchema": { "anyOf": [answer, problem] },
            },
        },
    })
}

/// An answer of a stream, as one line of JSON.
fn line(answer: &Value) -> Value {
    let problem = json!({ "$ref": format!("{REFERENCES}Problem") });
    let last = json!({
        "type": "object", "description": "The last line where the stream broke.",
        "required": ["problem"], "properties": { "problem": problem },
    });
    json!({ "anyOf": [answer, last] })
}

fn header(description: &str) -> Value {
    json!({ "schema": { "type": "string" }, "description": description })
}

fn refusals() -> Map<String, Value> {
    let content = json!({ "application/problem+json": { "schema": { "$ref": format!("{REFERENCES}Problem") } } });
    let response = |refusal: &Refusal| {
        let mut response = json!({ "description": refusal.meaning });
        // Said before the request is read, without a body.
        if refusal.status != "431" {
            response["content"] = content.clone();
        }
        if let Some((name, meaning)) = refusal.header {
            response["headers"] = json!({ name: header(meaning) });
        }
        (refusal.name.to_owned(), response)
    };
    REFUSALS.iter().map(response).collect()
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "code": { "type": "string", "description": "Stable, for programs." },
            "traceId": { "type": "string", "description": "Finds the request in the platform's logs." },
            "violations": { "type": "array", "items": {
                "type": "object",
                "properties": { "field": { "type": "string" }, "description": { "type": "string" } },
            } },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_documented_in_words() {
        for route in routes() {
            assert!(!description(&route.rpc).is_empty(), "comment the RPC {}", route.rpc.full_name());
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let schemas = &document["components"]["schemas"];
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap_or_default();
            assert!(schemas[name].is_object(), "{name} is not there");
        }
    }
}
