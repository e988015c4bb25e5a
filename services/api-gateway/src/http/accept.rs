//! What the caller takes of what a route can answer.

use http::{HeaderMap, header::ACCEPT};
use katonic_proto::routes::Route;

use super::stream::Framing;
use crate::problem::Problem;

const JSON: &str = "application/json";

/// The framing that the caller takes of a route that streams; none where the
/// route answers once. Refuses a caller who takes nothing that the route answers.
pub(super) fn framing(headers: &HeaderMap, route: &Route) -> Result<Option<Framing>, Problem> {
    if !route.streams() {
        return if takes(headers, JSON) { Ok(None) } else { Err(Problem::not_acceptable(JSON)) };
    }
    let taken = Framing::ALL.into_iter().find(|framing| takes(headers, framing.media_type()));
    let offered = || Framing::ALL.map(Framing::media_type).join(" or ");
    taken.map(Some).ok_or_else(|| Problem::not_acceptable(&offered()))
}

fn takes(headers: &HeaderMap, offered: &str) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return true;
    }
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        !refused && covers(essence, offered)
    })
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
        assert!(!covers("text/*", JSON) && !covers("application/xml", JSON));
        assert!(covers("text/*", Framing::Events.media_type()));
    }
}
