//! Names that people choose, and commit ids: checked once, then trusted.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 63 characters of a-z, 0-9 and `-`, and starts and ends with a letter or digit")]
pub struct NameError;

/// A name of a project or tier: a DNS label (RFC 1123) in lower case, so that
/// it can stand in a URL, a file name or a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest name to any text, such as a folder's: lower case, runs of
    /// other characters become one `-`. `None` where nothing usable is left.
    pub fn nearest(text: &str) -> Option<Self> {
        let mut nearest = String::new();
        for character in text.chars().map(|c| c.to_ascii_lowercase()) {
            if character.is_ascii_lowercase() || character.is_ascii_digit() {
                nearest.push(character);
            } else if !nearest.is_empty() && !nearest.ends_with('-') {
                nearest.push('-');
            }
        }
        nearest.truncate(63);
        nearest.trim_end_matches('-').parse().ok()
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bytes = text.as_bytes();
        let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let well_formed = (1..=63).contains(&bytes.len())
            && bytes.iter().all(|b| alphanumeric(b) || *b == b'-')
            && bytes.first().is_some_and(alphanumeric)
            && bytes.last().is_some_and(alphanumeric);
        if well_formed { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a commit id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a commit id has 40 hexadecimal digits in lower case")]
pub struct CommitIdError;

/// A Git commit id (SHA-1): 40 hexadecimal digits, so never an option or a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

impl CommitId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CommitId {
    type Err = CommitIdError;

    fn from_str(text: &str) -> Result<Self, CommitIdError> {
        let well_formed = text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if well_formed { Ok(Self(text.to_owned())) } else { Err(CommitIdError) }
    }
}

impl TryFrom<String> for CommitId {
    type Error = CommitIdError;

    fn try_from(text: String) -> Result<Self, CommitIdError> {
        text.parse()
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for good in ["a", "a-b", "0", "churn-2026", &"x".repeat(63)] {
            assert!(good.parse::<Name>().is_ok(), "{good:?} was refused");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a/b", "..", "a b", "é", &"x".repeat(64), "a\0"] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_folder_name_becomes_the_nearest_name() {
        let nearest = |text| Name::nearest(text).map(|n| n.to_string());
        assert_eq!(nearest("My Project (2)"), Some("my-project-2".to_owned()));
        assert_eq!(nearest("--"), None);
        assert_eq!(nearest(&"ab-".repeat(40)).map(|n| n.len()), Some(62));
    }

    #[test]
    fn commit_ids_are_forty_hex_digits() {
        assert!("0123456789abcdef0123456789abcdef01234567".parse::<CommitId>().is_ok());
        for bad in ["", "HEAD", "--upload-pack=x", "0123456789ABCDEF0123456789abcdef01234567", &"0".repeat(41)] {
            assert!(bad.parse::<CommitId>().is_err(), "{bad:?} was taken");
        }
    }
}
