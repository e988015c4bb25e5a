//! The public form of an execution: what readers of its project see, in
//! answers and as the payload of its events. One place, so that both agree.
//!
//! Its largest legal form stays below 64 KiB (E2): a test builds it. Checkpoints
//! are therefore shown for the newest attempt only; an older attempt's are in
//! the events of its time.

mod schedule;
mod usage;

use katonic_domain::ProjectId;
use katonic_proto::{
    dispatcher::v1 as pb,
    json,
    time::{duration, timestamp},
};
use katonic_store::{Aggregate, Index, Version};
use serde_json::Value;

use crate::domain::{
    attempt::Attempt,
    checkpoints::{self, Checkpoint, Kind},
    dependency::{self, Dependency},
    execution::{Condition, DesiredState, Execution},
    member::Member,
    phase::Phase,
    priority::Priority,
    reason::{Class, Reason},
    retry::RetryPolicy,
    spec::LaunchSpec,
};

pub use self::{
    schedule::{schedule, schedule_etag},
    usage::{member_usage, usage},
};

impl Aggregate for Execution {
    type Id = katonic_domain::ExecutionId;

    const COLLECTION: &'static str = "executions";
    const ENTITY: &'static str = "execution";
    const EXCHANGE: &'static str = "katonic.dispatch";
    const INDEXES: &'static [Index] = &[Index::unique(&["project", "number"]), Index::on(&["phase"])];

    fn id(&self) -> Self::Id {
        self.id
    }

    fn project(&self) -> Option<ProjectId> {
        Some(self.project)
    }

    fn snapshot(&self, _version: Version) -> Value {
        json::to_value(&execution(self, &[]))
    }
}

/// An execution as readers see it, with what its members have reported since its last write.
pub fn execution(execution: &Execution, members: &[Member]) -> pb::Execution {
    pb::Execution {
        execution_id: execution.id.to_string(),
        project_id: execution.project.to_string(),
        kind: pb::ExecutionKind::Job.into(),
        number: execution.number.0,
        title: execution.title.clone(),
        owner_id: execution.owner.to_string(),
        spec: Some(spec(&execution.spec)),
        desired_state: desired(execution.desired).into(),
        phase: phase(execution.phase).into(),
        reason: execution.reason.map_or(pb::Reason::Unspecified, reason).into(),
        reason_text: reason_text(execution),
        conditions: execution.conditions.iter().map(|lost| condition(*lost).into()).collect(),
        attempts: attempts(execution, members),
        members: execution.member_states().into_iter().map(|(state, count)| (state.to_owned(), count)).collect(),
        results_commit: execution.results_commit.as_ref().map(ToString::to_string).unwrap_or_default(),
        metrics: execution.metrics.clone().and_then(json::to_struct),
        create_time: Some(timestamp(execution.created_at)),
        start_time: execution.started_at.map(timestamp),
        end_time: execution.ended_at.map(timestamp),
        etag: etag(execution),
        params: execution.spec.params.values().clone(),
        tags: execution.tags.texts(),
        priority: priority(execution.spec.priority).into(),
        retry_time: execution.retry_at.map(timestamp),
        rerun_of: execution.rerun_of.map(|id| id.to_string()).unwrap_or_default(),
        notes: execution.notes.clone(),
        archived: execution.archived,
        schedule_id: execution.schedule.map(|id| id.to_string()).unwrap_or_default(),
        metrics_refusal: execution.metrics_refusal.clone(),
        after: execution.after.iter().map(dependency).collect(),
        failed_dependency: execution.failed_dependency.map(|id| id.to_string()).unwrap_or_default(),
        usage: execution.used.map(|used| usage(&used, &execution.spec.tier)),
        env: execution.spec.env.values().clone(),
    }
}

fn reason_text(execution: &Execution) -> String {
    let Some(row) = execution.reason.map(Reason::row) else { return String::new() };
    let failed = execution.failed_dependency.map(|id| format!(" It is {id}.")).unwrap_or_default();
    format!("{}{failed} {}", row.text, row.next_step)
}

