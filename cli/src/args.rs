//! The command line: what can be said, and nothing of what it does.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    commands::{
        admin, completions, events, explain, jobs, limits, logs, man, orgs, params, projects, results, run, schedules,
        search, subscriptions, tiers, tokens, users, version,
    },
    doctor,
    output::Format,
    platform,
};

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the platform needs another version (`version
--check`). `run` ends with the job's own code, or with 124 the job reached its timeout, 125 the
platform failed, 126 not executable, 127 no such program, 128+n killed by signal n, 130 left
running by Ctrl-C.

Examples:
  katonic up                         start this machine's platform
  katonic run -- python3 train.py    run a command with the files of this folder
  katonic logs -f 12                 follow the log of job 12 of this folder's project
  katonic doctor                     find out what is wrong";

/// Runs your code on a Katonic platform and brings back logs, results and metrics.
#[derive(Debug, Parser)]
#[command(name = "katonic", version, about, after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Gateway to talk to; this machine's platform where none is named.
    #[arg(long, env = "KATONIC_URL", global = true, value_name = "URL", help_heading = "Platform")]
    pub url: Option<String>,
    /// File with the token; `KATONIC_TOKEN` may hold it instead.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Platform")]
    pub token_file: Option<PathBuf>,
    /// How to write the output: one JSON document, or one a line where the command streams.
    #[arg(long, global = true, value_enum, default_value = "human", value_name = "FORM", help_heading = "Output")]
    pub output: Format,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a command on the platform with the files of this folder.
    Run(run::RunArgs),
    /// List the parameters that this folder declares in `katonic.toml`.
    Params(params::ParamsArgs),
    /// Show the log of an execution.
    Logs(logs::LogsArgs),
    /// Bring back the files that an execution made or changed.
    #[command(subcommand)]
    Results(results::ResultsCommand),
    /// List, show, compare, change, repeat and stop jobs.
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    /// Launch jobs by a timetable.
    #[command(subcommand)]
    Schedules(schedules::SchedulesCommand),
    /// Say why an execution is where it is, and what would help.
    Explain(explain::ExplainArgs),
    /// Show the events of an execution, or follow those of the installation.
    Events(events::EventsArgs),
    /// Search projects and executions.
    Search(search::SearchArgs),
    /// List, make, edit, archive and share projects.
    #[command(subcommand)]
    Projects(projects::ProjectsCommand),
    /// List, make, disable and enable users.
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// List and make organisations, and decide who is in them.
    #[command(subcommand)]
    Orgs(orgs::OrgsCommand),
    /// List, make and revoke access tokens.
    #[command(subcommand)]
    Tokens(tokens::TokensCommand),
    /// List, make and delete event subscriptions (administrators).
    #[command(subcommand)]
    Subscriptions(subscriptions::SubscriptionsCommand),
    /// List, make, change and retire hardware tiers.
    #[command(subcommand)]
    Tiers(tiers::TiersCommand),
    /// List and set what may run and queue at once (administrators).
    #[command(subcommand)]
    Limits(limits::LimitsCommand),
    /// Look after the running platform (administrators).
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Start this machine's platform.
    Up(platform::UpArgs),
    /// Stop this machine's platform; jobs go on unless told otherwise.
    Down(platform::DownArgs),
    /// Show how this machine's platform is.
    Status(platform::StatusArgs),
    /// Look for common mistakes, and say what to do about them.
    Doctor(doctor::DoctorArgs),
    /// Prepare a platform whose parts run in containers (operators).
    #[command(subcommand)]
    Containers(platform::ContainersCommand),
    /// Start and keep this machine's platform, in the foreground; `up` does it.
    #[command(hide = true)]
    Supervise(platform::SuperviseArgs),
    /// Print a script that teaches your shell to complete these commands.
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write those of all commands.
    Man(man::ManArgs),
    /// Show the version, or whether it fits the platform's.
    Version(version::VersionArgs),
}
