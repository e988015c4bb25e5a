//! metadata, which alone decides who may do what, and pins what goes into a launch.

use katonic_domain::{CommitId, Name, ProjectId, UserId};
use katonic_proto::metadata::v1::{
    Decision, HardwareTier, ResolveLaunchRequest, access_service_client::AccessServiceClient,
};
use katonic_service::{
    auth::Decisions,
    rpc::{Channel, Failure, from_status},
};
use tracing::instrument;

use crate::{domain::spec::Tier, error::Error};

/// What metadata pinned for a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The tier, as it is now.
    pub tier: Tier,
    /// Commit of the input; none means no files.
    pub input_commit: Option<CommitId>,
    /// Where it runs.
    pub environment: Name,
}

/// What is asked to be resolved.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// Who launches.
    pub user: UserId,
    /// In which project.
    pub project: ProjectId,
    /// Which tier; none means the default one.
    pub tier: Option<&'a Name>,
    /// Which commit; none means the head of the main branch, or no files.
    pub commit: Option<&'a CommitId>,
}

/// A client of metadata. Clones share its connection and its memory.
#[derive(Debug, Clone)]
pub struct Metadata {
    access: AccessServiceClient<Channel>,
    decisions: Decisions,
}

impl Metadata {
    /// Over a channel that authenticates as the dispatcher.
    pub fn new(channel: Channel) -> Self {
        Self { access: AccessServiceClient::new(channel.clone()), decisions: Decisions::new(channel) }
    }

    /// Decides whether a user may launch, and pins what goes in.
    #[instrument(skip_all, fields(project.id = %launch.project))]
    pub async fn resolve_launch(&self, launch: Launch<'_>) -> Result<Resolved, Error> {
        let request = ResolveLaunchRequest {
            principal: launch.user.to_string(),
            project_id: launch.project.to_string(),
            tier: launch.tier.map(ToString::to_string).unwrap_or_default(),
            commit: launch.commit.map(ToString::to_string).unwrap_or_default(),
        };
        let answer = self.access.clone().resolve_launch(request).await.map_err(|status| failed(&status))?.into_inner();
        let commit = (!answer.input_commit.is_empty()).then(|| answer.input_commit.parse()).transpose();
        let environment = answer.environment.parse();
        match (answer.tier.and_then(tier), commit, environment) {
            (Some(tier), Ok(input_commit), Ok(environment)) => Ok(Resolved { tier, input_commit, environment }),
            _ => Err(Error::MetadataUnavailable(Failure::new(
                katonic_domain::ErrorKind::Internal,
                "ANSWER_NOT_UNDERSTOOD",
                "metadata's answer was not understood",
            ))),
        }
    }

    /// Whether a user may do this to executions of a project.
    #[instrument(skip_all, fields(action, project.id = %project))]
    pub async fn check(&self, user: UserId, action: &'static str, project: ProjectId) -> Result<(), Error> {
        match self.decisions.check(user, action, project).await.map_err(Error::from_metadata)? {
            Decision::Allowed => Ok(()),
            Decision::Denied => Err(Error::Denied),
            Decision::Hidden | Decision::Unspecified => Err(Error::NoExecution),
        }
    }
}

fn failed(status: &tonic::Status) -> Error {
    Error::from_metadata(from_status(status))
}

fn tier(tier: HardwareTier) -> Option<Tier> {
    Some(Tier {
        name: tier.name.parse().ok()?,
        revision: tier.revision,
        cpu_millis: tier.cpu_millis,
        memory_bytes: tier.memory_bytes,
        max_running: tier.max_running,
        price_micros_per_hour: tier.price_micros_per_hour,
        currency: tier.currency,
    })
}
