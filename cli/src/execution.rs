//! Which execution a person means: its id, the beginning of its id, or its
//! number in a project.
//!
//! An id needs nobody; the rest is looked up in the project of `--project` or
//! of the folder that one stands in. What could mean two executions is refused
//! and both are named: a stop must never hit a neighbour.

use std::str::FromStr;

use clap::Args;
use katonic_domain::{ExecutionId, ProjectId};
use katonic_proto::dispatcher::v1::{Execution, ListJobsRequest};

use crate::{
    client::Client,
    commands::run::{NoFolder, current_folder},
    failure::Explain,
    pages,
    project::{self, ProjectRef},
    rpc_error,
};

/// How many of the newest jobs the beginning of an id is looked for in.
const LOOKED_AT: usize = 1000;
/// How many of those that fit are named.
const NAMED: usize = 5;

/// Which execution a command is about.
#[derive(Debug, Args)]
pub struct ExecutionArgs {
    /// The execution: `exe_…`, the beginning of that, or its number in the project.
    #[arg(value_name = "EXECUTION")]
    execution: ExecutionRef,
    /// The project that a number or a beginning is looked up in; this folder's where unset.
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectRef>,
}

/// Which executions a command is about, where it needs several.
#[derive(Debug, Args)]
pub struct ExecutionsArgs {
    /// The executions: each `exe_…`, the beginning of that, or its number in the project.
    #[arg(value_name = "EXECUTION", required = true, num_args = 2..=8)]
    executions: Vec<ExecutionRef>,
    /// The project that numbers and beginnings are looked up in; this folder's where unset.
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectRef>,
}

/// An execution as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionRef {
    /// By its id.
    Id(ExecutionId),
    /// By its number in a project.
    Number(u64),
    /// By the beginning of its id.
    Beginning(String),
}

/// Why a text names no execution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an execution is `exe_` and 26 characters, the beginning of that, or a number such as 12")]
pub struct NoExecutionName;

impl FromStr for ExecutionRef {
    type Err = NoExecutionName;

    fn from_str(text: &str) -> Result<Self, NoExecutionName> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        if let Ok(number) = text.parse::<u64>() {
            return if number > 0 { Ok(Self::Number(number)) } else { Err(NoExecutionName) };
        }
        let digits = text.strip_prefix("exe_").ok_or(NoExecutionName)?;
        let fits =
            (1..26).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if fits { Ok(Self::Beginning(text.to_owned())) } else { Err(NoExecutionName) }
    }
}

