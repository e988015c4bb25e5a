//! Accepts a job: pinned, numbered, stored with its first event. After this it
//! runs or ends with a stated reason (G2).

use std::{sync::Arc, time::Duration};

use katonic_domain::{Clock, ExecutionId, ProjectId, ScheduleId, Tags, UserId, error::Violation};
use katonic_service::telemetry;
use katonic_store::{Idempotency, Insertion, Stored};
use tracing::instrument;

use crate::{
    backend::Backend,
    clients::metadata::{Launch, Metadata, Resolved},
    domain::{
        dependency::{self, Dependency},
        execution::{Execution, Identity},
        spec::{self, Group, JobRequest, LaunchSpec},
    },
    error::Error,
    policies::Policies,
    store::Repository,
    waiting::WaitingRoom,
};

/// The role of a job's only member.
const MAIN: &str = "main";

/// Who submits, and where to.
#[derive(Debug, Clone, Copy)]
pub struct Submitter {
    /// Who.
    pub user: UserId,
    /// Into which project.
    pub project: ProjectId,
}

/// What accepting answers: the execution, and whether it was there before.
pub type Accepted = Insertion<Stored<Execution>>;

/// Accepts jobs that metadata allows.
#[derive(Clone)]
pub struct Submit {
    metadata: Metadata,
    intake: Intake,
}

impl Submit {
    /// Deciding by metadata.
    pub const fn new(metadata: Metadata, intake: Intake) -> Self {
        Self { metadata, intake }
    }

    /// Accepts a job, or answers what the same Idempotency-Key made before.
    #[instrument(skip_all, fields(project.id = %submitter.project))]
    pub async fn job(
        &self,
        submitter: Submitter,
        request: JobRequest,
        idempotency: Option<Idempotency>,
    ) -> Result<Accepted, Error> {
        let Submitter { user, project } = submitter;
        if let Some(stored) = self.intake.replay(idempotency.as_ref()).await? {
            self.metadata.check(user, "execution.read", stored.state.project).await?;
            return Ok(Insertion { stored, replayed: true });
        }
        let launch = Launch { user, project, tier: request.tier.as_ref(), commit: request.commit.as_ref() };
        let mut resolved = self.metadata.resolve_launch(launch).await?;
        if request.no_input {
            resolved.input_commit = None;
        }
        self.intake.accept(submitter, pin(request, resolved), idempotency).await
    }
}

/// A job whose launch is resolved, but for the digest of its environment.
#[derive(Debug, Clone)]
pub struct Pinned {
    title: String,
    tags: Tags,
    rerun_of: Option<ExecutionId>,
    schedule: Option<ScheduleId>,
    after: Vec<Dependency>,
    spec: LaunchSpec,
}

/// Takes in what was decided and resolved.
#[derive(Clone)]
pub struct Intake {
    /// What is kept.
    pub repository: Repository,
    /// Who waits.
    pub waiting: WaitingRoom,
    /// How many may.
    pub policies: Policies,
    /// What knows the environment.
    pub backend: Arc<dyn Backend>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Intake {
    async fn replay(&self, idempotency: Option<&Idempotency>) -> Result<Option<Stored<Execution>>, Error> {
        Ok(self.repository.executions().replay(idempotency).await?)
    }

    /// Accepts a job whose launch is resolved, unless a queue limit forbids it: durable with its first event when this answers.
    pub async fn accept(
        &self,
        submitter: Submitter,
        pinned: Pinned,
        idempotency: Option<Idempotency>,
    ) -> Result<Accepted, Error> {
        let Submitter { user: owner, project } = submitter;
        let Pinned { title, tags, rerun_of, schedule, after, spec } = pinned;
        self.check_dependencies(project, &after).await?;
        // Counts until the execution is seen in the queue, so that many at once pass no limit.
        let _entering = self.waiting.enter(owner, project, &*self.policies.limits().await?)?;
        let (digest, number) = tokio::join!(self.backend.environment_digest(), self.repository.next_number(project));
        let spec = LaunchSpec { image_digest: digest?, ..spec };
        let id = ExecutionId::generate();
        let identity = Identity { id, project, number: number?, owner, title, tags, rerun_of, schedule, after };
        let queued = Execution::queued(identity, spec, self.clock.now());
        let execution = Execution { traceparent: telemetry::traceparent(), ..queued };
        let accepted = self.repository.insert(execution, idempotency).await?;
        self.waiting.see(&accepted.stored.state);
        Ok(accepted)
    }

    async fn check_dependencies(&self, project: ProjectId, after: &[Dependency]) -> Result<(), Error> {
        let known = self.repository.awaited(&dependency::ids(after)).await?;
        let refused = dependency::refused(after, project, &known);
        if refused.is_empty() {
            return Ok(());
        }
        let violation = |(id, why): (ExecutionId, &str)| Violation::new("after", format!("{id} {why}"));
        Err(spec::Error(refused.into_iter().map(violation).collect()).into())
    }
}

/// Puts together what was asked for and what metadata pinned.
pub fn pin(request: JobRequest, resolved: Resolved) -> Pinned {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let spec = LaunchSpec {
        timeout_ms: millis(request.timeout),
        grace_ms: millis(request.grace),
        command: request.command,
        input_commit: resolved.input_commit,
        environment: resolved.environment,
        image_digest: String::new(),
        tier: resolved.tier,
        groups: vec![Group { role: MAIN.parse().expect("a valid name"), size: 1 }],
        params: request.params,
        env: request.env,
        priority: request.priority,
        retry: request.retry,
    };
    let JobRequest { title, tags, rerun_of, schedule, after, .. } = request;
    Pinned { title, tags, rerun_of, schedule, after, spec }
}
