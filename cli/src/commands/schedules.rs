//! `katonic schedules`.

use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use katonic_domain::{Name, ProjectId, ScheduleId};
use katonic_proto::dispatcher::v1::{
    self as wire, CreateScheduleRequest, DeleteScheduleRequest, GetScheduleRequest, ListSchedulesRequest,
    ListSchedulesResponse, Schedule, Tick, TickFate, UpdateScheduleRequest,
};

use super::{Context, Incomplete, launch::LaunchArgs};
use crate::{
    client::IdempotencyKey,
    commands::run as running,
    exit::Exit,
    failure::{Explain, Failure},
    output::{fields, table},
    pages, parameters,
    progress::Progress,
    project::{self, ProjectRef},
    text,
};

/// What to do with schedules.
#[derive(Debug, Subcommand)]
pub enum SchedulesCommand {
    /// List the schedules of a project, newest first.
    List(ListArgs),
    /// Show a schedule, and when it is due next.
    Show(NamedArgs),
    /// Launch a command again and again, by a timetable.
    Create(Box<CreateArgs>),
    /// Let a schedule rest.
    Pause(NamedArgs),
    /// Let a schedule go on; what was due meanwhile is not made up for.
    Resume(NamedArgs),
    /// Take a schedule away; what it launched stays.
    Delete(NamedArgs),
}

/// Arguments of `schedules list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic schedules list --project churn")]
pub struct ListArgs {
    /// The project, by name or id; this folder's where unset.
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectRef>,
}

/// Which schedule.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic schedules show nightly")]
pub struct NamedArgs {
    /// Its name, or `sch_…`.
    #[arg(value_name = "SCHEDULE")]
    schedule: ScheduleRef,
    /// The project that a name is looked up in; this folder's where unset.
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectRef>,
}

/// Arguments of `schedules create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic schedules create nightly --cron '0 3 * * *' --zone Europe/Berlin -- python3 report.py
  katonic schedules create hourly --cron @hourly --overlap replace --catch-up last -- ./sync.sh
  katonic schedules create weekly --cron '0 6 * * MON' --follow-main -- make report")]
pub struct CreateArgs {
    /// What to call it; unique in the project.
    name: Name,
    /// When: minute, hour, day of month, month, day of week; or `@hourly`, `@daily`, `@weekly`.
    #[arg(long, value_name = "PATTERN")]
    cron: String,
    /// The time zone, such as `Europe/Berlin`.
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// What happens where the job before still runs.
    #[arg(long, value_enum, default_value = "forbid")]
    overlap: Overlap,
    /// What happens with what was due while the platform was down: `none`, `last`, or how many of the latest.
    #[arg(long, value_name = "none|last|COUNT", default_value = "none")]
    catch_up: CatchUp,
    /// The files of the branch `main` as they are then, instead of this folder's as they are now.
    #[arg(long)]
    follow_main: bool,
    /// The project, by name or id; else `.katonic.toml` says it, else the folder's name.
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectRef>,
    #[command(flatten)]
    launch: LaunchArgs,
    /// The program and its arguments; never passed through a shell.
    #[arg(required = true, last = true)]
    command: Vec<String>,
}

/// What happens where the job before still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Overlap {
    /// It is left out.
    Forbid,
    /// Both run.
    Allow,
    /// The one before is stopped.
    Replace,
}

impl From<Overlap> for wire::Overlap {
    fn from(overlap: Overlap) -> Self {
        match overlap {
            Overlap::Forbid => Self::Forbid,
            Overlap::Allow => Self::Allow,
            Overlap::Replace => Self::Replace,
        }
    }
}

/// What is made up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CatchUp {
    None,
    Last,
    All(u32),
}

impl FromStr for CatchUp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "last" => Ok(Self::Last),
            count => count.parse().map(Self::All).map_err(|_| "is neither `none`, `last` nor a number"),
        }
    }
}

