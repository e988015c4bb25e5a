//! REST: forms, refusals, caps.

use http::{
    StatusCode,
    header::{ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use katonic_api_gateway::config::LimitsSection;
use katonic_proto::{
    routes,
    rules::{self, Rule},
};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::{
    Outcome,
    world::{Standing, World, well_formed},
};

const PROJECTS: &str = "/api/v1/projects";

fn get(world: &World, token: &str, path: &str) -> RequestBuilder {
    world.http.get(world.uri(path)).bearer_auth(token)
}

async fn problem(response: Response) -> Result<(u16, String), Box<dyn std::error::Error>> {
    let status = response.status().as_u16();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let json: Value = response.json().await?;
    assert_eq!(json["status"], status, "{json}");
    assert!(json["type"].is_string() && json["title"].is_string() && json["detail"].is_string(), "{json}");
    Ok((status, json["code"].as_str().unwrap_or_default().to_owned()))
}

#[tokio::test]
async fn a_created_project_has_a_place_and_a_version() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    let create = world.http.post(world.uri(PROJECTS)).bearer_auth(&token).json(&json!({"name": "churn"}));
    let response = create.try_clone().ok_or("a body")?.send().await?;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()[LOCATION], "/api/v1/projects/prj_1");
    assert_eq!(response.headers()["etag"], "\"7\"");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(!response.headers().contains_key("idempotency-replayed"));
    assert_eq!(response.json::<Value>().await?["name"], "churn");

    let replay = create.header("idempotency-key", "k-1").send().await?;
    assert_eq!(replay.headers()["idempotency-replayed"], "true");
    world.finish().await
}

#[tokio::test]
async fn errors_of_owners_keep_status_and_code_and_hide_foreign_text() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    for (id, expected) in [("missing", (404, "PROJECT_NOT_FOUND")), ("broken", (500, "INTERNAL"))] {
        let response = get(&world, &token, &format!("{PROJECTS}/{id}")).send().await?;
        let (status, code) = problem(response).await?;
        assert_eq!((status, code.as_str()), expected);
    }
    for (name, expected) in [("taken", (409, "PROJECT_EXISTS")), ("reused", (422, "IDEMPOTENCY_KEY_REUSED"))] {
        let create = world.http.post(world.uri(PROJECTS)).bearer_auth(&token).json(&json!({"name": name}));
        let (status, code) = problem(create.send().await?).await?;
        assert_eq!((status, code.as_str()), expected);
    }
    world.finish().await
}

/// SECURITY-CASES 12, 13, 24, 40: generated, so that a new route is in it.
#[tokio::test]
async fn no_route_lets_in_who_is_not_known() -> Outcome {
    let world = World::start().await?;
    let (revoked, expired) = (well_formed(), well_formed());
    world.tokens.set(&revoked, Standing::Revoked);
    world.tokens.set(&expired, Standing::Expired);
    let internal = world.minter("dispatcher")?.for_service(katonic_service::auth::Audience::Metadata)?;
    let headers = [
        None,
        Some("Bearer nothing".to_owned()),
        Some("Basic YTpi".to_owned()),
        Some(format!("Bearer {}", well_formed())),
        Some(format!("Bearer {revoked}")),
        Some(format!("Bearer {expired}")),
        Some(format!("Bearer {}", internal.token.expose())),
        Some("Bearer kmt_x".to_owned()),
        Some("Bearer eyJhbGciOiJub25lIn0.e30.".to_owned()),
    ];
    for route in routes::routes().iter().filter(|route| rules::of_method(&route.rpc) != Some(Rule::Public)) {
        let path = route
            .template
            .captures()
            .fold(route.template.to_string(), |path, field| path.replace(&format!("{{{field}}}"), "x"));
        for verb in [route.verb, "HEAD", "OPTIONS", "TRACE", "PATCH", "DELETE"] {
            for header in &headers {
                let mut request = world.http.request(Method::from_bytes(verb.as_bytes())?, world.uri(&path));
                request = request.header("x-forwarded-user", "admin").header("kubeflow-userid", "admin");
                if let Some(header) = header {
                    request = request.header(AUTHORIZATION, header);
                }
                let response = request.send().await?;
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{verb} {path} {header:?}");
                assert!(response.headers().contains_key(WWW_AUTHENTICATE));
            }
        }
    }
    world.finish().await
}

#[tokio::test]
async fn only_the_token_says_who_calls() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request =
        get(&world, &token, "/api/v1/projects/prj_1").header("x-user", "usr_admin").header("traceparent", trace);
    let project: Value = request.send().await?.json().await?;
    let Some(Standing::Good(user, _)) = world.tokens.get(&token) else { return Err("no such token".into()) };
    assert_eq!(project["ownerId"], user.to_string());
    assert!(project["description"].as_str().is_some_and(|text| text.starts_with('|')), "{project}");
    world.finish().await
}

