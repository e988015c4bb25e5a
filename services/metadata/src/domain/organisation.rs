//! An organisation: users together. Who is in it stands in its own document,
//! so that it never loses its last owner.

use katonic_domain::{Name, OrganisationId, ProjectId, Timestamp, UserId, error::Violation};
use katonic_store::{Aggregate, Fact, Index, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{domain::user, snapshot};

/// Members of an organisation, owners included.
pub const MOST_MEMBERS: usize = 256;

/// It was made.
pub const CREATED: Fact = Fact("created");
/// Who is in it changed.
pub const CHANGED: Fact = Fact("changed");

/// What a user is in an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Has its roles in projects, up to contributor.
    Member,
    /// Has its roles in projects, and decides who is in it.
    Owner,
}

/// A user in an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// As what.
    pub standing: Standing,
}

/// Why an organisation stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody would be left who decides who is in it.
    #[error("the organisation would have no owner left")]
    LastOwner,
    /// It is full.
    #[error("an organisation has at most {MOST_MEMBERS} members")]
    Full,
}

/// Users together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Organisation {
    /// Which.
    pub id: OrganisationId,
    /// Unique among organisations.
    pub name: Name,
    /// How it is called.
    pub display_name: String,
    /// Dense in the installation: lists walk it.
    pub number: u64,
    /// Who is in it.
    pub members: Vec<Member>,
    /// Rises with each change that a user made.
    pub generation: u64,
    /// Since when.
    pub created_at: Timestamp,
}

impl Organisation {
    /// What a user is in it.
    pub fn standing(&self, user: UserId) -> Option<Standing> {
        self.members.iter().find(|member| member.user == user).map(|member| member.standing)
    }

    /// Makes a user a member, or changes what they are in it.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn set(&mut self, user: UserId, standing: Standing) -> Result<Option<Fact>, Refusal> {
        match self.standing(user) {
            Some(present) if present == standing => return Ok(None),
            Some(Standing::Owner) => self.must_keep_an_owner(user)?,
            Some(Standing::Member) => {}
            None if self.members.len() >= MOST_MEMBERS => return Err(Refusal::Full),
            None => self.members.push(Member { user, standing }),
        }
        for member in self.members.iter_mut().filter(|member| member.user == user) {
            member.standing = standing;
        }
        self.generation += 1;
        Ok(Some(CHANGED))
    }

    /// Takes a user out.
    ///
    /// # Errors
    /// [`Refusal::LastOwner`]
    pub fn remove(&mut self, user: UserId) -> Result<Option<Fact>, Refusal> {
        let Some(standing) = self.standing(user) else { return Ok(None) };
        if standing == Standing::Owner {
            self.must_keep_an_owner(user)?;
        }
        self.members.retain(|member| member.user != user);
        self.generation += 1;
        Ok(Some(CHANGED))
    }

    fn must_keep_an_owner(&self, leaving: UserId) -> Result<(), Refusal> {
        let stays = |member: &Member| member.standing == Standing::Owner && member.user != leaving;
        if self.members.iter().any(stays) { Ok(()) } else { Err(Refusal::LastOwner) }
    }
}

impl Aggregate for Organisation {
    type Id = OrganisationId;

    const COLLECTION: &'static str = "organisations";
    const ENTITY: &'static str = "organisation";
    const EXCHANGE: &'static str = "katonic.metadata";
    const INDEXES: &'static [Index] = &[Index::unique(&["name"]), Index::on(&["number"]), Index::on(&["members.user"])];

    fn id(&self) -> OrganisationId {
        self.id
    }

    fn project(&self) -> Option<ProjectId> {
        None
    }

    fn snapshot(&self, _: Version) -> Value {
        katonic_proto::json::to_value(&snapshot::organisation_access(self))
    }
}

/// What a new organisation is made of, checked.
#[derive(Debug, Clone)]
pub struct NewOrganisation {
    name: Name,
    display_name: String,
}

impl NewOrganisation {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(name: &str, display_name: String) -> Result<Self, Vec<Violation>> {
        let (name, display_name) = user::names(name, display_name)?;
        Ok(Self { name, display_name })
    }

    /// The organisation, made now; its maker owns it.
    pub fn made(self, maker: UserId, number: u64, now: Timestamp) -> Organisation {
        Organisation {
            id: OrganisationId::generate(),
            name: self.name,
            display_name: self.display_name,
            number,
            members: vec![Member { user: maker, standing: Standing::Owner }],
            generation: 1,
            created_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organisation(maker: UserId) -> Organisation {
        NewOrganisation::check("lab", String::new()).expect("a name").made(maker, 1, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_last_owner_neither_leaves_nor_steps_down() {
        let (ada, bob) = (UserId::generate(), UserId::generate());
        let mut lab = organisation(ada);
        assert_eq!(lab.remove(ada), Err(Refusal::LastOwner));
        assert_eq!(lab.set(ada, Standing::Member), Err(Refusal::LastOwner));
        assert_eq!(lab.set(bob, Standing::Member), Ok(Some(CHANGED)));
        assert_eq!(lab.remove(ada), Err(Refusal::LastOwner));
        assert_eq!(lab.set(bob, Standing::Owner), Ok(Some(CHANGED)));
        assert_eq!(lab.remove(ada), Ok(Some(CHANGED)));
        assert_eq!((lab.standing(ada), lab.standing(bob), lab.generation), (None, Some(Standing::Owner), 4));
    }

    #[test]
    fn doing_it_twice_is_once() {
        let (ada, bob) = (UserId::generate(), UserId::generate());
        let mut lab = organisation(ada);
        assert_eq!(lab.set(ada, Standing::Owner), Ok(None));
        assert_eq!(lab.remove(bob), Ok(None));
        assert_eq!(lab.generation, 1);
    }

    #[test]
    fn it_has_room_for_so_many() {
        let mut lab = organisation(UserId::generate());
        for _ in 1..MOST_MEMBERS {
            assert_eq!(lab.set(UserId::generate(), Standing::Member), Ok(Some(CHANGED)));
        }
        assert_eq!(lab.set(UserId::generate(), Standing::Member), Err(Refusal::Full));
    }
}
