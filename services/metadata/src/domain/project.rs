//! A project: files, executions and who may do what with them.

use std::collections::BTreeSet;

use katonic_domain::{Name, ProjectId, Timestamp, error::Violation};
use katonic_store::{Aggregate, Fact, Index, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{etag, party::Party};
use crate::{git::files::Files, snapshot};

/// Longest description, in bytes.
const LONGEST_DESCRIPTION: usize = 4 << 10;
const MOST_TAGS: usize = 32;
const LONGEST_TAG: usize = 63;

/// It was made.
pub const CREATED: Fact = Fact("created");
/// A branch moved.
pub const PUSHED: Fact = Fact("pushed");
/// Name, description or tags are others.
pub const UPDATED: Fact = Fact("updated");
/// It is kept for reading only.
pub const ARCHIVED: Fact = Fact("archived");
/// It is in use again.
pub const RESTORED: Fact = Fact("restored");
/// It is another's.
pub const TRANSFERRED: Fact = Fact("transferred");

/// A project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Which.
    pub id: ProjectId,
    /// Unique per owner.
    pub name: Name,
    /// Whose.
    pub owner: Party,
    /// Dense in the installation: the list of all walks it.
    pub number: u64,
    /// In its owner's words.
    pub description: String,
    /// What it is found by.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Since when it is kept for reading only, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// Rises with each change that a user made.
    pub generation: u64,
    /// Since when.
    pub created_at: Timestamp,
    /// What its repository holds.
    pub files: Files,
}

/// Why a project stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody changed it since.
    #[error(transparent)]
    Stale(#[from] etag::Stale),
    /// It is kept for reading only.
    #[error("the project is archived: restore it first")]
    Archived,
}

impl Project {
    /// Nothing, unless it is kept for reading only.
    ///
    /// # Errors
    /// [`Refusal::Archived`]
    pub fn must_be_in_use(&self) -> Result<(), Refusal> {
        if self.archived_at.is_some() { Err(Refusal::Archived) } else { Ok(()) }
    }

    /// Changes what its contributors may change.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn edit(&mut self, edit: &Edit, seen: &str) -> Result<Option<Fact>, Refusal> {
        etag::must_match(seen, self.generation)?;
        self.must_be_in_use()?;
        let before = self.clone();
        edit.name.iter().for_each(|name| self.name.clone_from(name));
        edit.description.iter().for_each(|description| self.description.clone_from(description));
        edit.tags.iter().for_each(|tags| self.tags.clone_from(tags));
        Ok(if *self == before { None } else { self.changed(UPDATED) })
    }

    /// Keeps it for reading only.
    ///
    /// # Errors
    /// [`Refusal::Stale`]
    pub fn archive(&mut self, seen: &str, now: Timestamp) -> Result<Option<Fact>, Refusal> {
        if self.archived_at.is_some() {
            return Ok(None);
        }
        etag::must_match(seen, self.generation)?;
        self.archived_at = Some(now);
        Ok(self.changed(ARCHIVED))
    }

    /// Takes it into use again.
    ///
    /// # Errors
    /// [`Refusal::Stale`]
    pub fn restore(&mut self, seen: &str) -> Result<Option<Fact>, Refusal> {
        if self.archived_at.is_none() {
            return Ok(None);
        }
        etag::must_match(seen, self.generation)?;
        self.archived_at = None;
        Ok(self.changed(RESTORED))
    }

    /// Gives it to another.
    ///
    /// # Errors
    /// [`Refusal::Stale`]
    pub fn transfer(&mut self, owner: Party, seen: &str) -> Result<Option<Fact>, Refusal> {
        if self.owner == owner {
            return Ok(None);
        }
        etag::must_match(seen, self.generation)?;
        self.owner = owner;
        Ok(self.changed(TRANSFERRED))
    }

    fn changed(&mut self, fact: Fact) -> Option<Fact> {
        self.generation += 1;
        Some(fact)
    }
}

/// What a new project is made of, checked.
#[derive(Debug, Clone)]
pub struct NewProject {
    name: Name,
    description: String,
    tags: BTreeSet<String>,
}

impl NewProject {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(name: &str, description: String, tags: Vec<String>) -> Result<Self, Vec<Violation>> {
        let edit = Edit::check(Some(name), Some(description), Some(tags))?;
        match edit {
            Edit { name: Some(name), description: Some(description), tags: Some(tags) } => {
                Ok(Self { name, description, tags })
            }
            _ => Err(vec![Violation::new("name", "is required")]),
        }
    }

    /// The project, made now.
    pub fn made(self, owner: Party, number: u64, now: Timestamp) -> Project {
        let Self { name, description, tags } = self;
        Project {
            id: ProjectId::generate(),
            name,
            owner,
            number,
            description,
            tags,
            archived_at: None,
            generation: 1,
            created_at: now,
            files: Files::default(),
        }
    }
}

/// What is to be another, checked; none stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    /// Unique per owner.
    pub name: Option<Name>,
    /// In its owner's words.
    pub description: Option<String>,
    /// What it is found by.
    pub tags: Option<BTreeSet<String>>,
}

