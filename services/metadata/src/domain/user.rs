//! A user of the installation.

use katonic_domain::{Timestamp, UserId};
use katonic_store::{Index, Record};
use serde::{Deserialize, Serialize};

/// A person or machine that has tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Unique in the installation.
    pub name: String,
    /// Whether they administer the installation.
    pub admin: bool,
    /// Whether their tokens are refused.
    pub disabled: bool,
    /// Since when.
    pub created_at: Timestamp,
}

impl Record for User {
    type Id = UserId;

    const COLLECTION: &'static str = "users";
    const ENTITY: &'static str = "user";
    const INDEXES: &'static [Index] = &[Index::unique(&["name"])];

    fn id(&self) -> UserId {
        self.id
    }
}