impl CatchUp {
    const fn wire(self) -> (wire::CatchUp, u32) {
        match self {
            Self::None => (wire::CatchUp::None, 0),
            Self::Last => (wire::CatchUp::Last, 0),
            Self::All(count) => (wire::CatchUp::All, count),
        }
    }
}

/// A schedule as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ScheduleRef {
    Id(ScheduleId),
    Name(Name),
}

impl FromStr for ScheduleRef {
    type Err = <Name as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::Id).or_else(|_| text.parse().map(Self::Name))
    }
}

/// There is no schedule of that name.
#[derive(Debug, thiserror::Error)]
#[error("there is no schedule {0} in the project {1}")]
struct NoSuchSchedule(Name, ProjectId);

impl Explain for NoSuchSchedule {
    fn next_step(&self) -> String {
        "look at `katonic schedules list`, or name another project by --project".to_owned()
    }
}

/// Runs a command on schedules.
pub async fn run(context: &Context, command: SchedulesCommand) -> Result<Exit, Failure> {
    match command {
        SchedulesCommand::List(args) => list(context, args).await?,
        SchedulesCommand::Show(args) => {
            let schedule_id = args.resolve(context).await?.to_string();
            let answer = context.client.get_schedule(GetScheduleRequest { schedule_id }).await?;
            context.output.answer(&answer.schedule.ok_or(Incomplete("schedule"))?, human)?;
        }
        SchedulesCommand::Create(args) => create(context, *args).await?,
        SchedulesCommand::Pause(args) => pause(context, args, true).await?,
        SchedulesCommand::Resume(args) => pause(context, args, false).await?,
        SchedulesCommand::Delete(args) => {
            let id = args.resolve(context).await?;
            let request = DeleteScheduleRequest { schedule_id: id.to_string() };
            let answer = context.client.delete_schedule(request).await?;
            context.output.answer(&answer, |_| format!("Deleted {id}.\n"))?;
        }
    }
    Ok(Exit::OK)
}

async fn list(context: &Context, args: ListArgs) -> Result<(), Failure> {
    let named = project::of_folder(args.project, &running::current_folder()?)?;
    let schedules = all(context, project::find(&context.client, &named).await?).await?;
    let all = ListSchedulesResponse { schedules, next_page_token: String::new() };
    context.output.answer(&all, |all| {
        let rows = all.schedules.iter().map(row).collect();
        table(["NAME", "CRON", "ZONE", "STATE", "LAST", "WHAT CAME OF IT"], rows, "There are no schedules.")
    })?;
    Ok(())
}

async fn all(context: &Context, project: ProjectId) -> Result<Vec<Schedule>, Failure> {
    let (schedules, _) = pages::collect(usize::MAX, async |page_token| {
        let request = ListSchedulesRequest { project_id: project.to_string(), page_token, ..Default::default() };
        let page = context.client.list_schedules(request).await?;
        Ok::<_, Failure>((page.schedules, page.next_page_token))
    })
    .await?;
    Ok(schedules)
}

async fn create(context: &Context, args: CreateArgs) -> Result<(), Failure> {
    let mut progress = Progress::new(context.output);
    let (folder, given) = (running::current_folder()?, args.launch.params());
    let (project, commit, params) = if args.follow_main {
        let named = project::of_folder(args.project.clone(), &folder)?;
        (project::find_or_create(&context.client, &named).await?, None, given)
    } else {
        let params = parameters::complete(&folder, given, None)?;
        let job = running::prepare(context, args.project.clone(), &progress).await?;
        (job.project, job.commit, params)
    };
    progress.clear();
    let (catch_up, catch_up_limit) = args.catch_up.wire();
    let request = CreateScheduleRequest {
        project_id: project.to_string(),
        name: args.name.to_string(),
        cron: args.cron,
        zone: args.zone,
        overlap: wire::Overlap::from(args.overlap).into(),
        catch_up: catch_up.into(),
        catch_up_limit,
        paused: false,
        job: Some(args.launch.job(args.command, commit.as_ref(), params)),
    };
    let answer = context.client.create_schedule(IdempotencyKey::generate(), request).await?;
    context.output.answer(&answer.schedule.ok_or(Incomplete("schedule"))?, human)?;
    Ok(())
}