#[tokio::test]
async fn bad_input_is_a_stated_4xx() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    let post = |body: Vec<u8>, content_type: &str| {
        let request = world.http.post(world.uri(PROJECTS)).bearer_auth(&token);
        request.header(CONTENT_TYPE, content_type).body(body)
    };
    let json = "application/json";
    for (request, expected) in [
        (post(b"{\"nmae\": \"x\"}".to_vec(), json), (400, "BODY_MISMATCH")),
        (post(b"{\"name\": 7}".to_vec(), json), (400, "BODY_MISMATCH")),
        (post(b"{".to_vec(), json), (400, "BODY_NOT_JSON")),
        (post(b"\xff\xfe".to_vec(), json), (400, "BODY_NOT_JSON")),
        (post(vec![b'['; 100_000], json), (400, "BODY_TOO_DEEP")),
        (post(b"name=x".to_vec(), "application/x-www-form-urlencoded"), (415, "UNSUPPORTED_MEDIA_TYPE")),
        (post(vec![b' '; 2 << 20], json), (413, "BODY_TOO_LARGE")),
        (get(&world, &token, "/api/v1/projects?pageSize=100000"), (400, "INVALID_FIELD")),
        (get(&world, &token, "/api/v1/projects?$where=1"), (400, "INVALID_FIELD")),
        (get(&world, &token, "/api/v1/projects/..%2f..%2fetc"), (400, "INVALID_FIELD")),
        (get(&world, &token, "/api/v1/nothing"), (404, "NO_ROUTE")),
        (get(&world, &token, "/nothing"), (404, "NO_ROUTE")),
        (get(&world, &token, PROJECTS).header(ACCEPT, "text/html"), (406, "NOT_ACCEPTABLE")),
    ] {
        let (status, code) = problem(request.send().await?).await?;
        assert_eq!((status, code.as_str()), expected);
    }
    let response = world.http.delete(world.uri(PROJECTS)).bearer_auth(&token).send().await?;
    assert_eq!(response.headers()[ALLOW], "GET, POST");
    assert_eq!(problem(response).await?.0, 405);
    let long = get(&world, &token, PROJECTS).header("x-long", "a".repeat(64 * 1024)).send().await?;
    assert_eq!(long.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    world.finish().await
}

#[tokio::test]
async fn size_is_refused_before_anybody_is_asked_who_they_are() -> Outcome {
    let world = World::start().await?;
    let request = world.http.post(world.uri(PROJECTS)).header(CONTENT_TYPE, "application/json");
    assert_eq!(problem(request.body(vec![b' '; 2 << 20]).send().await?).await?.0, 413);
    world.finish().await
}

#[tokio::test]
async fn head_is_get_without_its_body() -> Outcome {
    let world = World::start().await?;
    let response = world.http.head(world.uri("/api/v1/projects/prj_1")).bearer_auth(world.token()).send().await?;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.bytes().await?.is_empty());
    world.finish().await
}

#[tokio::test]
async fn a_user_over_the_rate_is_told_to_wait() -> Outcome {
    let limits = LimitsSection { rate_per_user: 1, burst_per_user: 2, ..LimitsSection::default() };
    let world = World::start_with(limits).await?;
    let (busy, calm) = (world.token(), world.token());
    let all = (0..40).map(|_| get(&world, &busy, PROJECTS).send());
    let answers = futures::future::try_join_all(all).await?;
    let refused = answers.iter().find(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.ok_or("nobody was told to wait")?.headers().contains_key(RETRY_AFTER));
    assert_eq!(get(&world, &calm, PROJECTS).send().await?.status(), StatusCode::OK);
    world.finish().await
}

#[tokio::test]
async fn what_is_open_answers_without_a_token() -> Outcome {
    let world = World::start().await?;
    for path in ["/healthz", "/readyz", "/metrics", "/docs", "/api/v1/openapi.json", "/api/v1/asyncapi.json"] {
        assert_eq!(world.http.get(world.uri(path)).send().await?.status(), StatusCode::OK, "{path}");
    }
    let document: Value = world.http.get(world.uri("/api/v1/openapi.json")).send().await?.json().await?;
    assert!(document["paths"]["/api/v1/projects"].is_object());
    world.finish().await
}

#[tokio::test]
async fn a_gateway_without_its_owners_says_so() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    assert_eq!(get(&world, &token, PROJECTS).send().await?.status(), StatusCode::OK);
    world.stop_owners();
    let patience = tokio::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        let ready = world.http.get(world.uri("/readyz")).send().await?;
        if ready.status() == StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
        assert!(tokio::time::Instant::now() < patience, "it stays ready");
        tokio::task::yield_now().await;
    }
    let (status, _) = problem(get(&world, &world.token(), PROJECTS).send().await?).await?;
    assert_eq!(status, 503);
    assert_eq!(world.http.get(world.uri("/healthz")).send().await?.status(), StatusCode::OK);
    world.finish().await
}