fn dependency(dependency: &Dependency) -> pb::Dependency {
    let condition = dependency_condition(dependency.condition).into();
    pb::Dependency { execution_id: dependency.execution.to_string(), condition }
}

/// How a dependency is to end, as the contract has it.
pub const fn dependency_condition(condition: dependency::Condition) -> pb::DependencyCondition {
    match condition {
        dependency::Condition::Succeeded => pb::DependencyCondition::Succeeded,
        dependency::Condition::Ended => pb::DependencyCondition::Ended,
    }
}

/// What names the generation that a reader has seen.
pub fn etag(execution: &Execution) -> String {
    execution.generation.to_string()
}

const fn priority(priority: Priority) -> pb::Priority {
    match priority {
        Priority::Low => pb::Priority::Low,
        Priority::Normal => pb::Priority::Normal,
        Priority::High => pb::Priority::High,
    }
}

fn spec(spec: &LaunchSpec) -> pb::LaunchSpec {
    pb::LaunchSpec {
        command: spec.command.items().to_vec(),
        input_commit: spec.input_commit.as_ref().map(ToString::to_string).unwrap_or_default(),
        environment: spec.environment.to_string(),
        image_digest: spec.image_digest.clone(),
        tier: Some(pb::Tier {
            name: spec.tier.name.to_string(),
            revision: spec.tier.revision,
            cpu_millis: spec.tier.cpu_millis,
            memory_bytes: spec.tier.memory_bytes,
            max_running: spec.tier.max_running,
            price_micros_per_hour: spec.tier.price_micros_per_hour,
            currency: spec.tier.currency.clone(),
        }),
        timeout: Some(duration(spec.timeout_ms)),
        grace: Some(duration(spec.grace_ms)),
        groups: spec.groups.iter().map(|g| pb::Group { role: g.role.to_string(), size: g.size }).collect(),
        retry: Some(retry(&spec.retry)),
    }
}

fn retry(policy: &RetryPolicy) -> pb::RetryPolicy {
    pb::RetryPolicy {
        max_attempts: policy.max_attempts,
        backoff: Some(duration(policy.backoff_ms)),
        classes: policy.on.iter().map(|class| self::class(*class).into()).collect(),
    }
}

const fn class(class: Class) -> pb::ReasonClass {
    match class {
        Class::Success => pb::ReasonClass::Success,
        Class::User => pb::ReasonClass::User,
        Class::Timeout => pb::ReasonClass::Timeout,
        Class::Stopped => pb::ReasonClass::Stopped,
        Class::Infrastructure => pb::ReasonClass::Infrastructure,
    }
}

fn attempts(execution: &Execution, members: &[Member]) -> Vec<pb::Attempt> {
    let newest = execution.attempts.len().saturating_sub(1);
    let shown = execution.attempts.iter().enumerate();
    shown.map(|(index, attempt)| self::attempt(attempt, (index == newest).then_some(members))).collect()
}

fn attempt(attempt: &Attempt, members: Option<&[Member]>) -> pb::Attempt {
    let own = |member: &&Member| member.id.attempt == attempt.number;
    let reached = members.map(|members| {
        members
            .iter()
            .filter(own)
            .fold(attempt.checkpoints.clone(), |all, member| checkpoints::merge(&all, &member.checkpoints))
    });
    let outcome = attempt.outcome;
    pb::Attempt {
        number: attempt.number,
        reason: outcome.map_or(pb::Reason::Unspecified, |outcome| reason(outcome.reason)).into(),
        exit_code: outcome.and_then(|outcome| outcome.exit_code),
        signal: outcome.map_or(0, |outcome| outcome.signal),
        admit_time: Some(timestamp(attempt.admitted_at)),
        start_time: attempt.started_at.map(timestamp),
        end_time: outcome.map(|outcome| timestamp(outcome.ended_at)),
        checkpoints: reached.unwrap_or_default().iter().map(checkpoint).collect(),
        log_last_seq: attempt.log_last_seq,
    }
}

fn checkpoint(checkpoint: &Checkpoint) -> pb::Checkpoint {
    pb::Checkpoint { kind: step(checkpoint.kind).into(), time: Some(timestamp(checkpoint.at)) }
}

