//! Nobody gets in without a good token: every RPC, over REST and gRPC, from
//! the descriptors, so that a new one cannot be forgotten.

use anyhow::{Result, ensure};
use bytes::Bytes;
use katonic_domain::AccessToken;
use katonic_integration_tests::{
    rest::{Rest, text},
    rpc, wait,
};
use katonic_proto::{
    routes::{Route, routes},
    rules::{self, Rule},
};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::json;
use tonic::Code;

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("every_rpc_refuses_bad_credentials_over_rest_and_grpc", every_rpc_refuses_bad_credentials),
        shared("a_token_does_only_what_its_scopes_say", a_token_does_only_what_its_scopes_say),
        shared("rpcs_for_services_and_agents_are_not_open_to_users", inner_rpcs_are_not_open_to_users),
    ]
}

/// A bearer that must not get in, and what it is.
struct Bad {
    what: &'static str,
    bearer: Option<String>,
}

async fn every_rpc_refuses_bad_credentials(platform: Shared) -> Result<()> {
    let (expired, revoked) = (expired_token(&platform).await?, revoked_token(&platform).await?);
    let bads = [
        Bad { what: "none", bearer: None },
        Bad { what: "garbage", bearer: Some("nothing".to_owned()) },
        Bad { what: "well-formed garbage", bearer: Some(AccessToken::from_random(|| 7).expose().to_owned()) },
        Bad { what: "expired", bearer: Some(expired) },
        Bad { what: "revoked", bearer: Some(revoked) },
    ];
    for bad in &bads {
        for route in routes().iter().filter(|route| rules::of_method(&route.rpc) != Some(Rule::Public)) {
            refused_over_rest(&platform, route, bad).await?;
        }
        for method in rules::methods().filter(|method| rules::of_method(method) != Some(Rule::Public)) {
            let code = call(&platform, &rules::path(&method), bad.bearer.as_deref()).await?;
            ensure!(code == Code::Unauthenticated, "{}, {}: {code:?}", method.full_name(), bad.what);
        }
    }
    Ok(())
}

async fn refused_over_rest(platform: &Shared, route: &Route, bad: &Bad) -> Result<()> {
    let rest = Rest::new(platform.url(), bad.bearer.as_deref());
    let path = route.template.to_string().replace("/api/v1", "").replace(['{', '}'], "");
    let method: Method = route.verb.parse()?;
    let answer = Rest::send(rest.request(method, &path).json(&json!({}))).await?;
    ensure!(answer.status == 401, "{} {path}, {}: {answer:?}", route.verb, bad.what);
    ensure!(answer.headers.contains_key("www-authenticate"), "{path}: {answer:?}");
    Ok(())
}

async fn expired_token(platform: &Shared) -> Result<String> {
    let rest = platform.rest();
    let body = json!({ "name": "short-lived", "scopes": ["*"], "lifetime": "1s" });
    let secret = text(&rest.post("/tokens", &body).await?, "secret")?;
    await_refusal(platform, &secret).await?;
    Ok(secret)
}

async fn revoked_token(platform: &Shared) -> Result<String> {
    let rest = platform.rest();
    let created = rest.post("/tokens", &json!({ "name": "revoked", "scopes": ["*"] })).await?;
    let (secret, id) = (text(&created, "secret")?, text(&created["token"], "tokenId")?);
    ensure!(Rest::new(platform.url(), Some(&secret)).get("/self").await.is_ok());
    rest.post(&format!("/tokens/{id}:revoke"), &json!({})).await?;
    await_refusal(platform, &secret).await?;
    Ok(secret)
}

async fn await_refusal(platform: &Shared, secret: &str) -> Result<()> {
    let rest = Rest::new(platform.url(), Some(secret));
    wait::until("the token is refused", async || {
        let answer = Rest::send(rest.request(Method::GET, "/self")).await?;
        Ok((answer.status == 401).then_some(()))
    })
    .await
}

async fn a_token_does_only_what_its_scopes_say(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let created = rest.post("/tokens", &json!({ "name": "reader", "scopes": ["projects:read"] })).await?;
    let reader = Rest::new(platform.url(), Some(&text(&created, "secret")?));
    reader.get("/projects").await?;
    let request = reader.request(Method::POST, "/projects").json(&json!({ "name": "not-by-a-reader" }));
    let answer = Rest::send(request).await?;
    ensure!(answer.status == 403, "{answer:?}");
    // Nobody hands out more than they hold.
    let request = reader.request(Method::POST, "/tokens").json(&json!({ "name": "more", "scopes": ["*"] }));
    ensure!(Rest::send(request).await?.status == 403);
    Ok(())
}

async fn inner_rpcs_are_not_open_to_users(platform: Shared) -> Result<()> {
    for method in rules::methods() {
        if matches!(rules::of_method(&method), Some(Rule::Service | Rule::Agent)) {
            let code = call(&platform, &rules::path(&method), Some(platform.admin_token())).await?;
            let refused = matches!(code, Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented);
            ensure!(refused, "{}: {code:?}", method.full_name());
        }
    }
    Ok(())
}

/// Calls an RPC with an empty message; the code of its answer.
async fn call(platform: &Shared, path: &str, bearer: Option<&str>) -> Result<Code> {
    rpc::call(platform.url(), path, bearer, Bytes::new()).await
}
