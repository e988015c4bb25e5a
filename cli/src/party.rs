//! How a person names users and organisations: by name or by id, and an
//! organisation's name with `org:` before it.

use std::str::FromStr;

use katonic_domain::{Name, OrganisationId, UserId};
use katonic_proto::metadata::v1::{ListOrganisationsRequest, ListUsersRequest};

use crate::{client::Client, failure::Explain, rpc_error};

/// Why it is not known whom a name means.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The platform refused.
    #[error(transparent)]
    Rpc(#[from] rpc_error::Error),
    /// Nobody has that name.
    #[error("there is no user `{0}`")]
    NoUser(Name),
    /// None has that name.
    #[error("there is no organisation `{0}`")]
    NoOrganisation(Name),
}

impl Explain for Error {
    fn next_step(&self) -> String {
        match self {
            Self::Rpc(error) => error.next_step(),
            Self::NoUser(_) => "look at `katonic users list`; an organisation is named `org:NAME`".to_owned(),
            Self::NoOrganisation(_) => "look at `katonic orgs list`".to_owned(),
        }
    }
}

/// A user as a person names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// By id.
    Id(UserId),
    /// By name.
    Name(Name),
}

/// An organisation as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrganisationRef {
    /// By id.
    Id(OrganisationId),
    /// By name.
    Name(Name),
}

/// A user or an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartyRef {
    /// A user.
    User(UserRef),
    /// An organisation.
    Organisation(OrganisationRef),
}

// No name has a `_`, no id is without.
impl FromStr for UserRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('_') {
            text.parse().map(Self::Id).map_err(|error| format!("{error}"))
        } else {
            text.parse().map(Self::Name).map_err(|error| format!("{error}"))
        }
    }
}

impl FromStr for OrganisationRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix("org:").unwrap_or(text);
        if text.contains('_') {
            text.parse().map(Self::Id).map_err(|error| format!("{error}"))
        } else {
            text.parse().map(Self::Name).map_err(|error| format!("{error}"))
        }
    }
}

impl FromStr for PartyRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("org:") || text.starts_with("org_") {
            text.parse().map(Self::Organisation)
        } else {
            text.parse().map(Self::User)
        }
    }
}

/// The id of a user.
pub async fn user(client: &Client, user: &UserRef) -> Result<String, Error> {
    let name = match user {
        UserRef::Id(id) => return Ok(id.to_string()),
        UserRef::Name(name) => name,
    };
    let request = ListUsersRequest { name: name.to_string(), ..ListUsersRequest::default() };
    let found = client.list_users(request).await?.users.into_iter().next();
    Ok(found.ok_or_else(|| Error::NoUser(name.clone()))?.user_id)
}

/// The id of an organisation.
pub async fn organisation(client: &Client, organisation: &OrganisationRef) -> Result<String, Error> {
    let name = match organisation {
        OrganisationRef::Id(id) => return Ok(id.to_string()),
        OrganisationRef::Name(name) => name,
    };
    let request = ListOrganisationsRequest { name: name.to_string(), ..ListOrganisationsRequest::default() };
    let found = client.list_organisations(request).await?.organisations.into_iter().next();
    Ok(found.ok_or_else(|| Error::NoOrganisation(name.clone()))?.organisation_id)
}

/// The id of a user or an organisation.
pub async fn party(client: &Client, party: &PartyRef) -> Result<String, Error> {
    match party {
        PartyRef::User(named) => user(client, named).await,
        PartyRef::Organisation(named) => organisation(client, named).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_users_unless_it_says_otherwise() {
        let name: Name = "lab".parse().expect("a name");
        let (user, organisation) = (UserId::generate(), OrganisationId::generate());
        assert_eq!("lab".parse(), Ok(PartyRef::User(UserRef::Name(name.clone()))));
        assert_eq!("org:lab".parse(), Ok(PartyRef::Organisation(OrganisationRef::Name(name))));
        assert_eq!(user.to_string().parse(), Ok(PartyRef::User(UserRef::Id(user))));
        assert_eq!(organisation.to_string().parse(), Ok(PartyRef::Organisation(OrganisationRef::Id(organisation))));
        for bad in ["", "Lab", "org:", "org_x", "usr_x", "prj_01h455vb4pex5vsknk084sn02q"] {
            assert!(bad.parse::<PartyRef>().is_err(), "{bad:?} was taken");
        }
    }
}
