//! Makes, finds and ends access tokens. A secret is in one answer and nowhere
//! else: the store has its hash.

use std::{collections::BTreeSet, sync::Arc};

use katonic_domain::{AccessToken, Clock, Scope, Timestamp, TokenId, UserId};
use katonic_store::{Idempotency, Page, Stored};
use sha2::{Digest, Sha256};
use tracing::instrument;

use crate::{
    domain::{
        token::{self, NewToken, Token},
        user::User,
    },
    error::Error,
    store::{List, Repository},
};

/// Tokens.
#[derive(Clone)]
pub struct Tokens {
    repository: Repository,
    clock: Arc<dyn Clock>,
}

/// The token that makes another.
#[derive(Debug, Clone)]
pub struct Maker {
    /// Whose it is.
    pub user: UserId,
    /// Which.
    pub token: TokenId,
    /// Whether its user administers the installation.
    pub admin: bool,
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
}

/// A token, and its secret where it was just made.
pub struct Made {
    /// The token.
    pub token: Stored<Token>,
    /// Shown once.
    pub secret: Option<AccessToken>,
}

impl Tokens {
    /// Over what is kept.
    pub fn new(repository: Repository, clock: Arc<dyn Clock>) -> Self {
        Self { repository, clock }
    }

    /// Makes a token of the maker's own.
    ///
    /// # Errors
    /// [`Error::MoreThanHeld`], [`Error::LongerThanHeld`].
    pub async fn create(&self, maker: &Maker, new: NewToken, idempotency: Option<Idempotency>) -> Result<Made, Error> {
        self.make(maker, maker.user, new, idempotency).await
    }

    /// Makes a token for another user: an administrator's act. What an
    /// administrator may do, another does not get by a token in their name,
    /// but for the first, without which they never get in.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::HigherRole`], [`Error::MoreThanHeld`].
    pub async fn create_for(
        &self,
        maker: &Maker,
        user: UserId,
        new: NewToken,
        idempotency: Option<Idempotency>,
    ) -> Result<Made, Error> {
        if let Some(token) = self.repository.tokens.replay(idempotency.as_ref()).await? {
            return Ok(Made { token, secret: None });
        }
        let administers = self.repository.user(user).await?.ok_or(Error::NotFound("user"))?.admin;
        let has_one = self.repository.last_number(List::Tokens(user)).await? > 0;
        if administers && has_one && user != maker.user {
            return Err(Error::HigherRole);
        }
        self.make(maker, user, new, idempotency).await
    }

    #[instrument(skip_all, fields(user.id = %user))]
    async fn make(
        &self,
        maker: &Maker,
        user: UserId,
        new: NewToken,
        idempotency: Option<Idempotency>,
    ) -> Result<Made, Error> {
        if !new.within(&maker.scopes) {
            return Err(Error::MoreThanHeld);
        }
        let now = self.clock.now();
        let expires_at = new.expiry(now, self.bound(maker).await?).map_err(|_| Error::LongerThanHeld)?;
        let secret = random_token()?;
        let token = Token {
            id: TokenId::generate(),
            user,
            number: self.repository.next_number(List::Tokens(user)).await?,
            name: new.name,
            scopes: new.scopes,
            secret_sha256: sha256(secret.expose()),
            created_at: now,
            expires_at,
            revoked_at: None,
        };
        let insertion = self.repository.tokens.insert(token, token::CREATED, idempotency).await?;
        Ok(Made { token: insertion.stored, secret: (!insertion.replayed).then_some(secret) })
    }

    /// When what the maker makes must end; administrators are not bound.
    async fn bound(&self, maker: &Maker) -> Result<Option<Timestamp>, Error> {
        if maker.admin {
            return Ok(None);
        }
        let own = self.repository.token(maker.token).await?;
        Ok(own.ok_or(Error::TokenInvalid)?.state.expires_at)
    }

    /// One of a user's tokens.
    ///
    /// # Errors
    /// [`Error::NotFound`], for another user's too.
    pub async fn get(&self, user: UserId, id: TokenId) -> Result<Stored<Token>, Error> {
        let found = self.repository.token(id).await?.filter(|stored| stored.state.user == user);
        found.ok_or(Error::NotFound("token"))
    }

    /// A page of a user's tokens, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn page(&self, user: UserId, below: Option<u64>, size: usize) -> Result<Page<Stored<Token>>, Error> {
        Ok(self.repository.tokens_of(user, below, size).await?)
    }

    /// Ends a token.
    ///
    /// # Errors
    /// [`Error::NotFound`], for another user's too.
    #[instrument(skip_all, fields(token.id = %id))]
    pub async fn revoke(&self, user: UserId, id: TokenId) -> Result<Stored<Token>, Error> {
        self.get(user, id).await?;
        let now = self.clock.now();
        self.repository.tokens.command(&id, |token| Ok::<_, Error>(token.revoke(now))).await
    }

    /// Whose token a secret is.
    ///
    /// # Errors
    /// [`Error::TokenInvalid`], [`Error::TokenExpired`], [`Error::TokenRevoked`].
    pub async fn authenticate(&self, secret: &str) -> Result<(User, Token), Error> {
        let secret = AccessToken::parse(secret).map_err(|_| Error::TokenInvalid)?;
        let found = self.repository.token_of_secret(&sha256(secret.expose())).await?;
        let token = found.ok_or(Error::TokenInvalid)?.state;
        token.admit(self.clock.now()).map_err(|refusal| match refusal {
            token::Refusal::Expired => Error::TokenExpired,
            token::Refusal::Revoked => Error::TokenRevoked,
        })?;
        let user = self.repository.user(token.user).await?.filter(|user| !user.disabled);
        Ok((user.ok_or(Error::TokenRevoked)?, token))
    }
}

/// SHA-256 in hexadecimal: a secret has 178 random bits, so it needs no salt and no slow hash.
fn sha256(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

/// A digit below 62 from each random byte below 248, so that all are as likely.
fn random_token() -> Result<AccessToken, Error> {
    let mut pool = [0; 256];
    getrandom::fill(&mut pool).map_err(|_| Error::Random)?;
    let digits: Vec<u8> = pool.iter().filter(|byte| **byte < 248).map(|byte| byte % 62).collect();
    if digits.len() < 30 {
        return Err(Error::Random);
    }
    let mut digits = digits.into_iter();
    Ok(AccessToken::from_random(|| digits.next().unwrap_or_default()))
}
