//! Requests as the domain has them, or which field is wrong; errors as gRPC has them.

use std::time::Duration;

use katonic_domain::{MemberId, Timestamp, error::Violation};
use katonic_proto::{dispatcher::v1 as pb, envelope::Envelope, json, time::timestamp};
use katonic_service::{
    fields, idempotency,
    rpc::{from_status, to_status},
};
use katonic_store::{HistoryEntry, Idempotency, Version};
use tonic::Status;

use super::usage;
use crate::{
    domain::{
        attempt::Outcome,
        checkpoints::{Checkpoint, Kind},
        dependency::{self, Dependency, Open},
        edit::EditForm,
        execution::{Closing, Condition},
        explain::Explanation,
        priority::Priority,
        reason::{Class, Reason},
        retry::RetryForm,
        series::Series,
        spec::{self, JobForm},
        usage::Full,
        wait::Wait,
    },
    error::Error,
    snapshot,
    usecases::submit::Accepted,
};

/// The status of an error. What a peer said to our caller's question is passed on as it is.
pub fn status(error: Error) -> Status {
    match error {
        Error::Refused(failure) => failure.into(),
        other => to_status(&other),
    }
}

/// An idempotency key as the store has it.
pub fn stored_key(key: idempotency::Idempotency) -> Idempotency {
    Idempotency { digest: key.digest, body_hash: key.body_hash }
}

/// A job request as it came.
pub fn job_form(request: pb::SubmitJobRequest) -> Result<JobForm, Error> {
    let mut violations = Vec::new();
    let mut duration = |field: &str, value: Option<prost_types::Duration>| match value.map(std_duration) {
        Some(None) => {
            violations.push(Violation::new(field, "is not a duration of 0 or more"));
            None
        }
        other => other.flatten(),
    };
    let timeout = duration("timeout", request.timeout);
    let grace = duration("grace", request.grace);
    let retry = request.retry.unwrap_or_default();
    let backoff = duration("retry.backoff", retry.backoff);
    let on = retry.classes().map(class).collect();
    let retry = RetryForm { max_attempts: retry.max_attempts, backoff, on };
    let after = request.after.iter().map(dependency).collect::<Option<Vec<_>>>().unwrap_or_else(|| {
        violations.push(Violation::new("after", "names what is no execution's id, or a condition that is none"));
        Vec::new()
    });
    if !request.after_items.is_empty() {
        violations.push(Violation::new("after_items", "goes with jobs:batchSubmit only"));
    }
    if !violations.is_empty() {
        return Err(Error::Spec(spec::Error(violations)));
    }
    let Some(priority) = priority(request.priority) else {
        return Err(Error::Spec(spec::Error(vec![Violation::new("priority", "is none that there is")])));
    };
    let pb::SubmitJobRequest { project_id: _, command, title, commit, tier, params, env, tags, .. } = request;
    Ok(JobForm {
        command,
        title,
        commit,
        tier,
        timeout,
        grace,
        params,
        env,
        tags,
        priority,
        retry,
        after,
        ..JobForm::default()
    })
}

fn dependency(asked: &pb::Dependency) -> Option<Dependency> {
    let condition = match pb::DependencyCondition::try_from(asked.condition).ok()? {
        pb::DependencyCondition::Unspecified | pb::DependencyCondition::Succeeded => dependency::Condition::Succeeded,
        pb::DependencyCondition::Ended => dependency::Condition::Ended,
    };
    Some(Dependency { execution: asked.execution_id.parse().ok()?, condition })
}

/// What became of one job of many that was accepted.
pub fn accepted(accepted: &Accepted) -> pb::SubmitJobsAnswer {
    let execution = &accepted.stored.state;
    pb::SubmitJobsAnswer {
        execution_id: execution.id.to_string(),
        number: execution.number.0,
        replayed: accepted.replayed,
        problem: None,
    }
}

