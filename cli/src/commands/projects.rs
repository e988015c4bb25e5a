//! `katonic projects`.

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
    project::{self, ProjectRef},
    text,
};

/// What to do with projects.
#[derive(Debug, Subcommand)]
pub enum ProjectsCommand {
    /// List your projects, newest first.
    List(ListArgs),
    /// Make a project.
    Create(CreateArgs),
    /// Show a project.
    Show(ShowArgs),
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
}

/// Arguments of `projects show`.
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
        ProjectsCommand::List(args) => list(context, args.limit).await,
        ProjectsCommand::Create(args) => create(context, args).await,
        ProjectsCommand::Show(args) => show(context, args).await,
    }
}

async fn list(context: &Context, limit: usize) -> Result<Exit, Failure> {
    let (projects, next_page_token) = pages::collect(limit, async |page_token| {
        let page = context.client.list_projects(ListProjectsRequest { page_token, ..Default::default() }).await?;
        Ok::<_, Failure>((page.projects, page.next_page_token))
    })
    .await?;
    let all = ListProjectsResponse { projects, next_page_token };
    context.output.answer(&all, |all| {
        let row = |p: &Project| [p.name.clone(), p.project_id.clone(), text::time(p.create_time.as_ref())];
        let rows = all.projects.iter().map(row).collect();
        table(["NAME", "ID", "MADE"], rows, "You have no projects yet; `katonic run` makes the first one.")
    })?;
    Ok(Exit::OK)
}

async fn create(context: &Context, args: CreateArgs) -> Result<Exit, Failure> {
    let request = CreateProjectRequest { name: args.name.to_string(), description: args.description };
    let response = context.client.create_project(IdempotencyKey::generate(), request).await?;
    context.output.answer(&response.project.ok_or(Incomplete("project"))?, human)?;
    Ok(Exit::OK)
}

async fn show(context: &Context, args: ShowArgs) -> Result<Exit, Failure> {
    let project_id = project::find(&context.client, &args.project).await?.to_string();
    let response = context.client.get_project(GetProjectRequest { project_id }).await?;
    context.output.answer(&response.project.ok_or(Incomplete("project"))?, human)?;
    Ok(Exit::OK)
}

fn human(project: &Project) -> String {
    let mut lines = vec![
        ("name", project.name.clone()),
        ("id", project.project_id.clone()),
        ("owner", project.owner_id.clone()),
        ("description", project.description.clone()),
        ("made", text::time(project.create_time.as_ref())),
    ];
    lines.extend(project.heads.iter().map(|head| (head.r#ref.as_str(), head.commit.clone())));
    fields(&lines)
}
