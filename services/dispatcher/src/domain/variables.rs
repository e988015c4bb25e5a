//! Environment variables of a job, for programs that are set up by them; what
//! a job tries is a parameter. Pinned at submit.
//!
//! What the platform sets is refused here, so that nothing that was accepted
//! is overruled later. Those of the dynamic loader, such as `LD_PRELOAD`, are
//! taken on every backend: the shim gives them to nothing but the command, as
//! the command's user, and that could set them itself.

use std::collections::BTreeMap;

use katonic_member::is_reserved;
use serde::{Deserialize, Serialize};

use crate::domain::spec::map_json_len;

const MAX_VARIABLES: usize = 64;
const MAX_NAME: usize = 63;

/// Values by name. Names are POSIX's, and none is the platform's to set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The variables of these names and values, if they are such.
    pub fn try_new(values: BTreeMap<String, String>) -> Result<Self, &'static str> {
        if values.len() > MAX_VARIABLES {
            Err("are more than 64")
        } else if !values.keys().all(|name| well_formed(name)) {
            Err("a name has 1 to 63 letters, digits and `_`, and starts with no digit")
        } else if values.keys().any(|name| is_reserved(name)) {
            Err("`HOME`, `PATH`, `TMPDIR`, `TRACEPARENT` and what begins with `KATONIC_` are the platform's to set")
        } else if values.values().any(|value| value.contains('\0')) {
            Err("a value contains a NUL character")
        } else {
            Ok(Self(values))
        }
    }

    /// Values by name.
    pub const fn values(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// How long they are in an event.
    pub(super) fn json_len(&self) -> usize {
        map_json_len(&self.0)
    }
}

fn well_formed(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(name: &str, value: &str) -> Result<Variables, &'static str> {
        Variables::try_new(BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn names_are_those_of_posix() {
        for name in ["OMP_NUM_THREADS", "_x", "lower", "LD_PRELOAD", "KATONIC", &"X".repeat(63)] {
            assert!(variables(name, "a=b\nc").is_ok(), "{name:?} was refused");
        }
        for name in ["", "1ST", "A-B", "A.B", "A=B", "É", "A\0", &"X".repeat(64)] {
            assert!(variables(name, "").is_err(), "{name:?} was taken");
        }
        assert!(variables("A", "x\0y").is_err());
    }

    #[test]
    fn what_the_platform_sets_is_refused() {
        for name in ["HOME", "PATH", "TMPDIR", "TRACEPARENT", "KATONIC_METRICS", "KATONIC_PARAM_LR"] {
            let refused = variables(name, "").expect_err("was taken");
            assert!(refused.contains("the platform's to set"), "{name}: {refused}");
        }
    }

    #[test]
    fn there_are_at_most_64() {
        let many = |count: usize| (0..count).map(|index| (format!("V{index}"), String::new())).collect();
        assert!(Variables::try_new(many(MAX_VARIABLES)).is_ok());
        assert!(Variables::try_new(many(MAX_VARIABLES + 1)).is_err());
    }
}
