//! The `OpenAPI` 3.1 document of the REST API, from routes, rules and comments.

use prost_reflect::MethodDescriptor;
use serde_json::{Map, Value, json};

use crate::{
    routes::{Body, Route, routes},
    rules::{self, Rule},
    schema::{Schemas, comment},
};

const REFERENCES: &str = "#/components/schemas/";
/// Answers that any route may give, with their meaning.
const PROBLEMS: [(&str, &str); 12] = [
    ("400", "The request is wrong; `violations` names the fields."),
    ("401", "No token, or one that is not known, has expired or was revoked."),
    ("403", "The caller may read this, but not do this."),
    ("404", "There is none that the caller may read."),
    ("409", "It exists already, or is in a state that does not allow this."),
    ("413", "The body is larger than this route takes."),
    ("415", "The body is not JSON."),
    ("422", "A quota is used up, or an Idempotency-Key came with another body."),
    ("429", "Too many requests; repeat after `Retry-After` seconds."),
    ("431", "The header is too large."),
    ("500", "A fault of the platform; `traceId` finds it in its logs."),
    ("503", "Cannot decide or store now; repeat later."),
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
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "kat_…" } },
        },
    })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let rpc = &route.rpc;
    let mut operation = json!({
        "operationId": rpc.name(),
        "tags": [rpc.parent_service().name().trim_end_matches("Service")],
        "description": description(rpc),
        "parameters": parameters(route, schemas),
        "responses": responses(route, schemas),
    });
    if let Some(body) = request_body(route, schemas) {
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": body } } });
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
    let schema = match route.response_body.as_ref().and_then(|name| output.get_field_by_name(name)) {
        Some(field) => schemas.field(&field),
        None => schemas.reference(&output),
    };
    let media_type = if route.streams() { "text/event-stream" } else { "application/json" };
    let mut success = json!({ "description": "Done.", "content": { media_type: { "schema": schema } } });
    let status = if route.location.is_some() {
        success["headers"] = json!({
            "Location": { "schema": { "type": "string" }, "description": "Where the created object is." },
            "Idempotency-Replayed": { "schema": { "type": "string" }, "description": "`true` where the key was used before." },
        });
        "201"
    } else {
        "200"
    };
    let mut responses = json!({ status: success });
    for (status, meaning) in PROBLEMS {
        responses[status] = json!({
            "description": meaning,
            "content": { "application/problem+json": { "schema": { "$ref": format!("{REFERENCES}Problem") } } },
        });
    }
    responses
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
