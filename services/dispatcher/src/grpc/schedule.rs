//! What people say of a schedule, as the domain has it, or which field is wrong.

use katonic_domain::error::Violation;
use katonic_proto::dispatcher::v1 as pb;
use katonic_service::fields;
use tonic::Status;

use crate::{
    domain::{
        schedule::{CatchUp, MOST_CAUGHT_UP, Overlap, Plan},
        spec::{self, JobForm},
        timetable::{self, Timetable},
    },
    error::Error,
    grpc::convert::{self, status},
};

const UTC: &str = "UTC";

/// A new one's.
pub fn plan(request: pb::CreateScheduleRequest) -> Result<Plan, Status> {
    let (overlap, catch_up) = (request.overlap(), request.catch_up());
    let job = request.job.ok_or_else(|| fields::invalid("job", "is required"))?;
    Ok(Plan {
        name: fields::parse("name", &request.name)?,
        timetable: timetable(&request.cron, &request.zone)?,
        overlap: self::overlap(overlap),
        catch_up: self::catch_up(catch_up, request.catch_up_limit)?,
        paused: request.paused,
        job: self::job(job)?,
    })
}

/// A plan with what an update changes.
pub fn changed(plan: &Plan, request: pb::UpdateScheduleRequest) -> Result<Plan, Status> {
    let set = [
        ("cron", !request.cron.is_empty()),
        ("zone", !request.zone.is_empty()),
        ("overlap", request.overlap != 0),
        ("catch_up", request.catch_up != 0),
        ("catch_up_limit", request.catch_up_limit != 0),
        ("paused", request.paused),
        ("job", request.job.is_some()),
    ];
    let changed = fields::mask("update_mask", request.update_mask.as_ref(), &set)?;
    let (overlap, catch_up) = (request.overlap(), request.catch_up());
    let mut plan = plan.clone();
    if changed.contains("cron") || changed.contains("zone") {
        let cron = if changed.contains("cron") { request.cron.as_str() } else { plan.timetable.cron() };
        let zone = if changed.contains("zone") { request.zone.as_str() } else { plan.timetable.zone() };
        plan.timetable = timetable(cron, zone)?;
    }
    if changed.contains("overlap") {
        plan.overlap = self::overlap(overlap);
    }
    if changed.contains("catch_up") || changed.contains("catch_up_limit") {
        let kind = if changed.contains("catch_up") { catch_up } else { pb::CatchUp::All };
        plan.catch_up = self::catch_up(kind, request.catch_up_limit)?;
    }
    if changed.contains("paused") {
        plan.paused = request.paused;
    }
    if changed.contains("job") {
        plan.job = job(request.job.ok_or_else(|| fields::invalid("job", "is required"))?)?;
    }
    Ok(plan)
}

fn timetable(cron: &str, zone: &str) -> Result<Timetable, Status> {
    let zone = if zone.is_empty() { UTC } else { zone };
    Timetable::try_new(cron, zone).map_err(|why| {
        let field = if matches!(why, timetable::Error::Zone) { "zone" } else { "cron" };
        fields::invalid(field, why)
    })
}

const fn overlap(overlap: pb::Overlap) -> Overlap {
    match overlap {
        pb::Overlap::Unspecified | pb::Overlap::Forbid => Overlap::Forbid,
        pb::Overlap::Allow => Overlap::Allow,
        pb::Overlap::Replace => Overlap::Replace,
    }
}

fn catch_up(catch_up: pb::CatchUp, limit: u32) -> Result<CatchUp, Status> {
    match (catch_up, limit) {
        (pb::CatchUp::Unspecified | pb::CatchUp::None, 0) => Ok(CatchUp::None),
        (pb::CatchUp::Last, 0) => Ok(CatchUp::Last),
        (pb::CatchUp::All, 1..=MOST_CAUGHT_UP) => Ok(CatchUp::All(limit)),
        (pb::CatchUp::All, _) => Err(fields::invalid("catch_up_limit", "is not between 1 and 100")),
        _ => Err(fields::invalid("catch_up_limit", "goes with CATCH_UP_ALL only")),
    }
}

/// Checked as if it were launched now; wrong fields are named below `job`.
fn job(job: pb::SubmitJobRequest) -> Result<JobForm, Status> {
    if !job.after.is_empty() {
        return Err(fields::invalid("job.after", "cannot be said of a job that is launched again and again"));
    }
    let form = convert::job_form(pb::SubmitJobRequest { project_id: String::new(), ..job });
    form.and_then(|form| form.clone().check().map(|_| form).map_err(Error::from)).map_err(|error| {
        let Error::Spec(spec::Error(violations)) = error else { return status(error) };
        let below = |wrong: Violation| Violation::new(format!("job.{}", wrong.field), wrong.description);
        status(Error::Spec(spec::Error(violations.into_iter().map(below).collect())))
    })
}

#[cfg(test)]
mod tests {
    use katonic_service::rpc::from_status;

    use super::*;

    fn request() -> pb::CreateScheduleRequest {
        pb::CreateScheduleRequest {
            name: "nightly".to_owned(),
            cron: "0 3 * * *".to_owned(),
            job: Some(pb::SubmitJobRequest { command: vec!["true".to_owned()], ..Default::default() }),
            ..Default::default()
        }
    }

    fn refused(change: impl FnOnce(&mut pb::CreateScheduleRequest)) -> Vec<String> {
        let mut request = request();
        change(&mut request);
        let refused = from_status(&plan(request).expect_err("was taken"));
        refused.violations.into_iter().map(|wrong| wrong.field).collect()
    }

    #[test]
    fn what_is_not_said_has_defaults() {
        let plan = plan(request()).expect("a plan");
        assert_eq!((plan.timetable.zone(), plan.overlap, plan.catch_up), ("UTC", Overlap::Forbid, CatchUp::None));
    }

    #[test]
    fn wrong_fields_are_named() {
        assert_eq!(refused(|request| request.cron = "nonsense".to_owned()), ["cron"]);
        assert_eq!(refused(|request| request.zone = "Mars/Base".to_owned()), ["zone"]);
        assert_eq!(refused(|request| request.name = "Not A Name".to_owned()), ["name"]);
        assert_eq!(refused(|request| request.job = None), ["job"]);
        assert_eq!(refused(|request| request.job = Some(pb::SubmitJobRequest::default())), ["job.command"]);
        let after = vec![pb::Dependency::default()];
        let job = pb::SubmitJobRequest { command: vec!["true".to_owned()], after, ..Default::default() };
        assert_eq!(refused(|request| request.job = Some(job)), ["job.after"]);
        assert_eq!(refused(|request| request.catch_up = pb::CatchUp::All.into()), ["catch_up_limit"]);
        assert_eq!(refused(|request| request.catch_up_limit = 3), ["catch_up_limit"]);
    }

    #[test]
    fn an_update_changes_what_it_names_and_nothing_else() {
        let before = plan(request()).expect("a plan");
        let zone = pb::UpdateScheduleRequest { zone: "Asia/Tokyo".to_owned(), ..Default::default() };
        let after = changed(&before, zone).expect("a plan");
        assert_eq!((after.timetable.cron(), after.timetable.zone()), ("0 3 * * *", "Asia/Tokyo"));
        let mask = Some(prost_types::FieldMask { paths: vec!["paused".to_owned()] });
        let resumed = pb::UpdateScheduleRequest { update_mask: mask, ..Default::default() };
        let paused = Plan { paused: true, ..before.clone() };
        assert_eq!(changed(&paused, resumed).ok(), Some(before));
    }
}
