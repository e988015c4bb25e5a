//! A user of the installation, and how many administrators there are.

use std::collections::BTreeSet;

use katonic_domain::{Name, ProjectId, Timestamp, UserId, error::Violation};
use katonic_store::{Aggregate, Fact, Index, Record, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::snapshot;

const LONGEST_DISPLAY_NAME: usize = 100;

/// They were made.
pub const CREATED: Fact = Fact("created");
/// They are refused from now on.
pub const DISABLED: Fact = Fact("disabled");
/// They are let in again.
pub const ENABLED: Fact = Fact("enabled");

/// A person or machine that has tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Unique in the installation.
    pub name: Name,
    /// How they are called.
    pub display_name: String,
    /// Dense in the installation: lists walk it.
    pub number: u64,
    /// Whether they administer the installation.
    pub admin: bool,
    /// Whether their tokens are refused.
    pub disabled: bool,
    /// Rises with each change that a user made.
    pub generation: u64,
    /// Since when.
    pub created_at: Timestamp,
}

impl User {
    /// Refuses or admits them; nothing happens where it is so already.
    pub fn set_disabled(&mut self, disabled: bool) -> Option<Fact> {
        if self.disabled == disabled {
            return None;
        }
        self.disabled = disabled;
        self.generation += 1;
        Some(if disabled { DISABLED } else { ENABLED })
    }
}

impl Aggregate for User {
    type Id = UserId;

    const COLLECTION: &'static str = "users";
    const ENTITY: &'static str = "user";
    const EXCHANGE: &'static str = "katonic.metadata";
    const INDEXES: &'static [Index] = &[Index::unique(&["name"]), Index::on(&["number"])];

    fn id(&self) -> UserId {
        self.id
    }

    fn project(&self) -> Option<ProjectId> {
        None
    }

    fn snapshot(&self, _: Version) -> Value {
        katonic_proto::json::to_value(&snapshot::user_access(self))
    }
}

/// What a new user is made of, checked.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Unique in the installation.
    pub name: Name,
    /// How they are called.
    pub display_name: String,
    /// Whether they are to administer the installation.
    pub admin: bool,
}

impl NewUser {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(name: &str, display_name: String, admin: bool) -> Result<Self, Vec<Violation>> {
        let (name, display_name) = names(name, display_name)?;
        Ok(Self { name, display_name, admin })
    }

    /// The user, made now.
    pub fn made(self, number: u64, now: Timestamp) -> User {
        let Self { name, display_name, admin } = self;
        User {
            id: UserId::generate(),
            name,
            display_name,
            number,
            admin,
            disabled: false,
            generation: 1,
            created_at: now,
        }
    }
}

/// The names of a user or an organisation, checked.
///
/// # Errors
/// Every field that is wrong.
pub fn names(name: &str, display_name: String) -> Result<(Name, String), Vec<Violation>> {
    let mut violations = Vec::new();
    if display_name.chars().count() > LONGEST_DISPLAY_NAME || display_name.chars().any(char::is_control) {
        violations.push(Violation::new("display_name", "has at most 100 characters, none of them a control character"));
    }
    match name.parse() {
        Ok(name) if violations.is_empty() => return Ok((name, display_name)),
        Ok(_) => {}
        Err(why) => violations.insert(0, Violation::new("name", format!("{why}"))),
    }
    Err(violations)
}

/// There must be somebody left who administers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the installation would have no administrator left")]
pub struct LastAdministrator;

/// Who administers and is not disabled, in one record: whoever changes it is
/// in conflict with whoever else does, so that two administrators cannot
/// disable one another at once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Administrators {
    enabled: BTreeSet<UserId>,
}

impl Administrators {
    /// The id of the only one.
    pub const ID: &'static str = "administrators";

    /// Adds one.
    pub fn add(&mut self, user: UserId) {
        self.enabled.insert(user);
    }

    /// Takes one out.
    ///
    /// # Errors
    /// [`LastAdministrator`]
    pub fn remove(&mut self, user: UserId) -> Result<(), LastAdministrator> {
        if self.enabled.len() == 1 && self.enabled.contains(&user) {
            return Err(LastAdministrator);
        }
        self.enabled.remove(&user);
        Ok(())
    }
}

impl Record for Administrators {
    type Id = &'static str;

    const COLLECTION: &'static str = "administrators";
    const ENTITY: &'static str = "administrators";

    fn id(&self) -> &'static str {
        Self::ID
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_administrator_stays() {
        let (ada, bob) = (UserId::generate(), UserId::generate());
        let mut administrators = Administrators::default();
        administrators.add(ada);
        assert_eq!(administrators.remove(bob), Ok(()));
        assert_eq!(administrators.remove(ada), Err(LastAdministrator));
        administrators.add(bob);
        assert_eq!(administrators.remove(ada), Ok(()));
        assert_eq!(administrators.remove(bob), Err(LastAdministrator));
    }

    #[test]
    fn disabling_twice_is_once() {
        let mut user = NewUser::check("ada", String::new(), false).expect("a user").made(1, Timestamp::UNIX_EPOCH);
        assert_eq!(user.set_disabled(false), None);
        assert_eq!(user.set_disabled(true), Some(DISABLED));
        assert_eq!(user.set_disabled(true), None);
        assert_eq!(user.set_disabled(false), Some(ENABLED));
        assert_eq!(user.generation, 3);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = NewUser::check("Ada", "x\n".to_owned(), false).err().unwrap_or_default();
        assert_eq!(wrong.into_iter().map(|violation| violation.field).collect::<Vec<_>>(), ["name", "display_name"]);
    }
}