/// And of one that was not.
pub fn refused(refused: &Status) -> pb::SubmitJobsAnswer {
    let failure = from_status(refused);
    let violation = |wrong: Violation| pb::JobViolation { field: wrong.field, description: wrong.description };
    let violations = failure.violations.into_iter().map(violation).collect();
    let problem = pb::JobProblem { code: failure.reason, detail: failure.message, violations };
    pb::SubmitJobsAnswer { problem: Some(problem), ..Default::default() }
}

/// One that there is not is none that may be tried again.
const fn class(class: pb::ReasonClass) -> Class {
    match class {
        pb::ReasonClass::User => Class::User,
        pb::ReasonClass::Timeout => Class::Timeout,
        pb::ReasonClass::Infrastructure => Class::Infrastructure,
        pb::ReasonClass::Stopped => Class::Stopped,
        pb::ReasonClass::Unspecified | pb::ReasonClass::Success => Class::Success,
    }
}

fn priority(priority: i32) -> Option<Priority> {
    Some(match pb::Priority::try_from(priority).ok()? {
        pb::Priority::Low => Priority::Low,
        pb::Priority::Unspecified | pb::Priority::Normal => Priority::Normal,
        pb::Priority::High => Priority::High,
    })
}

/// What is to be changed, as it came.
pub fn edit_form(request: pb::UpdateExecutionRequest) -> Result<EditForm, Status> {
    let pb::UpdateExecutionRequest { execution_id: _, title, tags, notes, archived, update_mask, etag: _ } = request;
    let set = [
        ("title", !title.is_empty()),
        ("tags", !tags.is_empty()),
        ("notes", !notes.is_empty()),
        ("archived", archived),
    ];
    let changed = fields::mask("update_mask", update_mask.as_ref(), &set)?;
    Ok(EditForm {
        title: changed.contains("title").then_some(title),
        tags: changed.contains("tags").then_some(tags),
        notes: changed.contains("notes").then_some(notes),
        archived: changed.contains("archived").then_some(archived),
    })
}

fn std_duration(duration: prost_types::Duration) -> Option<Duration> {
    let nanos = u32::try_from(duration.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(duration.seconds).ok()?, nanos))
}

/// A time as it came.
pub fn time(field: &str, time: prost_types::Timestamp) -> Result<Timestamp, Status> {
    Timestamp::new(time.seconds, time.nanos).map_err(|_| fields::invalid(field, "is not a time"))
}

/// Steps that an agent reports.
pub fn checkpoints(reported: Vec<pb::Checkpoint>) -> Result<Vec<Checkpoint>, Status> {
    let field = "checkpoints";
    let checkpoint = |reported: pb::Checkpoint| {
        let kind = step(reported.kind()).ok_or_else(|| fields::invalid(field, "has a kind that is none"))?;
        let at = reported.time.ok_or_else(|| fields::invalid(field, "has no time"))?;
        Ok(Checkpoint { kind, at: time(field, at)? })
    };
    reported.into_iter().map(checkpoint).collect()
}

const fn step(kind: pb::CheckpointKind) -> Option<Kind> {
    Some(match kind {
        pb::CheckpointKind::Unspecified => return None,
        pb::CheckpointKind::Acknowledged => Kind::Acknowledged,
        pb::CheckpointKind::QuotaChecked => Kind::QuotaChecked,
        pb::CheckpointKind::ResourcesCreated => Kind::ResourcesCreated,
        pb::CheckpointKind::NodeAssigned => Kind::NodeAssigned,
        pb::CheckpointKind::VolumesMounted => Kind::VolumesMounted,
        pb::CheckpointKind::ImagesPulled => Kind::ImagesPulled,
        pb::CheckpointKind::FilesPrepared => Kind::FilesPrepared,
        pb::CheckpointKind::UserCodeLaunched => Kind::UserCodeLaunched,
        pb::CheckpointKind::Available => Kind::Available,
        pb::CheckpointKind::ResultsSaved => Kind::ResultsSaved,
        pb::CheckpointKind::VolumesReleased => Kind::VolumesReleased,
        pb::CheckpointKind::ResourcesDeleted => Kind::ResourcesDeleted,
    })
}

