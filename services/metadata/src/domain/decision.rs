//! Who may do what, as a pure function over the table of [`super::actions`]
//! (DESIGN I3).

use katonic_domain::ProjectId;
use serde::{Deserialize, Serialize};

use super::{
    actions::Needs,
    organisation::{Organisation, Standing},
    user::User,
};

/// What a party is in a project; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees the project and how its executions ended, neither files nor logs.
    ResultsConsumer,
    /// Reads files, executions and logs.
    Reader,
    /// Launches executions and stops its own.
    Launcher,
    /// Pushes, edits, stops any execution.
    Contributor,
    /// Grants, renames, archives, transfers.
    Owner,
}

impl Role {
    /// Every role, lowest first.
    pub const ALL: [Self; 5] = [Self::ResultsConsumer, Self::Reader, Self::Launcher, Self::Contributor, Self::Owner];

    /// What somebody of an organisation is where the organisation is this:
    /// its members decide on no other party's role.
    #[must_use]
    pub fn through(self, standing: Standing) -> Self {
        match standing {
            Standing::Owner => self,
            Standing::Member => self.min(Self::Contributor),
        }
    }
}

/// What a decision came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allowed,
    /// They may know of it, but not do this.
    Denied,
    /// They may not even know of it.
    Hidden,
}

/// The projects that a user may do something in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visible {
    /// Every project, now and later.
    All,
    /// These, in no order.
    Only(Vec<ProjectId>),
}

/// Whether a user may do what needs this. `role` is the highest that they have
/// in the project that it is about, by themselves or through an organisation.
pub fn decide(user: &User, needs: Needs, role: Option<Role>) -> Decision {
    match needs {
        _ if user.disabled => Decision::Hidden,
        Needs::Nothing => Decision::Allowed,
        _ if user.admin => Decision::Allowed,
        Needs::Administrator => Decision::Denied,
        Needs::Role(least) => match role {
            Some(role) if role >= least => Decision::Allowed,
            Some(_) => Decision::Denied,
            None => Decision::Hidden,
        },
    }
}

/// Whether a user may decide who is in an organisation.
pub fn decide_membership(user: &User, organisation: &Organisation) -> Decision {
    match organisation.standing(user.id) {
        _ if user.disabled => Decision::Hidden,
        Some(Standing::Owner) => Decision::Allowed,
        _ if user.admin => Decision::Allowed,
        _ => Decision::Denied,
    }
}

#[cfg(test)]
mod tests {
    use katonic_domain::Timestamp;

    use super::*;
    use crate::domain::{organisation::NewOrganisation, user::NewUser};

    fn user(admin: bool, disabled: bool) -> User {
        let user = NewUser::check("ada", String::new(), admin).expect("a user").made(1, Timestamp::UNIX_EPOCH);
        User { disabled, ..user }
    }

    #[test]
    fn a_user_may_do_what_their_role_reaches() {
        let ada = user(false, false);
        for least in Role::ALL {
            assert_eq!(decide(&ada, Needs::Role(least), None), Decision::Hidden);
            for role in Role::ALL {
                let expected = if role >= least { Decision::Allowed } else { Decision::Denied };
                assert_eq!(decide(&ada, Needs::Role(least), Some(role)), expected, "{role:?} {least:?}");
            }
        }
        assert_eq!(decide(&ada, Needs::Nothing, None), Decision::Allowed);
        assert_eq!(decide(&ada, Needs::Administrator, Some(Role::Owner)), Decision::Denied);
    }

    #[test]
    fn administrators_may_everything_and_the_disabled_nothing() {
        for needs in [Needs::Nothing, Needs::Administrator, Needs::Role(Role::Owner)] {
            assert_eq!(decide(&user(true, false), needs, None), Decision::Allowed);
            assert_eq!(decide(&user(true, true), needs, Some(Role::Owner)), Decision::Hidden);
            assert_eq!(decide(&user(false, true), needs, Some(Role::Owner)), Decision::Hidden);
        }
    }

    #[test]
    fn a_member_is_a_contributor_where_the_organisation_owns() {
        assert_eq!(Role::Owner.through(Standing::Member), Role::Contributor);
        assert_eq!(Role::Owner.through(Standing::Owner), Role::Owner);
        assert_eq!(Role::Reader.through(Standing::Member), Role::Reader);
    }

    #[test]
    fn owners_of_an_organisation_and_administrators_decide_who_is_in_it() {
        let (owner, other) = (user(false, false), user(false, false));
        let lab = NewOrganisation::check("lab", String::new()).expect("a name");
        let mut lab = lab.made(owner.id, 1, Timestamp::UNIX_EPOCH);
        lab.set(other.id, Standing::Member).expect("there is room");
        let decided = |who: &User| decide_membership(who, &lab);
        assert_eq!((decided(&owner), decided(&other)), (Decision::Allowed, Decision::Denied));
        assert_eq!((decided(&user(true, false)), decided(&user(true, true))), (Decision::Allowed, Decision::Hidden));
    }
}
