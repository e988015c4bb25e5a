//! Who calls, as a handler sees it; the functions here are handlers' first lines.

use std::collections::BTreeSet;

use katonic_domain::{MemberId, Name, Principal, ProjectId, Scope, TokenId, UserId};
use katonic_proto::rules::Rule;
use tonic::{Request, Status};

use super::{Call, Error};
use crate::{config::Secret, rpc::status::to_status};

/// Who calls.
#[derive(Debug, Clone)]
pub enum Caller {
    /// A user, through the gateway.
    User(User),
    /// Another service.
    Service(Name),
    /// An agent with its member's token.
    Agent(Agent),
    /// An agent that only has its launch ticket: good for `Claim`, which checks it.
    Ticket(Ticket),
    /// Nobody in particular; only RPCs whose rule is `public` get it.
    Anyone,
}

/// A user and the credential that they used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub id: UserId,
    /// The credential.
    pub token: TokenId,
    /// Whether they administer the installation.
    pub admin: bool,
    /// What the credential may be used for.
    pub scopes: BTreeSet<Scope>,
}

impl User {
    /// The user as a domain principal.
    pub fn principal(&self) -> Principal {
        Principal::User { id: self.id, token: self.token, admin: self.admin, scopes: self.scopes.clone() }
    }
}

/// An agent that has claimed its member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The member it speaks for.
    pub member: MemberId,
    /// The project of the member's execution.
    pub project: ProjectId,
}

impl Agent {
    /// Refuses to speak for another member than its own.
    ///
    /// # Errors
    /// `ANOTHER_MEMBER`.
    pub fn must_be(&self, member_id: &str) -> Result<(), Status> {
        if self.member.to_string() == member_id { Ok(()) } else { Err(to_status(&Error::AnotherMember)) }
    }
}

/// A launch ticket as it came; only its owner can say whether it is good.
#[derive(Debug, Clone)]
pub struct Ticket(pub Secret<String>);

impl Caller {
    /// A stable text of who calls, such as `usr_…`; part of idempotency digests.
    pub fn subject(&self) -> String {
        match self {
            Self::User(user) => user.id.to_string(),
            Self::Service(name) => format!("svc_{name}"),
            Self::Agent(agent) => format!("mem_{}", agent.member),
            Self::Ticket(_) => "ticket".to_owned(),
            Self::Anyone => "anyone".to_owned(),
        }
    }
}

/// Whether a rule lets this caller call at all: kind, and scope for users.
///
/// # Errors
/// `CALLER_KIND`, `SCOPE_MISSING`, or `TOKEN_MISSING` for nobody in particular.
pub fn admit(rule: &Rule, caller: &Caller) -> Result<(), Error> {
    match (rule, caller) {
        (Rule::Public, _)
        | (Rule::Service, Caller::Service(_))
        | (Rule::Agent, Caller::Agent(_) | Caller::Ticket(_)) => Ok(()),
        (Rule::Access(access), Caller::User(user)) => {
            if Scope::granted(&user.scopes, &access.scope) {
                Ok(())
            } else {
                Err(Error::Scope)
            }
        }
        (Rule::Access(_) | Rule::Service | Rule::Agent, Caller::Anyone) => Err(Error::Missing),
        (Rule::Access(_), Caller::Service(_) | Caller::Agent(_) | Caller::Ticket(_))
        | (Rule::Service, Caller::User(_) | Caller::Agent(_) | Caller::Ticket(_))
        | (Rule::Agent, Caller::User(_) | Caller::Service(_)) => Err(Error::WrongKind),
    }
}

/// The user who calls, for the RPC whose rule names `action`.
///
/// # Errors
/// Another kind of caller, a missing scope, or a handler that names an action
/// which its RPC's rule does not.
pub fn user<T>(request: &Request<T>, action: &str) -> Result<User, Status> {
    let call = call(request)?;
    match (call.rule, &call.caller) {
        (Rule::Access(access), Caller::User(user)) if access.action == action => Ok(user.clone()),
        (Rule::Access(access), _) if access.action != action => Err(to_status(&Error::RuleMismatch)),
        _ => Err(to_status(&Error::WrongKind)),
    }
}

/// The service that calls.
///
/// # Errors
/// Another kind of caller.
pub fn service<T>(request: &Request<T>) -> Result<Name, Status> {
    match &call(request)?.caller {
        Caller::Service(name) => Ok(name.clone()),
        _ => Err(to_status(&Error::WrongKind)),
    }
}

/// The agent that calls, which must be the named member's.
///
/// # Errors
/// Another kind of caller, or another member's agent.
pub fn agent<T>(request: &Request<T>, member_id: &str) -> Result<Agent, Status> {
    let agent = any_agent(request)?;
    agent.must_be(member_id)?;
    Ok(agent)
}

/// The agent that calls; for streams, which name their member later: see
/// [`Agent::must_be`].
///
/// # Errors
/// Another kind of caller.
pub fn any_agent<T>(request: &Request<T>) -> Result<Agent, Status> {
    match &call(request)?.caller {
        Caller::Agent(agent) => Ok(agent.clone()),
        _ => Err(to_status(&Error::WrongKind)),
    }
}

/// The launch ticket that came as bearer; the handler checks it.
///
/// # Errors
/// Another kind of caller.
pub fn ticket<T>(request: &Request<T>) -> Result<Ticket, Status> {
    match &call(request)?.caller {
        Caller::Ticket(ticket) => Ok(ticket.clone()),
        _ => Err(to_status(&Error::WrongKind)),
    }
}

/// Whoever calls, for the use of libraries.
///
/// # Errors
/// A request that did not pass the [`super::Layer`].
pub fn anyone<T>(request: &Request<T>) -> Result<Caller, Status> {
    call(request).map(|call| call.caller.clone())
}

fn call<T>(request: &Request<T>) -> Result<&Call, Status> {
    request.extensions().get::<Call>().ok_or_else(|| to_status(&Error::Missing))
}