async fn pause(context: &Context, args: NamedArgs, paused: bool) -> Result<(), Failure> {
    let request = UpdateScheduleRequest {
        schedule_id: args.resolve(context).await?.to_string(),
        paused,
        update_mask: Some(prost_types::FieldMask { paths: vec!["paused".to_owned()] }),
        ..Default::default()
    };
    let answer = context.client.update_schedule(request).await?;
    context.output.answer(&answer.schedule.ok_or(Incomplete("schedule"))?, human)?;
    Ok(())
}

impl NamedArgs {
    async fn resolve(&self, context: &Context) -> Result<ScheduleId, Failure> {
        let name = match &self.schedule {
            ScheduleRef::Id(id) => return Ok(*id),
            ScheduleRef::Name(name) => name,
        };
        let named = project::of_folder(self.project.clone(), &running::current_folder()?)?;
        let project = project::find(&context.client, &named).await?;
        let schedules = all(context, project).await?;
        let found = schedules.iter().find(|schedule| schedule.name == name.as_str());
        let id = found.and_then(|schedule| schedule.schedule_id.parse().ok());
        Ok(id.ok_or_else(|| NoSuchSchedule(name.clone(), project))?)
    }
}

fn state(schedule: &Schedule) -> String {
    if schedule.paused { "paused" } else { "active" }.to_owned()
}

fn row(schedule: &Schedule) -> [String; 6] {
    [
        schedule.name.clone(),
        schedule.cron.clone(),
        schedule.zone.clone(),
        state(schedule),
        schedule.last_tick.as_ref().map(|tick| text::time(tick.time.as_ref())).unwrap_or_default(),
        schedule.last_tick.as_ref().map(outcome).unwrap_or_default(),
    ]
}

fn outcome(tick: &Tick) -> String {
    match tick.fate() {
        TickFate::Unspecified => String::new(),
        TickFate::Launched => tick.execution_id.clone(),
        TickFate::Overlapped => "left out: the job before still ran".to_owned(),
        TickFate::Refused => format!("refused: {}", tick.code),
    }
}

fn human(schedule: &Schedule) -> String {
    let job = schedule.job.clone().unwrap_or_default();
    let mut answer = fields(&[
        ("id", schedule.schedule_id.clone()),
        ("name", schedule.name.clone()),
        ("project", schedule.project_id.clone()),
        ("state", state(schedule)),
        ("cron", format!("{} ({})", schedule.cron, schedule.in_words)),
        ("zone", schedule.zone.clone()),
        ("overlap", text::words(schedule.overlap().as_str_name().trim_start_matches("OVERLAP_"))),
        ("catch up", text::words(schedule.catch_up().as_str_name().trim_start_matches("CATCH_UP_"))),
        ("command", text::command(&job.command)),
        ("input", if job.commit.is_empty() { "main, as it is then".to_owned() } else { job.commit }),
        ("last", schedule.last_tick.as_ref().map(|tick| text::time(tick.time.as_ref())).unwrap_or_default()),
        ("came of it", schedule.last_tick.as_ref().map(outcome).unwrap_or_default()),
    ]);
    for next in &schedule.next_ticks {
        answer.push_str(&format!("next  {}\n", text::time(Some(next))));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_named_by_id_or_name() {
        let id = ScheduleId::generate();
        assert_eq!(id.to_string().parse(), Ok(ScheduleRef::Id(id)));
        assert!(matches!("nightly".parse(), Ok(ScheduleRef::Name(_))));
        assert!("No Name".parse::<ScheduleRef>().is_err());
    }

    #[test]
    fn what_is_made_up_for_is_a_word_or_a_number() {
        for (text, expected) in [("none", CatchUp::None), ("last", CatchUp::Last), ("5", CatchUp::All(5))] {
            assert_eq!(text.parse(), Ok(expected));
        }
        assert!("some".parse::<CatchUp>().is_err());
    }
}
