//! Etags name the generation that a caller has seen (AIP-154).

/// The caller's etag is not the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was changed since this etag was given")]
pub struct Stale;

/// The etag of a generation.
pub fn of(generation: u64) -> String {
    format!("g{generation}")
}

/// Whether what a caller has seen is current; an empty etag means whichever.
///
/// # Errors
/// [`Stale`], also for what was never an etag.
pub fn must_match(seen: &str, generation: u64) -> Result<(), Stale> {
    if seen.is_empty() || seen == of(generation) { Ok(()) } else { Err(Stale) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_current_etag_matches() {
        assert_eq!(must_match("g3", 3), Ok(()));
        assert_eq!(must_match("", 3), Ok(()));
        for stale in ["g2", "g4", "3", "*", "g03"] {
            assert_eq!(must_match(stale, 3), Err(Stale), "{stale:?}");
        }
    }
}
