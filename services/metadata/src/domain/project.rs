//! A project: files, executions and who may do what with them.

use katonic_domain::{Name, ProjectId, Timestamp, UserId, error::Violation};
use katonic_store::{Aggregate, Fact, Index, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{git::files::Files, snapshot};

/// Longest description, in bytes.
const LONGEST_DESCRIPTION: usize = 4 << 10;

/// It was made.
pub const CREATED: Fact = Fact("created");
/// A branch moved.
pub const PUSHED: Fact = Fact("pushed");

/// A project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Which.
    pub id: ProjectId,
    /// Unique per owner.
    pub name: Name,
    /// Whose.
    pub owner: UserId,
    /// Dense among the owner's projects: lists walk it.
    pub number: u64,
    /// In its owner's words.
    pub description: String,
    /// Rises with each change that a user made.
    pub generation: u64,
    /// Since when.
    pub created_at: Timestamp,
    /// What its repository holds.
    pub files: Files,
}

/// What a new project is made of, checked.
#[derive(Debug, Clone)]
pub struct NewProject {
    name: Name,
    description: String,
}

impl NewProject {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(name: &str, description: String) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        if description.len() > LONGEST_DESCRIPTION {
            violations.push(Violation::new("description", "has at most 4 KiB"));
        }
        match name.parse() {
            Ok(name) if violations.is_empty() => return Ok(Self { name, description }),
            Ok(_) => {}
            Err(why) => violations.insert(0, Violation::new("name", format!("{why}"))),
        }
        Err(violations)
    }

    /// The project, made now.
    pub fn made(self, owner: UserId, number: u64, now: Timestamp) -> Project {
        let Self { name, description } = self;
        Project {
            id: ProjectId::generate(),
            name,
            owner,
            number,
            description,
            generation: 1,
            created_at: now,
            files: Files::default(),
        }
    }
}

impl Aggregate for Project {
    type Id = ProjectId;

    const COLLECTION: &'static str = "projects";
    const ENTITY: &'static str = "project";
    const EXCHANGE: &'static str = "katonic.metadata";
    const INDEXES: &'static [Index] =
        &[Index::unique(&["owner", "name"]), Index::on(&["owner", "number"]), Index::on(&["files.pending_since"])];

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
    use super::*;

    #[test]
    fn every_wrong_field_is_named() {
        let fields = |name: &str, description: usize| {
            let checked = NewProject::check(name, "x".repeat(description));
            checked.err().unwrap_or_default().into_iter().map(|violation| violation.field).collect::<Vec<_>>()
        };
        assert!(fields("churn", LONGEST_DESCRIPTION).is_empty());
        assert_eq!(fields("Churn", 0), ["name"]);
        assert_eq!(fields("..", LONGEST_DESCRIPTION + 1), ["name", "description"]);
    }
}
