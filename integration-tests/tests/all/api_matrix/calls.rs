//! One call, as any caller makes it, and what came of it.

use anyhow::Result;
use bytes::Bytes;
use katonic_integration_tests::{Platform, rest::Rest, rpc};
use katonic_proto::{
    json,
    routes::{Body, Route},
    rules,
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MethodDescriptor, Value};
use reqwest::Method;
use serde_json::{Map, Value as Json};
use tonic::Code;

use super::{Caller, Outcome, World};

/// The request of a call: ids that there are, and nothing else.
fn request(world: &World, method: &MethodDescriptor) -> DynamicMessage {
    let mut message = DynamicMessage::new(method.input());
    for field in method.input().fields() {
        if let Some(value) = value(world, &field) {
            message.set_field(&field, value);
        }
    }
    message
}

fn value(world: &World, field: &FieldDescriptor) -> Option<Value> {
    let value = match field.kind() {
        Kind::String => Value::String(world.value(field.name())?.to_owned()),
        Kind::Enum(_) if field.name() == "role" => Value::EnumNumber(1),
        _ => return None,
    };
    Some(if field.is_list() { Value::List(vec![value]) } else { value })
}

/// What comes of a call over gRPC.
pub async fn over_grpc(
    platform: &Platform,
    world: &World,
    caller: &Caller,
    method: &MethodDescriptor,
) -> Result<Outcome> {
    let message = Bytes::from(request(world, method).encode_to_vec());
    let code = rpc::call(platform.url(), &rules::path(method), caller.bearer.as_deref(), message).await?;
    Ok(match code {
        Code::Unauthenticated => Outcome::Unknown,
        Code::PermissionDenied => Outcome::Denied,
        Code::NotFound | Code::Unimplemented => Outcome::Hidden,
        _ => Outcome::Allowed,
    })
}

/// What comes of a call over REST.
pub async fn over_rest(platform: &Platform, world: &World, caller: &Caller, route: &Route) -> Result<Outcome> {
    let rest = Rest::new(platform.url(), caller.bearer.as_deref());
    let method: Method = route.verb.parse()?;
    let mut call = rest.request(method, &path(world, route));
    if let Some(etag) = world.value("etag").filter(|_| route.rpc.input().get_field_by_name("etag").is_some()) {
        call = call.header("if-match", etag);
    }
    match &route.body {
        Body::None => call = call.query(&query(world, route)),
        Body::Whole => call = call.json(&body(world, route)),
        Body::Field(_) => call = call.json(&Map::new()),
    }
    // The head alone: a stream's body may never end.
    Ok(Outcome::of_status(call.send().await?.status().as_u16()))
}

fn body(world: &World, route: &Route) -> Json {
    let mut body = json::dynamic_to_value(&request(world, &route.rpc));
    if let Json::Object(fields) = &mut body {
        for field in route.template.captures().filter_map(|name| route.rpc.input().get_field_by_name(name)) {
            fields.remove(field.json_name());
        }
    }
    body
}

/// What a request without a body says beside its path.
fn query(world: &World, route: &Route) -> Vec<(String, String)> {
    let fields = body(world, route);
    let texts = fields.as_object().into_iter().flatten();
    texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// The path of a route below the API's base, with ids that there are.
pub fn path(world: &World, route: &Route) -> String {
    let mut path = route.template.to_string().trim_start_matches("/api/v1").to_owned();
    for field in route.template.captures() {
        path = path.replace(&format!("{{{field}}}"), world.value(field).unwrap_or("missing"));
    }
    path
}

/// What comes of the first request of a fetch (`upload-pack`) or a push (`receive-pack`).
pub async fn over_git(platform: &Platform, world: &World, caller: &Caller, service: &str) -> Result<Outcome> {
    let project = world.value("project_id").unwrap_or_default();
    let url = format!("{}/git/{project}.git/info/refs?service=git-{service}", platform.url());
    let mut call = reqwest::Client::new().get(url);
    if let Some(bearer) = &caller.bearer {
        call = call.bearer_auth(bearer);
    }
    Ok(Outcome::of_status(call.send().await?.status().as_u16()))
}
