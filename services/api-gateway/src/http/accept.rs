//! Whether the caller takes what a route answers.

use http::{HeaderMap, header::ACCEPT};
use katonic_proto::routes::Route;

use crate::problem::Problem;

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// Refuses a caller who takes neither what the route answers nor anything.
pub(super) fn check(headers: &HeaderMap, route: &Route) -> Result<(), Problem> {
    let offered = if route.streams() { EVENTS } else { JSON };
    let mut values = headers.get_all(ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return Ok(());
    }
    let taken = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        !refused && covers(essence, offered)
    });
    if taken { Ok(()) } else { Err(Problem::not_acceptable(offered)) }
}

fn covers(range: &str, offered: &str) -> bool {
    let kind = offered.split('/').next().unwrap_or_default();
    range == "*/*" || range.eq_ignore_ascii_case(offered) || range.strip_suffix("/*") == Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_their_types() {
        assert!(covers("*/*", JSON) && covers("application/*", JSON) && covers("Application/JSON", JSON));
        assert!(!covers("text/*", JSON) && !covers("application/xml", JSON) && covers("text/*", EVENTS));
    }
}
