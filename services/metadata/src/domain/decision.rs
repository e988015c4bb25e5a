//! Who may do what, as a pure function (DESIGN I3).
//!
//! Today a project has its owner, and administrators may do everything. More
//! roles come with sharing; they come here.

use katonic_domain::{ProjectId, UserId};

use super::user::User;

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

/// What a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// The installation, or only the user's own things.
    Own,
    /// What only administrators have.
    Installation,
    /// A project of this owner, or something in it.
    Project {
        /// Whose it is.
        owner: UserId,
    },
    /// There is none.
    Nothing,
}

/// Whether a user may do something to an object.
pub fn decide(user: &User, object: Object) -> Decision {
    match object {
        _ if user.disabled => Decision::Hidden,
        Object::Nothing => Decision::Hidden,
        Object::Own => Decision::Allowed,
        _ if user.admin => Decision::Allowed,
        Object::Installation => Decision::Denied,
        Object::Project { owner } if owner == user.id => Decision::Allowed,
        Object::Project { .. } => Decision::Hidden,
    }
}

#[cfg(test)]
mod tests {
    use katonic_domain::Timestamp;

    use super::*;

    fn user(admin: bool, disabled: bool) -> User {
        let created_at = Timestamp::from_second(0).expect("a time");
        User { id: UserId::generate(), name: "ada".to_owned(), admin, disabled, created_at }
    }

    #[test]
    fn the_whole_table() {
        let (plain, admin, disabled) = (user(false, false), user(true, false), user(true, true));
        let foreign = Object::Project { owner: UserId::generate() };
        for (who, object, decision) in [
            (&plain, Object::Own, Decision::Allowed),
            (&plain, Object::Installation, Decision::Denied),
            (&plain, Object::Project { owner: plain.id }, Decision::Allowed),
            (&plain, foreign, Decision::Hidden),
            (&plain, Object::Nothing, Decision::Hidden),
            (&admin, Object::Own, Decision::Allowed),
            (&admin, Object::Installation, Decision::Allowed),
            (&admin, foreign, Decision::Allowed),
            (&admin, Object::Nothing, Decision::Hidden),
            (&disabled, Object::Own, Decision::Hidden),
            (&disabled, Object::Installation, Decision::Hidden),
            (&disabled, foreign, Decision::Hidden),
        ] {
            assert_eq!(decide(who, object), decision, "{who:?} {object:?}");
        }
    }
}
