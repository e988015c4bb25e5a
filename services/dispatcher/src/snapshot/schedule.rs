//! The public form of a schedule.

use katonic_domain::{ProjectId, ScheduleId};
use katonic_proto::{dispatcher::v1 as pb, json, time::timestamp};
use katonic_store::{Aggregate, Index, Version};
use serde_json::Value;

use crate::domain::{
    retry::RetryForm,
    schedule::{CatchUp, Fate, Overlap, Schedule, Tick},
    spec::JobForm,
};

impl Aggregate for Schedule {
    type Id = ScheduleId;

    const COLLECTION: &'static str = "schedules";
    const ENTITY: &'static str = "schedule";
    const EXCHANGE: &'static str = "katonic.dispatch";
    const INDEXES: &'static [Index] = &[Index::unique(&["project", "number"]), Index::on(&["deleted_at"])];

    fn id(&self) -> ScheduleId {
        self.id
    }

    fn project(&self) -> Option<ProjectId> {
        Some(self.project)
    }

    fn snapshot(&self, _version: Version) -> Value {
        json::to_value(&schedule(self))
    }
}

/// A schedule as readers of its project see it.
pub fn schedule(schedule: &Schedule) -> pb::Schedule {
    let plan = &schedule.plan;
    let (catch_up, catch_up_limit) = catch_up(plan.catch_up);
    pb::Schedule {
        schedule_id: schedule.id.to_string(),
        project_id: schedule.project.to_string(),
        name: plan.name.to_string(),
        owner_id: schedule.owner.to_string(),
        cron: plan.timetable.cron().to_owned(),
        zone: plan.timetable.zone().to_owned(),
        overlap: overlap(plan.overlap).into(),
        catch_up: catch_up.into(),
        catch_up_limit,
        paused: plan.paused,
        job: Some(job(&plan.job)),
        create_time: Some(timestamp(schedule.created_at)),
        last_tick: schedule.last.as_ref().map(tick),
        etag: schedule_etag(schedule),
        delete_time: schedule.deleted_at.map(timestamp),
        next_ticks: Vec::new(),
        in_words: plan.timetable.in_words(),
    }
}

/// What names the generation that a reader has seen.
pub fn schedule_etag(schedule: &Schedule) -> String {
    schedule.generation.to_string()
}

fn tick(tick: &Tick) -> pb::Tick {
    let (fate, execution_id, code) = match &tick.fate {
        Fate::Launched(execution) => (pb::TickFate::Launched, execution.to_string(), String::new()),
        Fate::Overlapped => (pb::TickFate::Overlapped, String::new(), String::new()),
        Fate::Refused(code) => (pb::TickFate::Refused, String::new(), code.clone()),
    };
    pb::Tick { time: Some(timestamp(tick.at)), fate: fate.into(), execution_id, code }
}

const fn overlap(overlap: Overlap) -> pb::Overlap {
    match overlap {
        Overlap::Forbid => pb::Overlap::Forbid,
        Overlap::Allow => pb::Overlap::Allow,
        Overlap::Replace => pb::Overlap::Replace,
    }
}

const fn catch_up(catch_up: CatchUp) -> (pb::CatchUp, u32) {
    match catch_up {
        CatchUp::None => (pb::CatchUp::None, 0),
        CatchUp::Last => (pb::CatchUp::Last, 0),
        CatchUp::All(most) => (pb::CatchUp::All, most),
    }
}

fn job(job: &JobForm) -> pb::SubmitJobRequest {
    pb::SubmitJobRequest {
        project_id: String::new(),
        command: job.command.clone(),
        title: job.title.clone(),
        commit: job.commit.clone(),
        tier: job.tier.clone(),
        timeout: job.timeout.map(span),
        grace: job.grace.map(span),
        params: job.params.clone(),
        tags: job.tags.clone(),
        priority: super::priority(job.priority).into(),
        retry: (job.retry != RetryForm::default()).then(|| retry(&job.retry)),
        after: Vec::new(),
        after_items: Vec::new(),
        env: job.env.clone(),
    }
}

fn retry(form: &RetryForm) -> pb::RetryPolicy {
    pb::RetryPolicy {
        max_attempts: form.max_attempts,
        backoff: form.backoff.map(span),
        classes: form.on.iter().map(|class| super::class(*class).into()).collect(),
    }
}

fn span(duration: std::time::Duration) -> prost_types::Duration {
    super::duration(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