/// A phase as the contract has it.
pub const fn phase(phase: Phase) -> pb::Phase {
    match phase {
        Phase::Queued => pb::Phase::Queued,
        Phase::Starting => pb::Phase::Starting,
        Phase::Running => pb::Phase::Running,
        Phase::Finishing => pb::Phase::Finishing,
        Phase::Succeeded => pb::Phase::Succeeded,
        Phase::Failed => pb::Phase::Failed,
        Phase::Stopped => pb::Phase::Stopped,
    }
}

/// A desired state as the contract has it.
pub const fn desired(desired: DesiredState) -> pb::DesiredState {
    match desired {
        DesiredState::Run => pb::DesiredState::Run,
        DesiredState::StopAndKeep => pb::DesiredState::StopAndKeep,
        DesiredState::StopAndDiscard => pb::DesiredState::StopAndDiscard,
    }
}

const fn reason(reason: Reason) -> pb::Reason {
    match reason {
        Reason::Completed => pb::Reason::Completed,
        Reason::ExitCode => pb::Reason::ExitCode,
        Reason::KilledBySignal => pb::Reason::KilledBySignal,
        Reason::TimedOut => pb::Reason::TimedOut,
        Reason::StoppedByUser => pb::Reason::StoppedByUser,
        Reason::CommandNotFound => pb::Reason::CommandNotFound,
        Reason::CommandNotExecutable => pb::Reason::CommandNotExecutable,
        Reason::StartTimeout => pb::Reason::StartTimeout,
        Reason::ShimLost => pb::Reason::ShimLost,
        Reason::InputUnavailable => pb::Reason::InputUnavailable,
        Reason::QueueTimeout => pb::Reason::QueueTimeout,
        Reason::OutOfMemory => pb::Reason::OutOfMemory,
        Reason::ImageUnavailable => pb::Reason::ImageUnavailable,
        Reason::Interrupted => pb::Reason::Interrupted,
        Reason::ContainerRemoved => pb::Reason::ContainerRemoved,
        Reason::DependencyFailed => pb::Reason::DependencyFailed,
    }
}

const fn condition(condition: Condition) -> pb::Condition {
    match condition {
        Condition::ResultsNotSaved => pb::Condition::ResultsNotSaved,
        Condition::LogIncomplete => pb::Condition::LogIncomplete,
        Condition::MetricsRefused => pb::Condition::MetricsRefused,
    }
}

const fn step(kind: Kind) -> pb::CheckpointKind {
    match kind {
        Kind::Acknowledged => pb::CheckpointKind::Acknowledged,
        Kind::QuotaChecked => pb::CheckpointKind::QuotaChecked,
        Kind::ResourcesCreated => pb::CheckpointKind::ResourcesCreated,
        Kind::NodeAssigned => pb::CheckpointKind::NodeAssigned,
        Kind::VolumesMounted => pb::CheckpointKind::VolumesMounted,
        Kind::ImagesPulled => pb::CheckpointKind::ImagesPulled,
        Kind::FilesPrepared => pb::CheckpointKind::FilesPrepared,
        Kind::UserCodeLaunched => pb::CheckpointKind::UserCodeLaunched,
        Kind::Available => pb::CheckpointKind::Available,
        Kind::ResultsSaved => pb::CheckpointKind::ResultsSaved,
        Kind::VolumesReleased => pb::CheckpointKind::VolumesReleased,
        Kind::ResourcesDeleted => pb::CheckpointKind::ResourcesDeleted,
    }
}

#[cfg(test)]
mod tests {
    use katonic_domain::Tags;

    use super::*;
    use crate::domain::{
        attempt::Outcome,
        consumption::{Consumption, Measured},
        dependency::tests::on,
        execution::{
            Closing,
            tests::{at, queued, running},
        },
        member::tests::member_of,
        spec::Command,
    };

    const ALL_STEPS: [Kind; 12] = [
        Kind::Acknowledged,
        Kind::QuotaChecked,
        Kind::ResourcesCreated,
        Kind::NodeAssigned,
        Kind::VolumesMounted,
        Kind::ImagesPulled,
        Kind::FilesPrepared,
        Kind::UserCodeLaunched,
        Kind::Available,
        Kind::ResultsSaved,
        Kind::VolumesReleased,
        Kind::ResourcesDeleted,
    ];

