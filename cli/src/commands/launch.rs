//! How a job is launched, in whatever way: the arguments that `run`, `jobs rerun`
//! and `schedules create` have in common, and as the contract has them. What one
//! runs after is said of a single job only.

use std::{collections::BTreeMap, env};

use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use katonic_domain::{CommitId, Name, ProjectId, Tag};
use katonic_proto::dispatcher::v1 as wire;

use crate::{
    client::Client,
    execution::{Error, ExecutionRef},
    text,
};

/// What to call a job, what to run it on and how often.
#[derive(Debug, Args)]
pub struct LaunchArgs {
    /// What to call the job; the command where unset.
    #[arg(long)]
    title: Option<String>,
    /// What to run it on; see `katonic tiers list`.
    #[arg(long)]
    tier: Option<Name>,
    /// How long it may run, such as `90s`, `10m` or `2h 30m`; 24 hours where unset.
    #[arg(long, value_name = "DURATION")]
    timeout: Option<SignedDuration>,
    /// What the command is given as `KATONIC_PARAM_<NAME>`; may be repeated. Readers of the project see it.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = param)]
    params: Vec<(String, String)>,
    /// A variable of the command's environment, without a value your own; may be repeated. Readers of the project see it.
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = variable)]
    env: Vec<(String, String)>,
    /// A label to find the job by; may be repeated.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// How it is ordered in the queue of its tier; normal where unset.
    #[arg(long, value_enum)]
    priority: Option<Priority>,
    /// How often it may be tried again after it failed, up to 19 times.
    #[arg(long, value_name = "TIMES", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=19))]
    retries: u32,
    /// After which failures it is tried again; may be repeated.
    #[arg(long, value_name = "CLASS", value_enum, default_value = "infrastructure", requires = "retries")]
    retry_on: Vec<RetryOn>,
    /// How long to wait before that; twice as long each further time, up to an hour.
    #[arg(long, value_name = "DURATION", default_value = "10s", requires = "retries")]
    retry_after: SignedDuration,
}

/// What a job runs after.
#[derive(Debug, Args)]
pub struct AfterArgs {
    /// Start it once these jobs have succeeded; if one of them does not, it ends too. Several by commas.
    #[arg(long, value_name = "EXECUTION", value_delimiter = ',')]
    after: Vec<ExecutionRef>,
    /// Start it once these jobs have ended, however they do.
    #[arg(long, value_name = "EXECUTION", value_delimiter = ',')]
    after_any: Vec<ExecutionRef>,
}

impl AfterArgs {
    /// The executions of a project that are meant.
    pub async fn of(&self, client: &Client, project: ProjectId) -> Result<Vec<wire::Dependency>, Error> {
        let succeeded = self.after.iter().map(|named| (named, wire::DependencyCondition::Succeeded));
        let ended = self.after_any.iter().map(|named| (named, wire::DependencyCondition::Ended));
        let mut after = Vec::new();
        for (named, condition) in succeeded.chain(ended) {
            let execution_id = named.of(client, project).await?.to_string();
            after.push(wire::Dependency { execution_id, condition: condition.into() });
        }
        Ok(after)
    }
}

/// After which failures a job is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RetryOn {
    /// The platform or the machine was at fault.
    Infrastructure,
    /// The command failed: an exit code, a signal, no such program.
    User,
    /// It ran longer than its timeout.
    Timeout,
}

impl From<RetryOn> for wire::ReasonClass {
    fn from(on: RetryOn) -> Self {
        match on {
            RetryOn::Infrastructure => Self::Infrastructure,
            RetryOn::User => Self::User,
            RetryOn::Timeout => Self::Timeout,
        }
    }
}

/// How urgent a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Priority {
    /// After all others, such as a sweep that may take days.
    Low,
    /// As most.
    Normal,
    /// Before all others, such as what somebody waits for.
    High,
}

impl From<Priority> for wire::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
        }
    }
}

impl LaunchArgs {
    /// The job of a command with the files of a commit; none means what the platform takes then.
    pub fn job(
        &self,
        command: Vec<String>,
        commit: Option<&CommitId>,
        params: BTreeMap<String, String>,
    ) -> wire::SubmitJobRequest {
        wire::SubmitJobRequest {
            project_id: String::new(),
            command,
            title: self.title(),
            commit: commit.map(ToString::to_string).unwrap_or_default(),
            tier: self.tier(),
            timeout: self.timeout(),
            grace: None,
            params,
            tags: self.tags(),
            priority: self.priority().into(),
            retry: self.retry(),
            after: Vec::new(),
            after_items: Vec::new(),
            env: self.env(),
        }
    }

    /// What to call it; empty where nothing was said, as everything here.
    pub fn title(&self) -> String {
        self.title.clone().unwrap_or_default()
    }

    /// What to run it on.
    pub fn tier(&self) -> String {
        self.tier.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// How long it may run.
    pub fn timeout(&self) -> Option<prost_types::Duration> {
        self.timeout.map(text::wire_duration)
    }

    /// The parameters that were given.
    pub fn params(&self) -> BTreeMap<String, String> {
        self.params.iter().cloned().collect()
    }

    /// The variables of its environment.
    pub fn env(&self) -> BTreeMap<String, String> {
        self.env.iter().cloned().collect()
    }

    /// Labels.
    pub fn tags(&self) -> Vec<String> {
        self.tags.iter().map(ToString::to_string).collect()
    }

    /// How urgent it is.
    pub fn priority(&self) -> wire::Priority {
        self.priority.map_or(wire::Priority::Unspecified, wire::Priority::from)
    }

    /// How often it is tried.
    pub fn retry(&self) -> Option<wire::RetryPolicy> {
        (self.retries > 0).then(|| wire::RetryPolicy {
            max_attempts: self.retries + 1,
            backoff: Some(text::wire_duration(self.retry_after)),
            classes: self.retry_on.iter().map(|on| wire::ReasonClass::from(*on).into()).collect(),
        })
    }
}

fn param(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn variable(text: &str) -> Result<(String, String), String> {
    if let Some((name, value)) = text.split_once('=') {
        return Ok((name.to_owned(), value.to_owned()));
    }
    match env::var(text) {
        Ok(value) => Ok((text.to_owned(), value)),
        Err(env::VarError::NotPresent) => Err("it is not set here: write NAME=VALUE".to_owned()),
        Err(env::VarError::NotUnicode(_)) => Err("its value here is no UTF-8".to_owned()),
    }
}
