//! The contracts as documents, open to everybody: `OpenAPI` and `AsyncAPI`.

use std::sync::LazyLock;

use axum::{
    Router,
    body::Bytes,
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

static OPENAPI: LazyLock<Document> = LazyLock::new(|| Document::of(&katonic_proto::openapi::document()));
static ASYNCAPI: LazyLock<Document> = LazyLock::new(|| Document::of(&katonic_proto::asyncapi::document()));

/// A document, made once.
struct Document {
    text: Bytes,
    etag: HeaderValue,
}

impl Document {
    fn of(value: &Value) -> Self {
        let text = value.to_string();
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(&text)));
        Self { text: text.into(), etag: HeaderValue::try_from(etag).expect("base64 in quotes") }
    }

    /// The document, unless the caller has it.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let kept = [(ETAG, self.etag.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
        if headers.get(IF_NONE_MATCH) == Some(&self.etag) {
            return (StatusCode::NOT_MODIFIED, kept).into_response();
        }
        (kept, [(CONTENT_TYPE, "application/json")], self.text.clone()).into_response()
    }
}

/// Where they are.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/api/v1/openapi.json", get(openapi)).route("/api/v1/asyncapi.json", get(asyncapi))
}

async fn openapi(headers: HeaderMap) -> Response {
    OPENAPI.answer(&headers)
}

async fn asyncapi(headers: HeaderMap) -> Response {
    ASYNCAPI.answer(&headers)
}
