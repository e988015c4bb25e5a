//! Who calls, and whether they may read or write a project's files.
//!
//! Users: the internal token that the gateway minted says who and with which
//! scopes; the decision is role api's. Agents: the dispatcher's token names
//! project and attempt, which is all there is to decide.

use std::sync::Arc;

use futures::{
    FutureExt,
    future::{BoxFuture, pending},
};
use http::{HeaderMap, header::AUTHORIZATION};
use katonic_domain::{ProjectId, Scope, UserId};
use katonic_proto::metadata::v1::Decision;
use katonic_service::{
    auth::{Agent, Audience, Caller, DECISION_LIFETIME, Decisions, User, Verifier, bearer},
    rpc,
};
use tokio::time::sleep;

use super::{error::Error, policy::Push};

/// What is wanted of a project's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Want {
    Read,
    Write,
}

impl Want {
    const fn action(self) -> &'static str {
        match self {
            Self::Read => "files.read",
            Self::Write => "files.write",
        }
    }

    const fn scope(self) -> &'static str {
        match self {
            Self::Read => "files:read",
            Self::Write => "files:write",
        }
    }
}

/// A caller who may.
#[derive(Debug, Clone)]
pub(super) struct Granted {
    /// For the log and the repository's own records.
    pub(super) subject: String,
    /// Which refs a push may move.
    pub(super) push: Push,
    /// What was asked for a user, to be asked again while the exchange lasts.
    asked: Option<(UserId, Want)>,
}

/// Decides what a user may do to a project: `AccessService.Check`.
pub trait Permissions: Send + Sync + 'static {
    /// The decision on an action of a user.
    fn check<'a>(
        &'a self,
        user: &'a UserId,
        action: &'static str,
        project: &'a ProjectId,
    ) -> BoxFuture<'a, Result<Decision, Error>>;
}

/// Who calls and what they may, or why not.
pub(super) async fn grant(
    verifier: &Verifier,
    permissions: &dyn Permissions,
    headers: &HeaderMap,
    project: &ProjectId,
    want: Want,
) -> Result<Granted, Error> {
    let token = headers.get(AUTHORIZATION).and_then(bearer).ok_or(Error::Token(None))?;
    match verifier.verify(token, &[Audience::Git]).map_err(|error| Error::Token(Some(error)))? {
        Caller::User(user) => grant_user(permissions, &user, project, want).await,
        Caller::Agent(agent) => grant_agent(&agent, project),
        Caller::Service(_) | Caller::Ticket(_) | Caller::Anyone => Err(Error::Token(None)),
    }
}

async fn grant_user(
    permissions: &dyn Permissions,
    user: &User,
    project: &ProjectId,
    want: Want,
) -> Result<Granted, Error> {
    let decision = permissions.check(&user.id, want.action(), project).await?;
    match decision {
        Decision::Allowed if Scope::granted(&user.scopes, want.scope()) => {
            Ok(Granted { subject: user.id.to_string(), push: Push::User, asked: Some((user.id, want)) })
        }
        Decision::Allowed | Decision::Denied => Err(Error::Denied(want.action())),
        Decision::Hidden | Decision::Unspecified => Err(Error::NotFound),
    }
}

fn grant_agent(agent: &Agent, project: &ProjectId) -> Result<Granted, Error> {
    if agent.project != *project {
        return Err(Error::NotFound);
    }
    let member = &agent.member;
    let push = Push::results(member.execution, member.attempt);
    Ok(Granted { subject: format!("mem_{member}"), push, asked: None })
}

/// Waits until a user may no longer do what they were let in for (DESIGN I3).
/// That nobody can decide ends nothing: the gateway has its own checks.
pub(super) fn revoked(
    permissions: &Arc<dyn Permissions>,
    granted: &Granted,
    project: ProjectId,
) -> BoxFuture<'static, ()> {
    let Some((user, want)) = granted.asked else { return pending().boxed() };
    let permissions = Arc::clone(permissions);
    async move {
        loop {
            sleep(DECISION_LIFETIME).await;
            match permissions.check(&user, want.action(), &project).await {
                Ok(Decision::Allowed) | Err(_) => {}
                Ok(Decision::Denied | Decision::Hidden | Decision::Unspecified) => return,
            }
        }
    }
    .boxed()
}

/// Asks role api, over gRPC.
pub struct RemotePermissions {
    decisions: Decisions,
}

impl RemotePermissions {
    /// Asks over this channel to metadata.
    pub fn new(channel: rpc::Channel) -> Self {
        Self { decisions: Decisions::new(channel) }
    }
}

impl Permissions for RemotePermissions {
    fn check<'a>(
        &'a self,
        user: &'a UserId,
        action: &'static str,
        project: &'a ProjectId,
    ) -> BoxFuture<'a, Result<Decision, Error>> {
        let decided = self.decisions.check(*user, action, *project);
        decided.map(|decision| decision.map_err(|failure| Error::Undecided(failure.into()))).boxed()
    }
}