/// How a command ended, as its agent reports it.
pub fn outcome(request: pb::ReportExitRequest) -> Result<Outcome, Status> {
    let reason = reason(request.reason()).ok_or_else(|| fields::invalid("reason", "is not set"))?;
    let ended_at = request.end_time.ok_or_else(|| fields::invalid("end_time", "is not set"))?;
    Ok(Outcome {
        reason,
        exit_code: request.exit_code,
        signal: request.signal,
        started_at: request.start_time.map(|at| time("start_time", at)).transpose()?,
        ended_at: time("end_time", ended_at)?,
    })
}

const fn reason(reason: pb::Reason) -> Option<Reason> {
    Some(match reason {
        pb::Reason::Unspecified => return None,
        pb::Reason::Completed => Reason::Completed,
        pb::Reason::ExitCode => Reason::ExitCode,
        pb::Reason::KilledBySignal => Reason::KilledBySignal,
        pb::Reason::TimedOut => Reason::TimedOut,
        pb::Reason::StoppedByUser => Reason::StoppedByUser,
        pb::Reason::CommandNotFound => Reason::CommandNotFound,
        pb::Reason::CommandNotExecutable => Reason::CommandNotExecutable,
        pb::Reason::StartTimeout => Reason::StartTimeout,
        pb::Reason::ShimLost => Reason::ShimLost,
        pb::Reason::InputUnavailable => Reason::InputUnavailable,
        pb::Reason::QueueTimeout => Reason::QueueTimeout,
        pb::Reason::OutOfMemory => Reason::OutOfMemory,
        pb::Reason::ImageUnavailable => Reason::ImageUnavailable,
        pb::Reason::Interrupted => Reason::Interrupted,
        pb::Reason::ContainerRemoved => Reason::ContainerRemoved,
        pb::Reason::DependencyFailed => Reason::DependencyFailed,
    })
}

/// What the agent of a member kept of its attempt.
pub fn closing(member: &MemberId, request: pb::ReportFinishedRequest) -> Result<Closing, Status> {
    let conditions = request.conditions().filter_map(condition).collect();
    let commit = &request.results_commit;
    let metered = request.usage.map(|series| usage::metered(member.clone(), series)).transpose()?;
    Ok(Closing {
        results_commit: if commit.is_empty() { None } else { Some(fields::parse("results_commit", commit)?) },
        metrics: request.metrics.as_ref().map(json::from_struct),
        series: request.series.into_iter().map(reported_series).collect(),
        metrics_refusal: request.metrics_refusal,
        log_last_seq: request.log_last_seq,
        conditions,
        checkpoints: checkpoints(request.checkpoints)?,
        metered: metered.into_iter().collect(),
    })
}

fn reported_series(reported: pb::MetricSeries) -> Series {
    let pb::MetricSeries { name, count, steps, values } = reported;
    Series { name, count, steps, values }
}

/// What was logged of a metric.
pub fn series(series: Series) -> pb::MetricSeries {
    let Series { name, count, steps, values } = series;
    pb::MetricSeries { name, count, steps, values }
}

const fn condition(condition: pb::Condition) -> Option<Condition> {
    match condition {
        pb::Condition::Unspecified => None,
        pb::Condition::ResultsNotSaved => Some(Condition::ResultsNotSaved),
        pb::Condition::LogIncomplete => Some(Condition::LogIncomplete),
        pb::Condition::MetricsRefused => Some(Condition::MetricsRefused),
    }
}

