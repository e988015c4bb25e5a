//! Request fields that every owner reads the same way: ids and names, page
//! sizes, opaque tokens.

use std::{collections::BTreeSet, fmt::Display, str::FromStr};

use katonic_domain::{
    ErrorKind,
    error::{Classified, Violation},
};
use tonic::Status;

use crate::rpc::to_status;

/// Largest page of any list.
const MAX_PAGE: usize = 200;

/// A request field is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", .0.field, .0.description)]
pub struct Invalid(pub Violation);

impl Classified for Invalid {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn reason(&self) -> &'static str {
        "INVALID_ARGUMENT"
    }

    fn violations(&self) -> Vec<Violation> {
        vec![self.0.clone()]
    }
}

/// What a wrong field is answered by.
pub fn invalid(field: &str, why: impl Display) -> Status {
    to_status(&Invalid(Violation::new(field, why.to_string())))
}

/// A field that is an id, a name or another text with a strict form.
///
/// # Errors
/// `INVALID_ARGUMENT` that names the field.
pub fn parse<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, Status> {
    text.parse().map_err(|why| invalid(field, why))
}

/// How many items a page has: 0 means the default.
///
/// # Errors
/// `INVALID_ARGUMENT` where it is not between 1 and 200.
pub fn page_size(asked: i32, default: usize) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Ok(0) => Ok(default),
        Ok(size) if size <= MAX_PAGE => Ok(size),
        _ => Err(invalid("page_size", "is not between 1 and 200")),
    }
}

/// Which fields an update changes (AIP-134): those that the mask names, else
/// those that are set. `fields` are all that may change, with whether each is set.
///
/// # Errors
/// `INVALID_ARGUMENT` for a path that is none of `fields`.
pub fn mask<'a>(
    name: &str,
    mask: Option<&prost_types::FieldMask>,
    fields: &[(&'a str, bool)],
) -> Result<BTreeSet<&'a str>, Status> {
    let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else {
        return Ok(fields.iter().filter(|(_, set)| *set).map(|(field, _)| *field).collect());
    };
    let known = |path: &String| fields.iter().map(|(field, _)| *field).find(|field| field == path);
    let named = mask.paths.iter().map(known).collect::<Option<_>>();
    named.ok_or_else(|| invalid(name, "names a field that cannot be changed"))
}

/// An opaque token for a place in a list or a stream.
pub fn token(place: u64) -> String {
    format!("p{place:x}")
}

/// The place that a token stands for; none where it is empty.
///
/// # Errors
/// `INVALID_ARGUMENT` for what [`token`] never made.
pub fn place(field: &str, token: &str) -> Result<Option<u64>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let place = token.strip_prefix('p').and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let canonical = place.filter(|place| self::token(*place) == token);
    canonical.map(Some).ok_or_else(|| invalid(field, "is not from an earlier answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_token_and_nothing_else_passes() {
        for number in [0, 1, 255, u64::MAX] {
            assert_eq!(place("page_token", &token(number)).ok(), Some(Some(number)));
        }
        for bad in ["p", "pg", "p00", "x1", "p+1", "p10000000000000000", "\0"] {
            assert!(place("page_token", bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_mask_says_what_changes_and_without_one_what_is_set() {
        let fields = [("title", true), ("tags", false)];
        let changed = |paths: &[&str]| {
            let mask = prost_types::FieldMask { paths: paths.iter().map(ToString::to_string).collect() };
            mask_of(&mask, &fields)
        };
        assert_eq!(mask("update_mask", None, &fields).ok(), Some(BTreeSet::from(["title"])));
        assert_eq!(changed(&[]), Some(BTreeSet::from(["title"])));
        assert_eq!(changed(&["tags"]), Some(BTreeSet::from(["tags"])));
        assert_eq!(changed(&["tags", "phase"]), None);
    }

    fn mask_of<'a>(mask: &prost_types::FieldMask, fields: &[(&'a str, bool)]) -> Option<BTreeSet<&'a str>> {
        super::mask("update_mask", Some(mask), fields).ok()
    }

    #[test]
    fn page_sizes_have_bounds() {
        assert_eq!(page_size(0, 50).ok(), Some(50));
        assert_eq!(page_size(200, 50).ok(), Some(200));
        assert!(page_size(201, 50).is_err() && page_size(-1, 50).is_err());
    }
}