/// Why the execution is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no folder whose project could be meant.
    #[error(transparent)]
    NoFolder(#[from] NoFolder),
    /// The project is not known.
    #[error(transparent)]
    Project(#[from] project::Error),
    /// The platform refused.
    #[error(transparent)]
    Rpc(#[from] rpc_error::Error),
    /// No job of the project has that number.
    #[error("there is no job {number} in the project {project}")]
    NoNumber {
        /// The number.
        number: u64,
        /// Where it was looked for.
        project: ProjectId,
    },
    /// No newer job's id begins so.
    #[error("none of the newest {LOOKED_AT} jobs of the project {project} begins with `{beginning}`")]
    NoBeginning {
        /// The beginning.
        beginning: String,
        /// Where it was looked for.
        project: ProjectId,
    },
    /// More than one id begins so.
    #[error("`{beginning}` could be any of {}", candidates.join(", "))]
    Ambiguous {
        /// The beginning.
        beginning: String,
        /// Some of the ids that begin so.
        candidates: Vec<String>,
    },
}

impl Explain for Error {
    fn next_step(&self) -> String {
        match self {
            Self::NoFolder(error) => error.next_step(),
            Self::Project(error) => error.next_step(),
            Self::Rpc(error) => error.next_step(),
            Self::NoNumber { .. } => "look at `katonic jobs list`, or name another project by --project".to_owned(),
            Self::NoBeginning { .. } => "give the whole id, or name another project by --project".to_owned(),
            Self::Ambiguous { .. } => {
                "give one more character, or the number that `katonic jobs list` shows".to_owned()
            }
        }
    }
}

impl ExecutionRef {
    /// The id of the execution of a project that is meant.
    pub async fn of(&self, client: &Client, project: ProjectId) -> Result<ExecutionId, Error> {
        match self {
            Self::Id(id) => Ok(*id),
            Self::Number(number) => by_number(client, project, *number).await,
            Self::Beginning(text) => by_beginning(client, project, text).await,
        }
    }

    async fn resolve(&self, client: &Client, named: Option<&ProjectRef>) -> Result<ExecutionId, Error> {
        match self {
            Self::Id(id) => Ok(*id),
            other => other.of(client, looked_up_in(client, named).await?).await,
        }
    }
}

impl ExecutionArgs {
    /// The id of the execution that is meant.
    pub async fn resolve(&self, client: &Client) -> Result<ExecutionId, Error> {
        self.execution.resolve(client, self.project.as_ref()).await
    }
}

impl ExecutionsArgs {
    /// The ids of the executions that are meant, in their order.
    pub async fn resolve(&self, client: &Client) -> Result<Vec<ExecutionId>, Error> {
        let mut ids = Vec::new();
        for execution in &self.executions {
            ids.push(execution.resolve(client, self.project.as_ref()).await?);
        }
        Ok(ids)
    }
}

async fn looked_up_in(client: &Client, named: Option<&ProjectRef>) -> Result<ProjectId, Error> {
    let named = project::of_folder(named.cloned(), &current_folder()?)?;
    Ok(project::find(client, &named).await?)
}

async fn by_number(client: &Client, project: ProjectId, number: u64) -> Result<ExecutionId, Error> {
    let request = ListJobsRequest { project_id: project.to_string(), number, ..Default::default() };
    let page = client.list_jobs(request).await?;
    page.executions.first().and_then(id_of).ok_or(Error::NoNumber { number, project })
}

async fn by_beginning(client: &Client, project: ProjectId, beginning: &str) -> Result<ExecutionId, Error> {
    let (newest, _) = pages::collect(LOOKED_AT, async |page_token| {
        let request =
            ListJobsRequest { project_id: project.to_string(), page_token, page_size: 200, ..Default::default() };
        let page = client.list_jobs(request).await?;
        Ok::<_, rpc_error::Error>((page.executions, page.next_page_token))
    })
    .await?;
    only_one(project, beginning, newest.iter().filter_map(id_of))
}

fn only_one(project: ProjectId, beginning: &str, ids: impl Iterator<Item = ExecutionId>) -> Result<ExecutionId, Error> {
    let fitting: Vec<ExecutionId> = ids.filter(|id| id.to_string().starts_with(beginning)).take(NAMED).collect();
    let beginning = beginning.to_owned();
    match fitting.as_slice() {
        [] => Err(Error::NoBeginning { beginning, project }),
        [one] => Ok(*one),
        several => Err(Error::Ambiguous { beginning, candidates: several.iter().map(ToString::to_string).collect() }),
    }
}

fn id_of(execution: &Execution) -> Option<ExecutionId> {
    execution.execution_id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_numbers_and_beginnings_are_told_apart() {
        let id = ExecutionId::generate();
        assert_eq!(id.to_string().parse(), Ok(ExecutionRef::Id(id)));
        assert_eq!("12".parse(), Ok(ExecutionRef::Number(12)));
        assert_eq!("exe_01h4".parse(), Ok(ExecutionRef::Beginning("exe_01h4".to_owned())));
        for bad in ["", "0", "-1", "1.5", "exe_", "exe_01H4", "01h4", "prj_01h4", "exe_../x"] {
            assert_eq!(bad.parse::<ExecutionRef>(), Err(NoExecutionName), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_beginning_must_fit_one_execution_only() {
        let project = ProjectId::generate();
        let ids: Vec<ExecutionId> = (0..3).map(|_| ExecutionId::generate()).collect();
        let find = |beginning: &str| only_one(project, beginning, ids.iter().copied());
        assert_eq!(find(&ids[1].to_string()[..29]).expect("one"), ids[1]);
        assert!(matches!(find("exe_0"), Err(Error::Ambiguous { candidates, .. }) if candidates.len() == 3));
        assert!(matches!(find("exe_7"), Err(Error::NoBeginning { .. })));
    }
}
