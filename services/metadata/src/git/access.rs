//! Who calls, and whether they may read or write a project's files.
//!
//! Users: the internal token that the gateway minted says who and with which
//! scopes; the decision is role api's. Agents: the dispatcher's token names
//! project and attempt, which is all there is to decide.

use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, header::AUTHORIZATION};
use katonic_domain::{ProjectId, Scope, UserId};
use katonic_proto::metadata::v1::{CheckRequest, Decision, access_service_client::AccessServiceClient};
use katonic_service::{
    auth::{Agent, Audience, Caller, DECISION_LIFETIME, User, Verifier, bearer},
    rpc,
};
use moka::future::Cache;

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
            Ok(Granted { subject: user.id.to_string(), push: Push::User })
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
    Ok(Granted { subject: format!("mem_{member}"), push: Push::results(member.execution, member.attempt) })
}

/// Some 200 bytes each.
const DECISIONS: u64 = 10_000;

/// Asks role api, over gRPC.
pub struct RemotePermissions {
    client: AccessServiceClient<rpc::Channel>,
    decisions: Cache<(UserId, &'static str, ProjectId), Decision>,
}

impl RemotePermissions {
    /// Asks over this channel to metadata.
    pub fn new(channel: rpc::Channel) -> Self {
        let decisions = Cache::builder().max_capacity(DECISIONS).time_to_live(DECISION_LIFETIME).build();
        Self { client: AccessServiceClient::new(channel), decisions }
    }

    async fn ask(&self, user: &UserId, action: &'static str, project: &ProjectId) -> Result<Decision, Error> {
        let request =
            CheckRequest { principal: user.to_string(), action: action.to_owned(), object: project.to_string() };
        let answer = self.client.clone().check(request).await;
        Ok(answer.map_err(|status| Error::Undecided(status.into()))?.into_inner().decision())
    }
}

impl Permissions for RemotePermissions {
    fn check<'a>(
        &'a self,
        user: &'a UserId,
        action: &'static str,
        project: &'a ProjectId,
    ) -> BoxFuture<'a, Result<Decision, Error>> {
        async move {
            let key = (*user, action, *project);
            if let Some(decision) = self.decisions.get(&key).await {
                return Ok(decision);
            }
            let decision = self.ask(user, action, project).await?;
            self.decisions.insert(key, decision).await;
            Ok(decision)
        }
        .boxed()
    }
}