impl Edit {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(
        name: Option<&str>,
        description: Option<String>,
        tags: Option<Vec<String>>,
    ) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        let name = name.map(str::parse).transpose().unwrap_or_else(|why: katonic_domain::name::NameError| {
            violations.push(Violation::new("name", why.to_string()));
            None
        });
        if description.as_ref().is_some_and(|description| description.len() > LONGEST_DESCRIPTION) {
            violations.push(Violation::new("description", "has at most 4 KiB"));
        }
        let tags: Option<BTreeSet<String>> = tags.map(|tags| tags.into_iter().collect());
        if tags.as_ref().is_some_and(|tags| tags.len() > MOST_TAGS || !tags.iter().all(|tag| is_tag(tag))) {
            violations.push(Violation::new("tags", "are at most 32, of 1 to 63 characters without control characters"));
        }
        if violations.is_empty() { Ok(Self { name, description, tags }) } else { Err(violations) }
    }
}

fn is_tag(tag: &str) -> bool {
    (1..=LONGEST_TAG).contains(&tag.chars().count()) && !tag.chars().any(char::is_control) && tag.trim() == tag
}

impl Aggregate for Project {
    type Id = ProjectId;

    const COLLECTION: &'static str = "projects";
    const ENTITY: &'static str = "project";
    const EXCHANGE: &'static str = "katonic.metadata";
    const INDEXES: &'static [Index] =
        &[Index::unique(&["owner", "name"]), Index::on(&["number"]), Index::on(&["files.pending_since"])];

    fn id(&self) -> ProjectId {
        self.id
    }

    fn project(&self) -> Option<ProjectId> {
        Some(self.id)
    }

    fn snapshot(&self, _: Version) -> Value {
        katonic_proto::json::to_value(&snapshot::project(self))
    }
}

#[cfg(test)]
mod tests {
    use katonic_domain::UserId;

    use super::*;

    fn project() -> Project {
        let new = NewProject::check("churn", String::new(), Vec::new()).expect("a name");
        new.made(Party::User(UserId::generate()), 1, Timestamp::UNIX_EPOCH)
    }

    fn described(text: &str) -> Edit {
        Edit::check(None, Some(text.to_owned()), None).expect("a description")
    }

    #[test]
    fn every_wrong_field_is_named() {
        let fields = |name: &str, description: usize, tags: &[&str]| {
            let tags = tags.iter().map(ToString::to_string).collect();
            let checked = NewProject::check(name, "x".repeat(description), tags);
            checked.err().unwrap_or_default().into_iter().map(|violation| violation.field).collect::<Vec<_>>()
        };
        assert!(fields("churn", LONGEST_DESCRIPTION, &["a", "b c", "a"]).is_empty());
        assert_eq!(fields("Churn", 0, &[]), ["name"]);
        assert_eq!(fields("..", LONGEST_DESCRIPTION + 1, &[""]), ["name", "description", "tags"]);
        for bad in [" a", "a\n", &"x".repeat(64)] {
            assert_eq!(fields("churn", 0, &[bad]), ["tags"], "{bad:?}");
        }
        let many: Vec<_> = (0..33).map(|n| format!("t{n}")).collect();
        assert_eq!(fields("churn", 0, &many.iter().map(String::as_str).collect::<Vec<_>>()), ["tags"]);
    }

    #[test]
    fn an_edit_of_what_one_has_seen_raises_the_generation_once() {
        let mut project = project();
        assert_eq!(project.edit(&described("new"), "g1"), Ok(Some(UPDATED)));
        assert_eq!(project.edit(&described("new"), "g2"), Ok(None));
        assert_eq!(project.edit(&described("other"), "g1"), Err(Refusal::Stale(etag::Stale)));
        assert_eq!(project.edit(&described("other"), ""), Ok(Some(UPDATED)));
        assert_eq!((project.generation, project.description.as_str()), (3, "other"));
    }

    #[test]
    fn an_archived_project_is_not_edited_until_it_is_restored() {
        let mut project = project();
        assert_eq!(project.restore(""), Ok(None));
        assert_eq!(project.archive("g7", Timestamp::UNIX_EPOCH), Err(Refusal::Stale(etag::Stale)));
        assert_eq!(project.archive("g1", Timestamp::UNIX_EPOCH), Ok(Some(ARCHIVED)));
        assert_eq!(project.archive("g1", Timestamp::UNIX_EPOCH), Ok(None));
        assert_eq!(project.edit(&described("new"), ""), Err(Refusal::Archived));
        assert_eq!(project.restore(""), Ok(Some(RESTORED)));
        assert_eq!(project.edit(&described("new"), ""), Ok(Some(UPDATED)));
    }

    #[test]
    fn a_transfer_to_its_owner_changes_nothing() {
        let mut project = project();
        let (owner, other) = (project.owner, Party::User(UserId::generate()));
        assert_eq!(project.transfer(owner, ""), Ok(None));
        assert_eq!(project.transfer(other, "g1"), Ok(Some(TRANSFERRED)));
        assert_eq!(project.owner, other);
    }
}
