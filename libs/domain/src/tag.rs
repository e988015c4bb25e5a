//! Tags: short labels by which people find their things again.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How many tags one thing may have.
const MAX_TAGS: usize = 32;
const MAX_LENGTH: usize = 63;

/// Why a text is not a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tag has 1 to 63 characters of A-Z, a-z, 0-9 and `-_.:/=+@`, and starts with a letter or digit")]
pub struct TagError;

/// A label: plain ASCII, so that it can stand in a URL, a shell and a query as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let bytes = text.as_bytes();
        let well_formed = (1..=MAX_LENGTH).contains(&bytes.len())
            && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:/=+@".contains(b));
        if well_formed { Ok(Self(text.to_owned())) } else { Err(TagError) }
    }
}

impl TryFrom<String> for Tag {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why texts are not the tags of one thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagsError {
    /// One of them is no tag.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// There are too many.
    #[error("there are at most 32 tags")]
    TooMany,
}

/// The tags of one thing: at most 32, sorted, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(BTreeSet<Tag>);

impl Tags {
    /// The tags of these texts; one that comes twice counts once.
    ///
    /// # Errors
    /// [`TagsError`].
    pub fn try_new<T: AsRef<str>>(texts: &[T]) -> Result<Self, TagsError> {
        let tags = texts.iter().map(|text| text.as_ref().parse()).collect::<Result<BTreeSet<Tag>, _>>()?;
        if tags.len() > MAX_TAGS { Err(TagsError::TooMany) } else { Ok(Self(tags)) }
    }

    /// Each tag, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    /// Each tag as text, sorted.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_plain_labels() {
        for good in ["a", "gpu", "exp:3", "team/nlp", "lr=0.1", "a@b", "Q3.2026", &"x".repeat(63)] {
            assert!(good.parse::<Tag>().is_ok(), "{good:?} was refused");
        }
        for bad in ["", "-a", ".", "a b", "é", "a\0", "a\n", "a,b", "$a", "a{", &"x".repeat(64)] {
            assert_eq!(bad.parse::<Tag>(), Err(TagError), "{bad:?}");
        }
    }

    #[test]
    fn tags_are_sorted_and_each_is_there_once() {
        assert_eq!(Tags::try_new(&["b", "a", "b"]).map(|tags| tags.texts()), Ok(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn there_are_at_most_32_tags() {
        let named = |count: usize| (0..count).map(|index| format!("t{index}")).collect::<Vec<_>>();
        assert!(Tags::try_new(&named(MAX_TAGS)).is_ok());
        assert_eq!(Tags::try_new(&named(MAX_TAGS + 1)), Err(TagsError::TooMany));
    }
}
