//! `katonic projects edit`, `archive` and `restore`.

use clap::Args;
use katonic_domain::Name;
use katonic_proto::metadata::v1::{
    ArchiveProjectRequest, GetProjectRequest, Project, RestoreProjectRequest, UpdateProjectRequest,
};
use prost_types::FieldMask;

use super::{Context, ShowArgs, answer};
use crate::{
    commands::Incomplete,
    exit::Exit,
    failure::Failure,
    project::{self, ProjectRef},
};

/// Arguments of `projects edit`.
#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = ["name", "description", "tags", "remove_tags"])]
#[command(after_help = "\
Example:
  katonic projects edit churn --description 'Who leaves, and why'")]
pub struct EditArgs {
    /// The project, by name or id.
    project: ProjectRef,
    /// Another name.
    #[arg(long)]
    name: Option<Name>,
    /// Another description.
    #[arg(long)]
    description: Option<String>,
    /// A tag more; repeat for others.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A tag less; repeat for others.
    #[arg(long = "remove-tag", value_name = "TAG")]
    remove_tags: Vec<String>,
}

/// Changes what was said and nothing that somebody else changed meanwhile.
pub(super) async fn edit(context: &Context, args: EditArgs) -> Result<Exit, Failure> {
    let project_id = project::find(&context.client, &args.project).await?.to_string();
    let present = context.client.get_project(GetProjectRequest { project_id: project_id.clone() }).await?;
    let present = present.project.ok_or(Incomplete("project"))?;
    let etag = present.etag.clone();
    let (project, paths) = edited(present, args);
    let request =
        UpdateProjectRequest { project_id, project: Some(project), update_mask: Some(FieldMask { paths }), etag };
    let response = context.client.update_project(request).await?;
    answer(context, response.project)
}

fn edited(mut project: Project, args: EditArgs) -> (Project, Vec<String>) {
    let mut paths = Vec::new();
    if let Some(name) = args.name {
        project.name = name.to_string();
        paths.push("name".to_owned());
    }
    if let Some(description) = args.description {
        project.description = description;
        paths.push("description".to_owned());
    }
    if !args.tags.is_empty() || !args.remove_tags.is_empty() {
        project.tags.extend(args.tags);
        project.tags.retain(|tag| !args.remove_tags.contains(tag));
        paths.push("tags".to_owned());
    }
    (project, paths)
}

pub(super) async fn archive(context: &Context, args: ShowArgs) -> Result<Exit, Failure> {
    let project_id = project::find(&context.client, &args.project).await?.to_string();
    let request = ArchiveProjectRequest { project_id, etag: String::new() };
    answer(context, context.client.archive_project(request).await?.project)
}

pub(super) async fn restore(context: &Context, args: ShowArgs) -> Result<Exit, Failure> {
    let project_id = project::find(&context.client, &args.project).await?.to_string();
    let request = RestoreProjectRequest { project_id, etag: String::new() };
    answer(context, context.client.restore_project(request).await?.project)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_and_go_beside_those_that_are_there() {
        let project = Project { tags: vec!["a".to_owned(), "b".to_owned()], ..Project::default() };
        let args = EditArgs {
            project: "churn".parse().expect("a name"),
            name: None,
            description: Some(String::new()),
            tags: vec!["c".to_owned()],
            remove_tags: vec!["a".to_owned()],
        };
        let (project, paths) = edited(project, args);
        assert_eq!(
            (project.tags, paths),
            (vec!["b".to_owned(), "c".to_owned()], vec!["description".to_owned(), "tags".to_owned()])
        );
    }
}