    /// Its command takes the room of parameters and dependencies too: they share one cap.
    fn largest() -> Execution {
        let mut execution = running();
        let mut items = vec!["\"".repeat(10_000)];
        while Command::try_new(items.clone()).is_ok() {
            items.push("\u{1}".repeat(500));
        }
        items.pop();
        execution.spec.command = Command::try_new(items).expect("the largest that is taken");
        execution.title = "\u{10ffff}".repeat(200);
        let tags: Vec<String> = (0..32).map(|index| format!("{index:0>63}")).collect();
        execution.tags = Tags::try_new(&tags).expect("tags");
        execution.notes = "\"".repeat(2046);
        execution.spec.priority = Priority::Normal;
        let every = ALL_STEPS.map(|kind| Checkpoint { kind, at: at(2) });
        let outcome = Outcome {
            exit_code: Some(-1),
            signal: 64,
            started_at: Some(at(2)),
            ..Outcome::without_exit(Reason::KilledBySignal, at(3))
        };
        execution.fix_outcome(1, outcome, &every).expect("fixed");
        let metrics = serde_json::json!({"m": "x".repeat(16 * 1024 - 16)});
        let conditions = vec![Condition::LogIncomplete, Condition::ResultsNotSaved, Condition::MetricsRefused];
        let closing = Closing { metrics: Some(metrics), conditions, ..Closing::default() };
        execution.close(1, closing, at(4)).expect("closed");
        let (ms, most) = (1 << 43, 1 << 53);
        let measured = Measured { cpu_ms: ms, peak_memory_bytes: most, read_bytes: most, written_bytes: most };
        execution.used = Some(Consumption { run_ms: ms, measured: Some(measured) });
        (execution.spec.tier.price_micros_per_hour, execution.spec.tier.currency) = (most, "EUR".into());
        let one = execution.attempts[0].clone();
        execution.attempts = vec![one; 20];
        execution
    }

    #[test]
    fn the_largest_legal_payload_stays_below_64_kib() {
        let payload = largest().snapshot(Version::ZERO).to_string();
        assert!(payload.len() > 48 * 1024, "the test builds a large one: {}", payload.len());
        assert!(payload.len() < 62 * 1024, "{} bytes, and the envelope comes on top", payload.len());
    }

    #[test]
    fn dependencies_take_no_more_room_than_is_counted_for_them() {
        let mut execution = running();
        let before = execution.snapshot(Version::ZERO).to_string().len();
        execution.after = (0..64).map(|_| on(execution.id)).collect();
        let after = execution.snapshot(Version::ZERO).to_string().len();
        assert!(after - before <= dependency::json_len(&execution.after), "{before} {after}");
    }

    #[test]
    fn the_one_that_failed_is_named_in_words_too() {
        let (mut execution, failed) = (queued(1), running().id);
        execution.give_up(failed, at(2)).expect("given up");
        let shown = self::execution(&execution, &[]);
        assert_eq!(shown.failed_dependency, failed.to_string());
        assert!(shown.reason_text.contains(&shown.failed_dependency), "{}", shown.reason_text);
    }

    #[test]
    fn readers_see_what_members_reported_since_the_last_write() {
        let execution = running();
        let mut member = member_of(&execution);
        member.reach(&[Checkpoint { kind: Kind::UserCodeLaunched, at: at(2) }]);
        let shown = self::execution(&execution, &[member]);
        let steps: Vec<_> = shown.attempts[0].checkpoints.iter().map(pb::Checkpoint::kind).collect();
        let expected = [Kind::Acknowledged, Kind::QuotaChecked, Kind::UserCodeLaunched].map(step);
        assert_eq!(steps, expected);
    }

    #[test]
    fn codes_of_the_contract_are_those_of_the_table() {
        for row in Reason::ALL {
            assert_eq!(reason(row).as_str_name(), format!("REASON_{}", row.row().code));
        }
    }
}
