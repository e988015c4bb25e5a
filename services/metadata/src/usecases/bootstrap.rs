//! The first administrator, whose token's hash the installation knows. Run at
//! every start; does nothing where it was done.

use std::collections::BTreeSet;

use katonic_domain::{Clock, Name, Scope, TokenId, UserId};
use katonic_store::StoreError;

use super::users;
use crate::{
    domain::{
        token::{self, Token},
        user::NewUser,
    },
    error::Error,
    store::{List, Repository},
};

/// Who the first administrator is.
pub struct Administrator<'a> {
    /// Their name.
    pub name: &'a Name,
    /// SHA-256 of their token, in hexadecimal.
    pub token_sha256: &'a str,
}

/// Makes the administrator and their token unless they are there.
///
/// # Errors
/// The store's.
pub async fn ensure(repository: &Repository, clock: &dyn Clock, wanted: &Administrator<'_>) -> Result<(), Error> {
    let user = ensure_user(repository, clock, wanted.name).await?;
    if repository.token_of_secret(wanted.token_sha256).await?.is_some() {
        return Ok(());
    }
    let token = Token {
        id: TokenId::generate(),
        user,
        number: repository.next_number(List::Tokens(user)).await?,
        name: "installation".to_owned(),
        scopes: everything(),
        secret_sha256: wanted.token_sha256.to_owned(),
        created_at: clock.now(),
        expires_at: None,
        revoked_at: None,
    };
    unless_there(repository.tokens.insert(token, token::CREATED, None).await.map_err(Error::from))
}

async fn ensure_user(repository: &Repository, clock: &dyn Clock, name: &Name) -> Result<UserId, Error> {
    if repository.user_named(name).await?.is_none() {
        let new = NewUser { name: name.clone(), display_name: String::new(), admin: true };
        let user = new.made(repository.next_number(List::Users).await?, clock.now());
        unless_there(users::insert(repository, user, None).await)?;
    }
    let user = repository.user_named(name).await?;
    Ok(user.ok_or(Error::NotFound("user"))?.id)
}

fn everything() -> BTreeSet<Scope> {
    "*".parse().into_iter().collect()
}

/// Another start may have come first, by a moment.
fn unless_there<T>(inserted: Result<T, Error>) -> Result<(), Error> {
    match inserted {
        Ok(_) | Err(Error::Store(StoreError::Duplicate { .. })) => Ok(()),
        Err(error) => Err(error),
    }
}
