//! What people may change about an execution in whatever phase: what they call it.

use katonic_domain::{Tags, error::Violation};

use crate::domain::spec::{Command, Error, title};

/// A change, checked; none means that it stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// The new title; empty means the command.
    pub title: Option<String>,
    /// The new tags.
    pub tags: Option<Tags>,
}

/// A change as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EditForm {
    /// The new title.
    pub title: Option<String>,
    /// The new tags.
    pub tags: Option<Vec<String>>,
}

impl EditForm {
    /// Checks every field and names all that are wrong.
    pub fn check(self) -> Result<Edit, Error> {
        let mut violations = Vec::new();
        if let Some(Err(why)) = self.title.as_deref().map(title) {
            violations.push(Violation::new("title", why));
        }
        let tags = self.tags.map(|tags| Tags::try_new(&tags)).transpose();
        match tags {
            Ok(tags) if violations.is_empty() => return Ok(Edit { title: self.title, tags }),
            Ok(_) => {}
            Err(why) => violations.push(Violation::new("tags", why.to_string())),
        }
        Err(Error(violations))
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
        let form = EditForm { title: Some("\u{7}".into()), tags: Some(vec!["a b".into()]) };
        let fields: Vec<String> = form.check().expect_err("was taken").0.into_iter().map(|v| v.field).collect();
        assert_eq!(fields, ["title", "tags"]);
    }

    #[test]
    fn what_is_not_named_stays() {
        assert_eq!(EditForm::default().check(), Ok(Edit::default()));
    }
}