/// An explanation as the contract has it.
pub fn explanation(explanation: Explanation) -> pb::ExplainExecutionResponse {
    let observation = |(name, value)| pb::Observation { name, value };
    let standing = explanation.wait.map(|(_, standing)| standing).unwrap_or_default();
    let ahead = standing.ahead;
    pb::ExplainExecutionResponse {
        phase: snapshot::phase(explanation.phase).into(),
        summary: explanation.summary,
        next_step: explanation.next_step,
        queue_place: standing.place,
        observations: explanation.observations.into_iter().map(observation).collect(),
        queue_length: standing.waiting,
        wait: explanation.wait.map_or(pb::Wait::Unspecified, |(wait, _)| self::wait(wait)).into(),
        ahead: (ahead.all() > 0).then_some(pb::Ahead {
            higher_priority: ahead.higher_priority,
            smaller_share: ahead.smaller_share,
            older: ahead.older,
            same_user: ahead.own,
            turns: ahead.turns,
        }),
        dependencies: explanation.open.iter().map(open).collect(),
    }
}

fn open(open: &Open) -> pb::OpenDependency {
    pb::OpenDependency {
        execution_id: open.awaited.id.to_string(),
        number: open.awaited.number.0,
        condition: snapshot::dependency_condition(open.condition).into(),
        phase: snapshot::phase(open.awaited.phase).into(),
    }
}

const fn wait(wait: Wait) -> pb::Wait {
    match wait {
        Wait::Stopping => pb::Wait::Stopping,
        Wait::Resting(_) => pb::Wait::Resting,
        Wait::Dependencies => pb::Wait::Dependencies,
        Wait::EventsWaiting(_) => pb::Wait::EventsWaiting,
        Wait::NeverFits { .. } => pb::Wait::NeverFits,
        Wait::Limit { full: Full::Project, .. } => pb::Wait::ProjectLimit,
        Wait::Limit { full: Full::User, .. } => pb::Wait::UserLimit,
        Wait::Limit { full: Full::Installation | Full::Tier, .. } => pb::Wait::InstallationLimit,
        Wait::HigherPriority => pb::Wait::HigherPriority,
        Wait::FairShare => pb::Wait::FairShare,
        Wait::TierFull => pb::Wait::TierFull,
        Wait::BackendFull => pb::Wait::BackendFull,
        Wait::Nothing => pb::Wait::Admitting,
    }
}

/// An event as it was published; one that does not read is a fault of ours.
pub fn event(entry: &HistoryEntry) -> Result<pb::PublishedEvent, Status> {
    let envelope: Envelope =
        serde_json::from_str(&entry.body).map_err(|_| Status::internal("a stored event cannot be read"))?;
    Ok(pb::PublishedEvent {
        id: envelope.id,
        r#type: envelope.event_type,
        time: Some(timestamp(entry.at())),
        sequence: envelope.sequence,
        data: json::to_struct(envelope.data),
    })
}

/// The version that a page or stream goes on after.
pub fn version(field: &str, token: &str) -> Result<Version, Status> {
    Ok(fields::place(field, token)?.map_or(Version::ZERO, Version::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_duration_is_named() {
        let request = pb::SubmitJobRequest {
            command: vec!["true".into()],
            grace: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
            ..Default::default()
        };
        let Err(Error::Spec(spec::Error(violations))) = job_form(request) else { unreachable!("it was taken") };
        assert_eq!(violations[0].field, "grace");
    }

    #[test]
    fn a_dependency_has_an_id_and_a_condition_that_is_one() {
        let id = katonic_domain::ExecutionId::generate();
        let asked = |execution_id: &str, condition| pb::Dependency { execution_id: execution_id.to_owned(), condition };
        let taken = |condition| dependency(&asked(&id.to_string(), condition)).map(|taken| taken.condition);
        let (succeeded, ended) = (dependency::Condition::Succeeded, dependency::Condition::Ended);
        assert_eq!([0, 1, 2, 3].map(taken), [Some(succeeded), Some(succeeded), Some(ended), None]);
        assert_eq!(dependency(&asked("12", 0)), None);
    }

    #[test]
    fn an_item_is_named_in_a_call_of_many_only() {
        let request = pb::SubmitJobRequest { after_items: vec![pb::ItemDependency::default()], ..Default::default() };
        let Err(Error::Spec(spec::Error(violations))) = job_form(request) else { unreachable!("it was taken") };
        assert_eq!(violations[0].field, "after_items");
    }
}
