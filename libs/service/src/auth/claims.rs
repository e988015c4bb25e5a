//! What an internal token says, and when it is believed.
//!
//! Each kind has one issuer: users' tokens come from the gateway, agents' from
//! the dispatcher, a service's own from itself.

use std::collections::BTreeSet;

use katonic_domain::{ExecutionId, MemberId, Name, ProjectId, Scope, Timestamp, TokenId};
use serde::{Deserialize, Serialize};

use super::{Agent, Audience, Caller, Error, User};

/// The `typ` of the header: no token of another system is taken for ours.
pub(super) const TYPE: &str = "katonic+jwt";
/// How long a token is good.
pub(super) const LIFETIME_SECONDS: i64 = 60;
/// How far two clocks may differ.
pub(super) const LEEWAY_SECONDS: i64 = 5;
/// Who mints users' tokens.
pub(super) const USER_ISSUER: &str = "api-gateway";
/// Who mints agents' tokens.
pub(super) const AGENT_ISSUER: &str = "dispatcher";
const SERVICE_SUBJECT: &str = "svc_";
const MEMBER_SUBJECT: &str = "mem_";

/// What kind of caller a token is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A user.
    User,
    /// A service of the installation.
    Service,
    /// An agent, for one member.
    Agent,
}

/// The claims of an internal token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The service that minted it.
    pub iss: String,
    /// Who may accept it.
    pub aud: Vec<Audience>,
    /// `usr_…`, `svc_<name>` or `mem_<member id>`.
    pub sub: String,
    /// What kind of caller.
    pub kind: Kind,
    /// Seconds since 1970: minted.
    pub iat: i64,
    /// Seconds since 1970: not good before.
    pub nbf: i64,
    /// Seconds since 1970: not good after.
    pub exp: i64,
    /// Unique.
    pub jti: String,
    /// User: what the credential may be used for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub scopes: BTreeSet<Scope>,
    /// User: whether they administer the installation.
    #[serde(default)]
    pub adm: bool,
    /// User: the credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tok: Option<TokenId>,
    /// Agent: the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<ExecutionId>,
    /// Agent: its project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prj: Option<ProjectId>,
    /// Agent: the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub att: Option<u32>,
}

impl Claims {
    pub(super) fn subject_of_service(name: &Name) -> String {
        format!("{SERVICE_SUBJECT}{name}")
    }

    pub(super) fn subject_of_member(member: &MemberId) -> String {
        format!("{MEMBER_SUBJECT}{member}")
    }

    /// Who calls, if the claims fit together. The signature, `exp`, `nbf` and
    /// `aud` have been checked.
    pub(super) fn caller(self, now: Timestamp) -> Result<Caller, Error> {
        let minted_in_future = self.iat > now.as_second() + LEEWAY_SECONDS;
        let lives_too_long = self.exp - self.iat > LIFETIME_SECONDS;
        if minted_in_future || lives_too_long {
            return Err(Error::Invalid);
        }
        match self.kind {
            Kind::User => self.user(),
            Kind::Service => self.service(),
            Kind::Agent => self.agent(),
        }
    }

    fn user(self) -> Result<Caller, Error> {
        if self.iss != USER_ISSUER {
            return Err(Error::Invalid);
        }
        Ok(Caller::User(User {
            id: self.sub.parse().map_err(|_| Error::Invalid)?,
            token: self.tok.ok_or(Error::Invalid)?,
            admin: self.adm,
            scopes: self.scopes,
        }))
    }

    fn service(self) -> Result<Caller, Error> {
        let name = self.sub.strip_prefix(SERVICE_SUBJECT).ok_or(Error::Invalid)?;
        if name != self.iss {
            return Err(Error::Invalid);
        }
        Ok(Caller::Service(name.parse().map_err(|_| Error::Invalid)?))
    }

    fn agent(self) -> Result<Caller, Error> {
        let member: MemberId =
            self.sub.strip_prefix(MEMBER_SUBJECT).and_then(|id| id.parse().ok()).ok_or(Error::Invalid)?;
        let same_member = self.exe == Some(member.execution) && self.att == Some(member.attempt);
        if self.iss != AGENT_ISSUER || !same_member {
            return Err(Error::Invalid);
        }
        Ok(Caller::Agent(Agent { member, project: self.prj.ok_or(Error::Invalid)? }))
    }
}
