//! `katonic projects share`, `unshare`, `members` and `transfer`.

use clap::{Args, ValueEnum};
use katonic_proto::metadata::v1::{
    DeleteGrantRequest, Grant, ListGrantsRequest, Role as WireRole, SetGrantRequest, TransferProjectRequest,
};

use super::{Context, answer};
use crate::{
    commands::Incomplete,
    exit::Exit,
    failure::Failure,
    output::{fields, table},
    party::{self, PartyRef},
    project::{self, ProjectRef},
    text,
};

/// Arguments of `projects members`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic projects members churn")]
pub struct MembersArgs {
    /// The project, by name or id.
    project: ProjectRef,
}

/// Arguments of `projects share`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic projects share churn ada --role launcher
  katonic projects share churn org:lab --role reader")]
pub struct ShareArgs {
    /// The project, by name or id.
    project: ProjectRef,
    /// With whom: a user's name, `org:NAME`, or an id.
    party: PartyRef,
    /// As what.
    #[arg(long, value_enum, default_value = "reader")]
    role: Role,
}

/// Arguments of `projects unshare`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic projects unshare churn ada")]
pub struct UnshareArgs {
    /// The project, by name or id.
    project: ProjectRef,
    /// With whom no more: a user's name, `org:NAME`, or an id.
    party: PartyRef,
}

/// Arguments of `projects transfer`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic projects transfer churn org:lab")]
pub struct TransferArgs {
    /// The project, by name or id.
    project: ProjectRef,
    /// Its new owner: a user's name, `org:NAME`, or an id.
    party: PartyRef,
}

/// What a user or organisation is in a project; each may do what those before it may.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Role {
    /// Sees the project and how its executions ended, neither files nor logs.
    ResultsConsumer,
    /// Reads files, executions and logs.
    Reader,
    /// Launches executions and stops its own.
    Launcher,
    /// Pushes, edits, stops any execution.
    Contributor,
    /// Grants, renames, archives, transfers.
    Owner,
}

impl From<Role> for WireRole {
    fn from(role: Role) -> Self {
        match role {
            Role::ResultsConsumer => Self::ResultsConsumer,
            Role::Reader => Self::Reader,
            Role::Launcher => Self::Launcher,
            Role::Contributor => Self::Contributor,
            Role::Owner => Self::Owner,
        }
    }
}

pub(super) async fn members(context: &Context, args: MembersArgs) -> Result<Exit, Failure> {
    let project_id = project::find(&context.client, &args.project).await?.to_string();
    let all = context.client.list_grants(ListGrantsRequest { project_id }).await?;
    context.output.answer(&all, |all| {
        let row = |grant: &Grant| [grant.party_id.clone(), role(grant), text::time(grant.update_time.as_ref())];
        table(["WHO", "ROLE", "SINCE"], all.grants.iter().map(row).collect(), "Nobody has a role here.")
    })?;
    Ok(Exit::OK)
}

pub(super) async fn share(context: &Context, args: ShareArgs) -> Result<Exit, Failure> {
    let request = SetGrantRequest {
        project_id: project::find(&context.client, &args.project).await?.to_string(),
        party_id: party::party(&context.client, &args.party).await?,
        role: WireRole::from(args.role).into(),
        etag: String::new(),
    };
    let response = context.client.set_grant(request).await?;
    context.output.answer(&response.grant.ok_or(Incomplete("grant"))?, human)?;
    Ok(Exit::OK)
}

pub(super) async fn unshare(context: &Context, args: UnshareArgs) -> Result<Exit, Failure> {
    let request = DeleteGrantRequest {
        project_id: project::find(&context.client, &args.project).await?.to_string(),
        party_id: party::party(&context.client, &args.party).await?,
        etag: String::new(),
    };
    let response = context.client.delete_grant(request).await?;
    context.output.answer(&response, |_| String::new())?;
    Ok(Exit::OK)
}

pub(super) async fn transfer(context: &Context, args: TransferArgs) -> Result<Exit, Failure> {
    let request = TransferProjectRequest {
        project_id: project::find(&context.client, &args.project).await?.to_string(),
        owner_id: party::party(&context.client, &args.party).await?,
        etag: String::new(),
    };
    let response = context.client.transfer_project(request).await?;
    answer(context, response.project)
}

fn role(grant: &Grant) -> String {
    text::words(grant.role().as_str_name().trim_start_matches("ROLE_"))
}

fn human(grant: &Grant) -> String {
    fields(&[("project", grant.project_id.clone()), ("who", grant.party_id.clone()), ("role", role(grant))])
}
