//! A grant: the role of a party in a project. The owner of a project holds
//! one like everybody else, so that whoever asks for roles asks in one place.
//!
//! One that was taken away stays, without a role: its events go on from there.

use katonic_domain::{GrantId, ProjectId, Timestamp};
use katonic_store::{Aggregate, Fact, Index, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{decision::Role, party::Party};
use crate::snapshot;

/// Parties with a role in one project.
pub const MOST_GRANTS: usize = 200;

/// The role changed.
pub const CHANGED: Fact = Fact("changed");

/// The role of a party in a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Which.
    pub id: GrantId,
    /// In which project.
    pub project: ProjectId,
    /// Whose.
    pub party: Party,
    /// None once it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Dense among the party's grants: lists walk it.
    pub number: u64,
    /// Rises with each change that a user made.
    pub generation: u64,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// What a grant is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// In which project.
    pub project: ProjectId,
    /// Whose.
    pub party: Party,
}

impl Grant {
    /// A new one.
    pub fn made(place: Place, role: Role, number: u64, now: Timestamp) -> Self {
        let Place { project, party } = place;
        Self { id: GrantId::generate(), project, party, role: Some(role), number, generation: 1, changed_at: now }
    }

    /// Another role, or none; nothing happens where it is so already.
    pub fn set(&mut self, role: Option<Role>, now: Timestamp) -> Option<Fact> {
        if self.role == role {
            return None;
        }
        self.role = role;
        self.generation += 1;
        self.changed_at = now;
        Some(CHANGED)
    }
}

impl Aggregate for Grant {
    type Id = GrantId;

    const COLLECTION: &'static str = "grants";
    const ENTITY: &'static str = "access";
    const EXCHANGE: &'static str = "katonic.metadata";
    const INDEXES: &'static [Index] = &[Index::unique(&["project", "party"]), Index::on(&["party", "number"])];

    fn id(&self) -> GrantId {
        self.id
    }

    /// None: who may do what is not for a project's readers to subscribe to.
    fn project(&self) -> Option<ProjectId> {
        None
    }

    fn snapshot(&self, _: Version) -> Value {
        katonic_proto::json::to_value(&snapshot::access_change(self))
    }
}
