//! Makes the HTTP answer of an RPC's answer.

use axum::{body::Body, response::Response};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, ETAG, LOCATION},
};
use katonic_domain::ErrorKind;
use katonic_proto::routes::Route;
use katonic_service::{idempotency, rpc::Failure};
use prost_reflect::{DynamicMessage, SerializeOptions};

use crate::problem::Problem;

/// The answer, with `Location`, `ETag` and the mark of a replay where they apply.
pub(super) fn build(route: &Route, answer: tonic::Response<DynamicMessage>) -> Result<Response, Problem> {
    let (metadata, message, _) = answer.into_parts();
    let body = match &route.response_body {
        None => message,
        Some(field) => part(&message, field).ok_or_else(unreadable)?,
    };
    let mut response = Response::new(Body::from(to_json(&body)?));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(etag) = text(&body, "etag").and_then(|etag| HeaderValue::try_from(format!("\"{etag}\"")).ok()) {
        headers.insert(ETAG, etag);
    }
    if metadata.contains_key(idempotency::REPLAYED) {
        headers.insert(HeaderName::from_static(idempotency::REPLAYED), HeaderValue::from_static("true"));
    }
    if let Some(template) = &route.location {
        let location = HeaderValue::try_from(expand(template, &body)).map_err(|_| unreadable())?;
        headers.insert(LOCATION, location);
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

/// proto3 JSON of a message.
pub(super) fn to_json(message: &DynamicMessage) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::with_capacity(1024);
    let mut serializer = serde_json::Serializer::new(&mut bytes);
    message.serialize_with_options(&mut serializer, &SerializeOptions::new()).map_err(|error| {
        tracing::error!(%error, "an answer has no JSON form");
        unreadable()
    })?;
    Ok(bytes)
}

/// A string field that is set.
pub(super) fn text(message: &DynamicMessage, field: &str) -> Option<String> {
    let value = message.get_field_by_name(field)?;
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn part(message: &DynamicMessage, field: &str) -> Option<DynamicMessage> {
    message.get_field_by_name(field)?.as_message().cloned()
}

/// Fills `{a.b}` with fields of the body.
fn expand(template: &str, body: &DynamicMessage) -> String {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, (path, after))) =
        rest.split_once('{').and_then(|(before, rest)| rest.split_once('}').map(|split| (before, split)))
    {
        filled.push_str(before);
        filled.push_str(&at(body, path).unwrap_or_default());
        rest = after;
    }
    filled + rest
}

fn at(message: &DynamicMessage, path: &str) -> Option<String> {
    match path.split_once('.') {
        None => text(message, path),
        Some((field, rest)) => at(message.get_field_by_name(field)?.as_message()?, rest),
    }
}

fn unreadable() -> Problem {
    Failure::new(ErrorKind::Internal, "ANSWER_UNREADABLE", "the answer cannot be shown").into()
}

#[cfg(test)]
mod tests {
    use katonic_proto::metadata::v1::{CreateTokenResponse, GetProjectResponse, Project, Token};
    use prost_reflect::ReflectMessage;

    use super::*;

    fn route(name: &str) -> &'static Route {
        katonic_proto::routes::routes().iter().find(|route| route.rpc.name() == name).expect("a route")
    }

    #[test]
    fn a_created_thing_has_a_place() {
        let token = Token { token_id: "tok_1".to_owned(), ..Token::default() };
        let message = CreateTokenResponse { token: Some(token), ..CreateTokenResponse::default() };
        let response =
            build(route("CreateToken"), tonic::Response::new(message.transcode_to_dynamic())).expect("valid");
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()[LOCATION], "/api/v1/tokens/tok_1");
    }

    #[test]
    fn a_version_is_an_etag() {
        let project = Project { etag: "3".to_owned(), ..Project::default() };
        let message = GetProjectResponse { project: Some(project) };
        let response = build(route("GetProject"), tonic::Response::new(message.transcode_to_dynamic())).expect("valid");
        assert_eq!(
            (response.status(), &response.headers()[ETAG]),
            (StatusCode::OK, &HeaderValue::from_static("\"3\""))
        );
    }
}
