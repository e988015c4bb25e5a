//! Makes the RPC's request message of path, query, headers and body.
//!
//! All of them become one JSON object, which is read strictly as proto3 JSON:
//! one place knows types, and an unknown field is refused wherever it came from.

use http::{HeaderMap, HeaderValue, Method, header::IF_MATCH};
use katonic_proto::routes::{Body, Route};
use percent_encoding::percent_decode_str;
use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::table::Captures;
use crate::problem::Problem;

/// Parameters in one query.
const MAX_PARAMETERS: usize = 64;
/// The largest page that any list gives.
const MAX_PAGE: u64 = 200;
/// Characters of a parser's message that are shown.
const SHOWN: usize = 300;
const LAST_EVENT_ID: &str = "last-event-id";

/// The caps of a query string, before anything is known of the caller.
pub(super) fn cap_query(query: Option<&str>) -> Result<(), Problem> {
    for (place, (name, value)) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()).enumerate() {
        if place >= MAX_PARAMETERS {
            let detail = format!("a query has at most {MAX_PARAMETERS} parameters");
            return Err(Problem::invalid("TOO_MANY_PARAMETERS", detail));
        }
        let is_page = name == "pageSize" || name == "page_size";
        if is_page && value.parse::<u64>().is_ok_and(|size| size > MAX_PAGE) {
            return Err(Problem::field("pageSize", format!("a page has at most {MAX_PAGE} items")));
        }
    }
    Ok(())
}

/// The request message.
pub(super) fn build(
    route: &Route,
    captures: &Captures<'_>,
    query: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<DynamicMessage, Problem> {
    let message = route.rpc.input();
    let mut object = from_body(route, &message, body)?;
    add_query(route, &message, query, &mut object)?;
    for (field, text) in captures {
        add_capture(&message, field, text, &mut object)?;
    }
    add_headers(route, &message, headers, &mut object)?;
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    DynamicMessage::deserialize_with_options(message, Value::Object(object), &options)
        .map_err(|error| Problem::invalid("BODY_MISMATCH", shortened(&error.to_string())))
}

fn from_body(route: &Route, message: &MessageDescriptor, bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    if route.body == Body::None {
        return Err(Problem::invalid("BODY_UNEXPECTED", "this call takes no body"));
    }
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| Problem::invalid("BODY_NOT_JSON", shortened(&error.to_string())))?;
    match (&route.body, value) {
        (Body::Whole, Value::Object(object)) => Ok(object),
        (Body::Field(name), value) => {
            let field = message.get_field_by_name(name).ok_or_else(Problem::no_route)?;
            Ok(Map::from_iter([(field.json_name().to_owned(), value)]))
        }
        (Body::Whole | Body::None, _) => Err(Problem::invalid("BODY_NOT_OBJECT", "the body must be a JSON object")),
    }
}

fn add_query(
    route: &Route,
    message: &MessageDescriptor,
    query: Option<&str>,
    object: &mut Map<String, Value>,
) -> Result<(), Problem> {
    for (name, text) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let field = field_named(message, &name).filter(|field| from_query(route, field));
        let field = field.ok_or_else(|| Problem::field(&shortened(&name), "there is no such parameter"))?;
        let value = parse(&field, &text)?;
        let key = field.json_name().to_owned();
        if field.is_list() {
            let list = object.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(items) = list {
                items.push(value);
            }
        } else if object.insert(key, value).is_some() {
            return Err(Problem::field(field.json_name(), "it is given twice"));
        }
    }
    Ok(())
}

fn from_query(route: &Route, field: &FieldDescriptor) -> bool {
    let in_path = route.template.captures().any(|capture| capture == field.name());
    match &route.body {
        Body::Whole => false,
        Body::Field(body) => !in_path && body != field.name(),
        Body::None => !in_path,
    }
}

fn add_capture(
    message: &MessageDescriptor,
    field: &str,
    text: &str,
    object: &mut Map<String, Value>,
) -> Result<(), Problem> {
    let field = field_named(message, field).ok_or_else(Problem::no_route)?;
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.ok().filter(|text| !text.contains(|c: char| c.is_control() || "/\\%".contains(c)));
    let value = Value::from(decoded.ok_or_else(|| Problem::field(field.json_name(), "it is not an id"))?);
    for key in [field.name(), field.json_name()] {
        if object.remove(key).is_some_and(|in_body| in_body != value) {
            return Err(Problem::field(field.json_name(), "the body says another than the path"));
        }
    }
    object.insert(field.json_name().to_owned(), value);
    Ok(())
}

/// `Last-Event-ID` is where a stream goes on, `If-Match` the version that the
/// caller knows.
fn add_headers(
    route: &Route,
    message: &MessageDescriptor,
    headers: &HeaderMap,
    object: &mut Map<String, Value>,
) -> Result<(), Problem> {
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned);
    if let Some(value) = headers.get(LAST_EVENT_ID).filter(|_| route.streams() && has(message, "cursor")) {
        let cursor = text(value).map_err(|_| Problem::field("Last-Event-ID", "it is not a cursor"))?;
        object.insert("cursor".to_owned(), cursor.into());
    }
    if let Some(value) = headers.get(IF_MATCH) {
        if has(message, "etag") {
            let etag = text(value).map_err(|_| Problem::field("If-Match", "it is not an etag"))?;
            object.insert("etag".to_owned(), etag.trim_matches('"').into());
        } else if route.verb != Method::GET.as_str() {
            return Err(Problem::invalid("PRECONDITION_UNSUPPORTED", "this call cannot check If-Match"));
        }
    }
    Ok(())
}

