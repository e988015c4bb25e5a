//! What people may change about an execution in whatever phase: what they say about it.

use katonic_domain::{Tags, error::Violation};

use crate::domain::spec::{Command, Error, json_len, title};

/// In an event.
const MAX_NOTES_BYTES: usize = 4 * 1024;

/// A change, checked; none means that it stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// The new title; empty means the command.
    pub title: Option<String>,
    /// The new tags.
    pub tags: Option<Tags>,
    /// The new notes.
    pub notes: Option<String>,
    /// Whether lists leave it out.
    pub archived: Option<bool>,
}

/// A change as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EditForm {
    /// The new title.
    pub title: Option<String>,
    /// The new tags.
    pub tags: Option<Vec<String>>,
    /// The new notes.
    pub notes: Option<String>,
    /// Whether lists leave it out.
    pub archived: Option<bool>,
}

impl EditForm {
    /// Checks every field and names all that are wrong.
    pub fn check(self) -> Result<Edit, Error> {
        let mut violations = Vec::new();
        if let Some(Err(why)) = self.title.as_deref().map(title) {
            violations.push(Violation::new("title", why));
        }
        if let Some(Err(why)) = self.notes.as_deref().map(notes) {
            violations.push(Violation::new("notes", why));
        }
        let Self { title, notes, archived, .. } = self;
        let tags = self.tags.map(|tags| Tags::try_new(&tags)).transpose();
        match tags {
            Ok(tags) if violations.is_empty() => return Ok(Edit { title, tags, notes, archived }),
            Ok(_) => {}
            Err(why) => violations.push(Violation::new("tags", why.to_string())),
        }
        Err(Error(violations))
    }
}

fn notes(text: &str) -> Result<(), &'static str> {
    let readable = !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    match readable {
        false => Err("contain control characters"),
        true if json_len(text) > MAX_NOTES_BYTES => Err("are longer than 4 KiB"),
        true => Ok(()),
    }
}

impl Edit {
    /// The title that it leads to.
    pub fn title_of(&self, command: &Command) -> Option<String> {
        self.title.as_ref().map(|title| if title.is_empty() { command.as_title() } else { title.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named() {
        let form = EditForm {
            title: Some("\u{7}".into()),
            tags: Some(vec!["a b".into()]),
            notes: Some("x".repeat(MAX_NOTES_BYTES)),
            archived: None,
        };
        let fields: Vec<String> = form.check().expect_err("was taken").0.into_iter().map(|v| v.field).collect();
        assert_eq!(fields, ["title", "notes", "tags"]);
    }

    #[test]
    fn notes_have_lines_and_no_other_control_characters() {
        assert_eq!(notes("# Result\n\tbest so far"), Ok(()));
        for bad in ["\u{1b}[31m", "a\rb", "\0"] {
            assert!(notes(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn what_is_not_named_stays() {
        assert_eq!(EditForm::default().check(), Ok(Edit::default()));
    }
}
