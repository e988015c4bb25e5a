//! Reads a request body under its caps: size, time, nesting. Before
//! authentication, so that nobody makes us hold or parse more.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT},
};
use http_body_util::BodyExt;
use katonic_proto::routes::Route;
use tokio::time::timeout;

use crate::problem::Problem;

/// Largest body where the RPC does not say.
const DEFAULT_CAP: usize = 1024 * 1024;
/// How much of a body over its cap is read for politeness.
const THROWN_AWAY: usize = 16 * 1024 * 1024;
/// How long a body may take to come: 1 MiB at 35 KiB/s.
const PATIENCE: Duration = Duration::from_secs(30);
/// Deepest nesting of objects and lists: our messages need 6, their free-form
/// structs some more.
const MAX_DEPTH: usize = 32;

/// The cap of a route.
pub(super) fn cap(route: Option<&Route>) -> usize {
    route.and_then(|route| route.max_body_bytes).map_or(DEFAULT_CAP, |bytes| bytes as usize)
}

/// The body, which is JSON by its headers and not nested too deep; empty where
/// there is none.
pub(super) async fn read(headers: &HeaderMap, body: Body, cap: usize) -> Result<Bytes, Problem> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let declared_too_large = length.is_some_and(|length| length > cap as u64);
    if declared_too_large && headers.contains_key(EXPECT) {
        // The client waits for our word before it sends.
        return Err(Problem::body_too_large(cap));
    }
    let kept = if declared_too_large { 0 } else { cap };
    let bytes = timeout(PATIENCE, collect(body, kept)).await.map_err(|_| Problem::slow_body())??;
    let bytes = bytes.ok_or_else(|| Problem::body_too_large(cap))?;
    if !bytes.is_empty() {
        check_media_type(headers)?;
        check_depth(&bytes)?;
    }
    Ok(bytes)
}

/// The whole body, or `None` where it is longer than `cap`: then the rest is
/// thrown away as it comes, since a client that is cut off while it sends may
/// never read why.
async fn collect(mut body: Body, cap: usize) -> Result<Option<Bytes>, Problem> {
    let (mut kept, mut seen) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::invalid("BODY_INCOMPLETE", "the body did not come whole"))?;
        let Ok(data) = frame.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= cap {
            kept.extend_from_slice(&data);
        } else if seen > cap.saturating_add(THROWN_AWAY) {
            break;
        }
    }
    Ok((seen <= cap).then(|| kept.freeze()))
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = media_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|part| {
        let charset = part.to_ascii_lowercase();
        !charset.starts_with("charset=") || charset.trim_start_matches("charset=").trim_matches('"') == "utf-8"
    });
    let is_plain = headers.get(CONTENT_ENCODING).is_none_or(|value| value == "identity");
    if is_json && is_utf8 && is_plain { Ok(()) } else { Err(Problem::media_type()) }
}

/// Counts brackets outside strings; whether it is JSON is the parser's to say.
fn check_depth(bytes: &[u8]) -> Result<(), Problem> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(Problem::invalid("BODY_TOO_DEEP", format!("a body nests at most {MAX_DEPTH} deep")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    async fn read_with(content_type: &'static str, body: Vec<u8>) -> Result<Bytes, u16> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        read(&headers, Body::from(body), 64).await.map_err(|problem| problem.status().as_u16())
    }

    #[tokio::test]
    async fn caps_and_media_types_are_kept() {
        let json = "application/json; charset=UTF-8";
        assert!(read_with(json, b"{}".to_vec()).await.is_ok());
        assert!(read_with("text/plain", Vec::new()).await.is_ok());
        assert_eq!(read_with("text/plain", b"{}".to_vec()).await, Err(415));
        assert_eq!(read_with("application/json; charset=latin1", b"{}".to_vec()).await, Err(415));
        assert_eq!(read_with(json, vec![b' '; 65]).await, Err(413));
        assert_eq!(read_with(json, vec![b'['; 33]).await, Err(400));
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        let text = format!(r#"{{"a\"": "{}"}}"#, "[".repeat(100));
        assert!(check_depth(text.as_bytes()).is_ok());
        assert!(check_depth("[[[".repeat(11).as_bytes()).is_err());
    }
}
