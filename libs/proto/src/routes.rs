//! REST routes, from `google.api.http` and `katonic.api.v1.rest` (DESIGN C1).
//!
//! A template is literal segments and `{field}` captures, each of one path
//! segment, with an optional custom verb (`:stop`) at the end: the part of
//! <https://google.aip.dev/127> that our contracts use; a test refuses more.

use std::{collections::BTreeMap, sync::LazyLock};

use prost_reflect::{DynamicMessage, MethodDescriptor};

use crate::{
    api::v1::Rest,
    options::{Extension, named},
    rules,
};

static HTTP: Extension = Extension::new(|| named("google.api.http"));
static REST: Extension = Extension::new(|| named("katonic.api.v1.rest"));
static ROUTES: LazyLock<Vec<Route>> =
    LazyLock::new(|| rules::methods().filter_map(|method| Route::of_method(&method)).collect());

/// The REST form of an RPC.
#[derive(Debug, Clone)]
pub struct Route {
    /// `GET`, `POST`, `PATCH`, `PUT` or `DELETE`.
    pub verb: &'static str,
    /// The path.
    pub template: Template,
    /// The RPC.
    pub rpc: MethodDescriptor,
    /// What of the request the body carries.
    pub body: Body,
    /// The response field that is answered alone; `None` means the whole response.
    pub response_body: Option<String>,
    /// Template of the Location header over the answered body; set means: answers 201, takes an Idempotency-Key.
    pub location: Option<String>,
    /// Largest request body in bytes; `None` means the default.
    pub max_body_bytes: Option<u32>,
}

/// What of the request the body carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing: fields come from path and query.
    None,
    /// Every field that the path does not.
    Whole,
    /// One field; the others come from path and query.
    Field(String),
}

/// A path with captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    segments: Vec<Segment>,
    verb: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Capture(String),
}

/// Every REST route.
pub fn routes() -> &'static [Route] {
    &ROUTES
}

impl Route {
    fn of_method(method: &MethodDescriptor) -> Option<Self> {
        let http = HTTP.get_dynamic(&method.options())?;
        let (verb, path) = ["get", "post", "put", "patch", "delete"]
            .into_iter()
            .find_map(|verb| text(&http, verb).map(|path| (verb, path)))?;
        let body = match text(&http, "body").as_deref() {
            None => Body::None,
            Some("*") => Body::Whole,
            Some(field) => Body::Field(field.to_owned()),
        };
        let rest = REST.get::<Rest>(&method.options()).unwrap_or_default();
        Some(Self {
            verb: upper(verb),
            template: Template::parse(&path),
            rpc: method.clone(),
            body,
            response_body: text(&http, "response_body"),
            location: Some(rest.location).filter(|location| !location.is_empty()),
            max_body_bytes: Some(rest.max_body_bytes).filter(|bytes| *bytes > 0),
        })
    }

    /// Whether the answer is a stream (SSE).
    pub fn streams(&self) -> bool {
        self.rpc.is_server_streaming()
    }
}

fn text(message: &DynamicMessage, field: &str) -> Option<String> {
    let value = message.get_field_by_name(field)?;
    value.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

fn upper(verb: &str) -> &'static str {
    match verb {
        "get" => "GET",
        "post" => "POST",
        "put" => "PUT",
        "patch" => "PATCH",
        _ => "DELETE",
    }
}

impl Template {
    /// Parses a template of our own contracts.
    pub fn parse(template: &str) -> Self {
        let (path, verb) = match template.rsplit_once(':') {
            Some((path, verb)) => (path, Some(verb.to_owned())),
            None => (template, None),
        };
        let segments = path.trim_start_matches('/').split('/').map(Segment::parse).collect();
        Self { segments, verb }
    }

    /// The captured fields where a path matches, still percent-encoded; `path` starts with `/`.
    pub fn matches<'p>(&self, path: &'p str) -> Option<BTreeMap<&str, &'p str>> {
        let path = match &self.verb {
            Some(verb) => path.strip_suffix(verb.as_str())?.strip_suffix(':')?,
            None => path,
        };
        let mut parts = path.strip_prefix('/')?.split('/');
        let mut captures = BTreeMap::new();
        for segment in &self.segments {
            let part = parts.next()?;
            match segment {
                Segment::Literal(literal) if literal == part => {}
                Segment::Capture(field) if !part.is_empty() && (self.verb.is_some() || !part.contains(':')) => {
                    captures.insert(field.as_str(), part);
                }
                Segment::Literal(_) | Segment::Capture(_) => return None,
            }
        }
        parts.next().is_none().then_some(captures)
    }

    /// The captured fields, in order.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Capture(field) => Some(field.as_str()),
            Segment::Literal(_) => None,
        })
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(literal) => write!(f, "/{literal}")?,
                Segment::Capture(field) => write!(f, "/{{{field}}}")?,
            }
        }
        self.verb.as_ref().map_or(Ok(()), |verb| write!(f, ":{verb}"))
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(field) => Self::Capture(field.to_owned()),
            None => Self::Literal(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_whole_segments_and_verbs() {
        let stop = Template::parse("/api/v1/executions/{execution_id}:stop");
        let get = Template::parse("/api/v1/executions/{execution_id}");
        let captured = |t: &Template, path: &str| t.matches(path).map(|c| c["execution_id"].to_owned());
        assert_eq!(captured(&stop, "/api/v1/executions/exe_1:stop"), Some("exe_1".to_owned()));
        assert_eq!(captured(&get, "/api/v1/executions/exe_1"), Some("exe_1".to_owned()));
        for path in ["/api/v1/executions/", "/api/v1/executions/a/b", "/api/v1/executions", "api/v1/executions/a"] {
            assert_eq!(captured(&get, path), None, "{path}");
        }
        assert_eq!(captured(&get, "/api/v1/executions/exe_1:stop"), None);
        assert_eq!(captured(&stop, "/api/v1/executions/exe_1:stopp"), None);
        assert_eq!(stop.to_string(), "/api/v1/executions/{execution_id}:stop");
    }

    #[test]
    fn every_route_captures_fields_of_its_request_once() {
        let mut seen = std::collections::BTreeSet::new();
        for route in routes() {
            assert!(seen.insert((route.verb, route.template.to_string())), "two RPCs at {}", route.template);
            for field in route.template.captures() {
                let field = route.rpc.input().get_field_by_name(field);
                assert!(field.is_some_and(|f| f.kind() == prost_reflect::Kind::String), "{}", route.template);
            }
            if let Some(field) = &route.response_body {
                assert!(route.rpc.output().get_field_by_name(field).is_some(), "{}", route.template);
            }
        }
    }

    #[test]
    fn every_rpc_for_users_has_a_route() {
        for method in rules::methods() {
            let for_users = matches!(rules::of_method(&method), Some(rules::Rule::Access(_) | rules::Rule::Public));
            let routed = routes().iter().any(|route| route.rpc == method);
            assert_eq!(for_users, routed, "{}: users' RPCs and only those carry google.api.http", rules::path(&method));
        }
    }
}
