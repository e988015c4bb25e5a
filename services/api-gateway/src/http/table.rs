//! Which RPC a method and path mean.

use std::collections::BTreeMap;

use http::Method;
use katonic_proto::routes::{self, Route};

use crate::problem::Problem;

/// Captured path segments by field, still percent-encoded.
pub(super) type Captures<'p> = BTreeMap<&'static str, &'p str>;

/// What is at a method and path.
#[derive(Debug)]
pub(super) enum Found<'p> {
    /// An RPC.
    Match(&'static Route, Captures<'p>),
    /// The path is right, for other methods.
    OtherMethods(Vec<&'static str>),
    /// Nothing.
    Nothing,
}

impl<'p> Found<'p> {
    /// The RPC, if there is one.
    pub(super) fn route(&self) -> Option<&'static Route> {
        match self {
            Self::Match(route, _) => Some(route),
            Self::OtherMethods(_) | Self::Nothing => None,
        }
    }

    /// The RPC, or why there is none.
    pub(super) fn into_match(self) -> Result<(&'static Route, Captures<'p>), Problem> {
        match self {
            Self::Match(route, captures) => Ok((route, captures)),
            Self::OtherMethods(methods) => Err(Problem::method(&methods.join(", "))),
            Self::Nothing => Err(Problem::no_route()),
        }
    }
}

/// Finds what is at a method and path. HEAD is GET without the body.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let wanted = if *method == Method::HEAD { &Method::GET } else { method };
    let mut others = Vec::new();
    for route in routes::routes() {
        let Some(captures) = route.template.matches(path) else { continue };
        if route.verb == wanted.as_str() {
            return Found::Match(route, captures);
        }
        others.push(route.verb);
    }
    others.sort_unstable();
    others.dedup();
    if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn verbs_and_methods_tell_routes_apart() {
        let name = |method: &Method, path: &str| find(method, path).route().map(|route| route.rpc.name().to_owned());
        assert_eq!(name(&Method::GET, "/api/v1/executions/exe_1").as_deref(), Some("GetExecution"));
        assert_eq!(name(&Method::HEAD, "/api/v1/executions/exe_1").as_deref(), Some("GetExecution"));
        assert_eq!(name(&Method::POST, "/api/v1/executions/exe_1:stop").as_deref(), Some("StopExecution"));
        assert_eq!(name(&Method::GET, "/api/v1/executions/exe_1/logs:follow").as_deref(), Some("FollowLog"));
        assert_eq!(name(&Method::GET, "/api/v1/nothing"), None);
    }

    #[test]
    fn a_known_path_says_what_it_takes() {
        let Found::OtherMethods(methods) = find(&Method::DELETE, "/api/v1/projects") else { unreachable!("matched") };
        assert_eq!(methods, ["GET", "POST"]);
    }

    proptest! {
        #[test]
        fn a_path_made_from_a_template_finds_its_route(index in 0..routes::routes().len(), id in "[a-z0-9_]{1,40}") {
            let route = &routes::routes()[index];
            let path = route.template.captures().fold(route.template.to_string(), |path, field| {
                path.replace(&format!("{{{field}}}"), &id)
            });
            let method = Method::from_bytes(route.verb.as_bytes()).expect("a method");
            let found = find(&method, &path).route().map(|found| found.rpc.full_name().to_owned());
            prop_assert_eq!(found.as_deref(), Some(route.rpc.full_name()));
        }

        #[test]
        fn no_path_is_a_panic(path in "/\\PC{0,80}") {
            find(&Method::GET, &path);
        }
    }
}
