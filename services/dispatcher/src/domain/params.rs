//! Parameters of a job: what its command is given beside its arguments, by
//! name. Pinned at submit; user code finds them in its environment.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::spec::map_json_len;

const MAX_PARAMS: usize = 64;
const MAX_NAME: usize = 63;

/// Values by name. Names are environment variables' and differ in more than case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// The parameters of these names and values, if they are such.
    pub fn try_new(values: BTreeMap<String, String>) -> Result<Self, &'static str> {
        let variables: BTreeSet<String> = values.keys().map(|name| variable(name)).collect();
        if values.len() > MAX_PARAMS {
            Err("are more than 64")
        } else if !values.keys().all(|name| well_formed(name)) {
            Err("a name has 1 to 63 letters, digits and `_`, and starts with a letter")
        } else if variables.len() < values.len() {
            Err("two names differ in case only")
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

    /// What user code finds in its environment.
    pub fn variables(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, value)| (variable(name), value.clone())).collect()
    }

    /// How long they are in an event.
    pub(super) fn json_len(&self) -> usize {
        map_json_len(&self.0)
    }
}

fn variable(name: &str) -> String {
    format!("KATONIC_PARAM_{}", name.to_ascii_uppercase())
}

fn well_formed(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params<const N: usize>(values: [(&str, &str); N]) -> Result<Params, &'static str> {
        Params::try_new(values.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    #[test]
    fn user_code_finds_each_under_its_name_in_upper_case() {
        let variables = params([("lr", "0.1"), ("Max_Depth", "")]).expect("parameters").variables();
        let expected = [("KATONIC_PARAM_LR", "0.1"), ("KATONIC_PARAM_MAX_DEPTH", "")];
        assert_eq!(variables, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn what_cannot_be_a_variable_is_refused() {
        for name in ["", "1st", "_x", "a-b", "a.b", "a=b", "é", "a\0", &"x".repeat(64)] {
            assert!(params([(name, "")]).is_err(), "{name:?} was taken");
        }
        assert!(params([("a", "x\0y")]).is_err());
        assert_eq!(params([("lr", "1"), ("LR", "2")]), Err("two names differ in case only"));
    }

    #[test]
    fn there_are_at_most_64() {
        let many = |count: usize| (0..count).map(|index| (format!("p{index}"), String::new())).collect();
        assert!(Params::try_new(many(MAX_PARAMS)).is_ok());
        assert!(Params::try_new(many(MAX_PARAMS + 1)).is_err());
    }
}
