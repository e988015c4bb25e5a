//! Where a blob lies: the name under which it was sealed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest path: well below what any object store or file system takes.
const MAX_LEN: usize = 512;

/// Why a text is not a blob path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a blob path is parts of a-z, A-Z, 0-9, `_`, `-` and `.`, joined by `/`, none starting with `.`")]
pub struct BlobPathError;

/// `part/part/…`, safe as a file name and as an object key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobPath(String);

impl BlobPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BlobPath {
    type Err = BlobPathError;

    fn from_str(text: &str) -> Result<Self, BlobPathError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let part_ok = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed);
        if text.len() <= MAX_LEN && text.split('/').all(part_ok) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BlobPathError)
        }
    }
}

impl TryFrom<String> for BlobPath {
    type Error = BlobPathError;

    fn try_from(text: String) -> Result<Self, BlobPathError> {
        text.parse()
    }
}

impl From<BlobPath> for String {
    fn from(path: BlobPath) -> Self {
        path.0
    }
}

impl fmt::Display for BlobPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_store() {
        assert!("logs/prj_1/exe-1/1-20.zst".parse::<BlobPath>().is_ok());
        for bad in ["", "/", "/a", "a/", "a//b", "..", "a/../b", "a/.b", "a b", "a%2e", "é", &"x".repeat(513)] {
            assert!(bad.parse::<BlobPath>().is_err(), "{bad:?} was taken");
        }
    }
}
