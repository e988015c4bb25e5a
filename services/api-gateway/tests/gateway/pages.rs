//! The pages about the API: open, cached, and shut against everything outside.

use reqwest::{Response, StatusCode};

use crate::{Outcome, world::World};

async fn get(world: &World, path: &str, headers: &[(&str, &str)]) -> Result<Response, reqwest::Error> {
    let request =
        headers.iter().fold(world.http.get(world.uri(path)), |request, (name, value)| request.header(*name, *value));
    request.send().await
}

#[tokio::test]
async fn pages_are_open_and_ask_nobody_outside() -> Outcome {
    let world = World::start().await?;
    for (path, file) in [("/docs", "index.html"), ("/docs/", "index.html"), ("/docs/api", "api/index.html")] {
        let page = get(&world, path, &[]).await?;
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        let policy = page.headers()["content-security-policy"].to_str()?;
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.headers()["cache-control"], "no-cache");
        assert_eq!(page.headers()["content-type"], "text/html");
        assert_eq!(page.text().await?, file);
    }
    world.finish().await
}

#[tokio::test]
async fn a_page_that_the_browser_has_is_not_sent_again() -> Outcome {
    let world = World::start().await?;
    for path in ["/docs/api", "/docs/assets/1f/api.js", "/api/v1/openapi.json", "/api/v1/asyncapi.json"] {
        let first = get(&world, path, &[]).await?;
        let etag = first.headers()["etag"].to_str()?;
        assert_eq!(get(&world, path, &[("if-none-match", etag)]).await?.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert_eq!(get(&world, path, &[("if-none-match", "\"other\"")]).await?.status(), StatusCode::OK, "{path}");
    }
    world.finish().await
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_sent_compressed() -> Outcome {
    let world = World::start().await?;
    let path = "/docs/assets/1f/api.js";
    for (accepted, encoding, ending) in
        [("gzip, br", Some("br"), ".br"), ("gzip", Some("gzip"), ".gz"), ("identity", None, "")]
    {
        let asset = get(&world, path, &[("accept-encoding", accepted)]).await?;
        assert_eq!(asset.headers().get("content-encoding").and_then(|value| value.to_str().ok()), encoding);
        assert_eq!(asset.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(asset.headers()["content-type"], "text/javascript");
        assert_eq!(asset.text().await?, format!("assets/1f/api.js{ending}"));
    }
    world.finish().await
}

#[tokio::test]
async fn what_is_no_page_is_a_404_and_reaches_no_other_file() -> Outcome {
    let world = World::start().await?;
    for path in ["/docs/nothing", "/docs/..%2fmain.key.pem", "/docs/%2e%2e/main.key.pem", "/docs/assets", "/docsother"]
    {
        let answer = get(&world, path, &[]).await?;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.json::<serde_json::Value>().await?["code"], "NO_ROUTE", "{path}");
    }
    world.finish().await
}
