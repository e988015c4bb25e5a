//! A party: a user or an organisation, whatever owns projects and holds roles.

use std::{fmt, str::FromStr};

use katonic_domain::{OrganisationId, UserId};
use serde::{Deserialize, Serialize};

/// Why a text names no party.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is the id of a user (`usr_…`) or organisation (`org_…`)")]
pub struct PartyError;

/// A user or an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Party {
    /// A user.
    User(UserId),
    /// An organisation.
    Organisation(OrganisationId),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Organisation(id) => id.fmt(f),
        }
    }
}

impl FromStr for Party {
    type Err = PartyError;

    fn from_str(text: &str) -> Result<Self, PartyError> {
        let user = text.parse().map(Self::User);
        user.or_else(|_| text.parse().map(Self::Organisation)).map_err(|_| PartyError)
    }
}

impl TryFrom<String> for Party {
    type Error = PartyError;

    fn try_from(text: String) -> Result<Self, PartyError> {
        text.parse()
    }
}

impl From<Party> for String {
    fn from(party: Party) -> Self {
        party.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_is_a_user_or_an_organisation() {
        for party in [Party::User(UserId::generate()), Party::Organisation(OrganisationId::generate())] {
            assert_eq!(party.to_string().parse(), Ok(party));
        }
        for other in ["", "usr_", "prj_01h455vb4pex5vsknk084sn02q", "org_../../x"] {
            assert_eq!(other.parse::<Party>(), Err(PartyError));
        }
    }
}
