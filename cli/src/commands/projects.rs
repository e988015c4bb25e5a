//! `katonic projects`.

mod edit;
mod members;

use clap::{Args, Subcommand};
use katonic_domain::Name;
use katonic_proto::metadata::v1::{
    CreateProjectRequest, GetProjectRequest, ListProjectsRequest, ListProjectsResponse, Project,
};

use super::{Context, Incomplete};
use crate::{
    client::IdempotencyKey,
    exit::Exit,
    failure::Failure,
    output::{fields, table},
    pages,
    party::{self, OrganisationRef},
    project::{self, ProjectRef},
    text,
};

/// What to do with projects.
#[derive(Debug, Subcommand)]
pub enum ProjectsCommand {
    /// List the projects that you may see, your own first.
    List(ListArgs),
    /// Make a project.
    Create(CreateArgs),
    /// Show a project.
    Show(ShowArgs),
    /// Change name, description or tags.
    Edit(edit::EditArgs),
    /// Keep a project for reading only: no launches, pushes or edits.
    Archive(ShowArgs),
    /// Take an archived project into use again.
    Restore(ShowArgs),
    /// List who has which role in a project.
    Members(members::MembersArgs),
    /// Give a user or an organisation a role in a project, in the place of the one they had.
    Share(members::ShareArgs),
    /// Take a user's or an organisation's role away.
    Unshare(members::UnshareArgs),
    /// Give a project to another user, or to an organisation that you own.
    Transfer(members::TransferArgs),
}

/// Arguments of `projects list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic projects list")]
pub struct ListArgs {
    /// How many to list.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// List the archived ones.
    #[arg(long)]
    archived: bool,
    /// List every project of the installation (administrators).
    #[arg(long)]
    all: bool,
}

/// Arguments of `projects create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic projects create churn --description 'Who leaves, and why'")]
pub struct CreateArgs {
    /// 1 to 63 of a-z, 0-9 and `-`.
    name: Name,
    /// What it is for.
    #[arg(long, default_value = "")]
    description: String,
    /// A tag; repeat for more.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// An organisation that is to own it, by name or id; you where unset.
    #[arg(long, value_name = "ORG")]
    organisation: Option<OrganisationRef>,
}

/// Arguments of `projects show`, `archive` and `restore`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic projects show churn")]
pub struct ShowArgs {
    /// The project, by name or id.
    project: ProjectRef,
}

/// Runs a command on projects.
pub async fn run(context: &Context, command: ProjectsCommand) -> Result<Exit, Failure> {
    match command {
        ProjectsCommand::List(args) => list(context, args).await,
        ProjectsCommand::Create(args) => create(context, args).await,
        ProjectsCommand::Show(args) => show(context, args).await,
        ProjectsCommand::Edit(args) => edit::edit(context, args).await,
        ProjectsCommand::Archive(args) => edit::archive(context, args).await,
        ProjectsCommand::Restore(args) => edit::restore(context, args).await,
        ProjectsCommand::Members(args) => members::members(context, args).await,
        ProjectsCommand::Share(args) => members::share(context, args).await,
        ProjectsCommand::Unshare(args) => members::unshare(context, args).await,
        ProjectsCommand::Transfer(args) => members::transfer(context, args).await,
    }
}

async fn list(context: &Context, args: ListArgs) -> Result<Exit, Failure> {
    let ListArgs { limit, archived, all } = args;
    let (projects, next_page_token) = pages::collect(limit, async |page_token| {
        let request = ListProjectsRequest { page_token, archived, all, ..Default::default() };
        let page = context.client.list_projects(request).await?;
        Ok::<_, Failure>((page.projects, page.next_page_token))
    })
    .await?;
    let all = ListProjectsResponse { projects, next_page_token };
    context.output.answer(&all, |all| {
        let row =
            |p: &Project| [p.name.clone(), p.project_id.clone(), p.tags.join(", "), text::time(p.create_time.as_ref())];
        let rows = all.projects.iter().map(row).collect();
        table(["NAME", "ID", "TAGS", "MADE"], rows, "There are no projects yet; `katonic run` makes the first one.")
    })?;
    Ok(Exit::OK)
}

async fn create(context: &Context, args: CreateArgs) -> Result<Exit, Failure> {
    let owner_id = match &args.organisation {
        Some(organisation) => party::organisation(&context.client, organisation).await?,
        None => String::new(),
    };
    let (name, description, tags) = (args.name.to_string(), args.description, args.tags);
    let request = CreateProjectRequest { name, description, tags, owner_id };
    let response = context.client.create_project(IdempotencyKey::generate(), request).await?;
    answer(context, response.project)
}

async fn show(context: &Context, args: ShowArgs) -> Result<Exit, Failure> {
    let project_id = project::find(&context.client, &args.project).await?.to_string();
    let response = context.client.get_project(GetProjectRequest { project_id }).await?;
    answer(context, response.project)
}

fn answer(context: &Context, project: Option<Project>) -> Result<Exit, Failure> {
    context.output.answer(&project.ok_or(Incomplete("project"))?, human)?;
    Ok(Exit::OK)
}

fn human(project: &Project) -> String {
    let mut lines = vec![
        ("name", project.name.clone()),
        ("id", project.project_id.clone()),
        ("owner", project.owner_id.clone()),
        ("description", project.description.clone()),
        ("tags", project.tags.join(", ")),
        ("state", if project.archived { "archived".to_owned() } else { String::new() }),
        ("made", text::time(project.create_time.as_ref())),
    ];
    lines.extend(project.heads.iter().map(|head| (head.r#ref.as_str(), head.commit.clone())));
    fields(&lines)
}