fn has(message: &MessageDescriptor, name: &str) -> bool {
    message.get_field_by_name(name).is_some_and(|field| field.kind() == Kind::String && !field.is_list())
}

fn field_named(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name))
}

/// The JSON form of a parameter's text.
fn parse(field: &FieldDescriptor, text: &str) -> Result<Value, Problem> {
    let wrong = |what: &str| Problem::field(field.json_name(), format!("it must be {what}"));
    match field.kind() {
        _ if field.is_map() => Err(wrong("in a body")),
        Kind::Bool => text.parse::<bool>().map(Value::from).map_err(|_| wrong("true or false")),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            text.parse::<i64>().map(Value::from).map_err(|_| wrong("an integer"))
        }
        Kind::Uint32 | Kind::Fixed32 | Kind::Uint64 | Kind::Fixed64 => {
            text.parse::<u64>().map(Value::from).map_err(|_| wrong("an integer of 0 or more"))
        }
        Kind::Float | Kind::Double => text.parse::<f64>().map(Value::from).map_err(|_| wrong("a number")),
        Kind::Enum(_) | Kind::String | Kind::Bytes => Ok(Value::from(text)),
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" | "google.protobuf.Duration" | "google.protobuf.FieldMask" => {
                Ok(Value::from(text))
            }
            _ => Err(wrong("in a body")),
        },
    }
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use katonic_proto::json::dynamic_to_value;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::http::table::find;

    fn built(method: &Method, path: &str, body: &str) -> Result<Value, u16> {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let build = || {
            cap_query(query)?;
            let (route, captures) = find(method, path).into_match()?;
            build(route, &captures, query, &HeaderMap::new(), body.as_bytes())
        };
        build().map(|message| dynamic_to_value(&message)).map_err(|problem: Problem| problem.status().as_u16())
    }

    #[test]
    fn path_query_and_body_become_one_message() {
        assert_eq!(
            built(&Method::GET, "/api/v1/executions/exe_1/logs?attempt=2&from=7&stream=STREAM_STDERR&limit=5", ""),
            Ok(json!({"executionId": "exe_1", "attempt": 2, "from": "7", "stream": "STREAM_STDERR", "limit": 5}))
        );
        assert_eq!(
            built(&Method::POST, "/api/v1/projects/prj_1/jobs", r#"{"command": ["true"], "timeout": "60s"}"#),
            Ok(json!({"projectId": "prj_1", "command": ["true"], "timeout": "60s"}))
        );
        assert_eq!(built(&Method::POST, "/api/v1/executions/exe_1:stop", ""), Ok(json!({"executionId": "exe_1"})));
    }

    #[test]
    fn bad_input_is_a_400() {
        let jobs = "/api/v1/projects/prj_1/jobs";
        for (method, path, body) in [
            (Method::POST, jobs, r#"{"comand": []}"#),
            (Method::POST, jobs, r#"{"command": "true"}"#),
            (Method::POST, jobs, r#"{"command": [1]}"#),
            (Method::POST, jobs, r#"{"timeout": "soon"}"#),
            (Method::POST, jobs, r#"{"projectId": "prj_2"}"#),
            (Method::POST, jobs, r#"{"project_id": "prj_2"}"#),
            (Method::POST, jobs, "[]"),
            (Method::POST, jobs, "{"),
            (Method::POST, jobs, "{} {}"),
            (Method::POST, "/api/v1/projects/prj_1/jobs?tier=x", "{}"),
            (Method::GET, "/api/v1/projects?pageSize=201", ""),
            (Method::GET, "/api/v1/projects?pageSize=-x", ""),
            (Method::GET, "/api/v1/projects?pageSize=99999999999", ""),
            (Method::GET, "/api/v1/projects?name=a&name=b", ""),
            (Method::GET, "/api/v1/projects?nothing=1", ""),
            (Method::GET, "/api/v1/executions/exe_1/logs?stream=0", ""),
            (Method::GET, "/api/v1/projects", "{}"),
            (Method::GET, "/api/v1/projects/prj_1?projectId=prj_2", ""),
            (Method::GET, "/api/v1/projects/%2e%2e%2fetc", ""),
            (Method::GET, "/api/v1/projects/%252e%252e", ""),
            (Method::GET, "/api/v1/projects/%ff", ""),
            (Method::GET, "/api/v1/projects/a%00", ""),
        ] {
            assert_eq!(built(&method, path, body), Err(400), "{method} {path} {body}");
        }
    }

    #[test]
    fn a_stream_goes_on_after_the_last_event() {
        let headers = HeaderMap::from_iter([(LAST_EVENT_ID.parse().expect("a name"), HeaderValue::from_static("c-7"))]);
        let (route, captures) =
            find(&Method::GET, "/api/v1/executions/exe_1/logs:follow").into_match().expect("a route");
        let message = build(route, &captures, Some("cursor=c-1"), &headers, &[]).expect("valid");
        assert_eq!(dynamic_to_value(&message)["cursor"], "c-7");
    }

    proptest! {
        #[test]
        fn no_body_or_query_is_a_panic_or_a_5xx(query in "\\PC{0,60}", body in "\\PC{0,60}") {
            let path = format!("/api/v1/projects?{query}");
            for method in [Method::GET, Method::POST] {
                if let Err(status) = built(&method, &path, &body) {
                    prop_assert!((400..500).contains(&status));
                }
            }
        }
    }
}
