//! The pages about the API, as `web/docs` builds them: static files for
//! everybody, without a token.
//!
//! What must hold: a page asks nobody but this gateway for anything, and no
//! other site may frame it; browsers see to both by its headers.

use std::{convert::Infallible, io, path::Path};

use axum::{
    Router,
    extract::Request,
    middleware,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY},
};
use tower::service_fn;
use tower_http::services::ServeDir;

use crate::problem::Problem;

/// Where the pages are.
pub(crate) const ROOT: &str = "/docs";

/// Everything from here, no inline script or style; the `data:` images are icons of the style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers below [`ROOT`] from a folder, or nothing where the installation has none.
///
/// # Errors
/// The folder that is named is not there.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(folder: Option<&Path>) -> io::Result<Router<S>> {
    let Some(folder) = folder else { return Ok(Router::new()) };
    if !folder.join("index.html").is_file() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it has no index.html"));
    }
    let nothing = service_fn(|_: Request| async { Ok::<_, Infallible>(Problem::no_route().into_response()) });
    let files = ServeDir::new(folder)
        .precompressed_br()
        .precompressed_gzip()
        .redirect_to_trailing_slash(false)
        .fallback(nothing);
    Ok(Router::new().nest_service(ROOT, files).layer(middleware::from_fn(harden)))
}

/// The assets' folder is named by what is in it: those never change.
async fn harden(request: Request, next: middleware::Next) -> Response {
    let is_asset = request.uri().path().starts_with("/docs/assets/");
    let mut response = next.run(request).await;
    let found = !response.status().is_client_error();
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    if found {
        let keep = if is_asset { "public, max-age=31536000, immutable" } else { "no-cache" };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    }
    response
}
