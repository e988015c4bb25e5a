//! Which project a folder belongs to.
//!
//! `--project` wins; else `.katonic.toml` in the folder or, inside a Git
//! working tree, above it up to the tree's root; else the folder's own name.
//! A project that is only named is made when it is first needed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use katonic_domain::{Name, ProjectId};
use katonic_proto::metadata::v1::{CreateProjectRequest, ListProjectsRequest, Project};
use serde::Deserialize;
use tonic::Code;

use crate::{
    client::{Client, IdempotencyKey},
    failure::Explain,
    rpc_error,
};

/// The file that ties a folder to a project.
const FILE: &str = ".katonic.toml";

/// Why the project is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is there and cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        #[source]
        /// Why.
        source: io::Error,
    },
    /// The file says something else than a project.
    #[error("{} does not say which project", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        #[source]
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// A folder whose name has no usable character.
    #[error("no project can be named after the folder {}", .0.display())]
    Unnamable(PathBuf),
    /// The platform refused.
    #[error(transparent)]
    Rpc(#[from] rpc_error::Error),
    /// It exists, and yet this user does not see it.
    #[error("there is no project `{0}` that you own")]
    Missing(Name),
}

impl Explain for Error {
    fn next_step(&self) -> String {
        match self {
            Self::Read { .. } => "make it readable, or name the project by --project".to_owned(),
            Self::Parse { .. } => "write a line such as `project = \"churn\"` and nothing else".to_owned(),
            Self::Unnamable(_) => "name the project by --project".to_owned(),
            Self::Rpc(error) => error.next_step(),
            Self::Missing(_) => "look at `katonic projects list`, or make it by `katonic projects create`".to_owned(),
        }
    }
}

/// A project as a person names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ProjectRef {
    /// By id.
    Id(ProjectId),
    /// By name, among one's own.
    Name(Name),
}

impl FromStr for ProjectRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // No name has a `_`, no id is without.
        if text.starts_with("prj_") {
            text.parse().map(Self::Id).map_err(|error| format!("{error}"))
        } else {
            text.parse().map(Self::Name).map_err(|error| format!("{error}"))
        }
    }
}

impl TryFrom<String> for ProjectRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FolderFile {
    project: ProjectRef,
}

/// The project of `folder`, an absolute path, unless one was `given`.
pub fn of_folder(given: Option<ProjectRef>, folder: &Path) -> Result<ProjectRef, Error> {
    if let Some(given) = given {
        return Ok(given);
    }
    for place in places(folder) {
        if let Some(found) = read(&place.join(FILE))? {
            return Ok(found);
        }
    }
    let name = folder.file_name().and_then(|name| Name::nearest(&name.to_string_lossy()));
    name.map(ProjectRef::Name).ok_or_else(|| Error::Unnamable(folder.to_owned()))
}

/// Whether a file ties `folder`, an absolute path, to a project.
pub fn ties(folder: &Path) -> bool {
    places(folder).iter().any(|place| place.join(FILE).exists())
}

/// The folder and what is above it up to the root of its Git working tree.
fn places(folder: &Path) -> Vec<&Path> {
    let root = folder.ancestors().position(|place| place.join(".git").exists());
    folder.ancestors().take(root.map_or(1, |above| above + 1)).collect()
}

fn read(path: &Path) -> Result<Option<ProjectRef>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
    };
    let file: FolderFile =
        toml::from_str(&text).map_err(|source| Error::Parse { path: path.to_owned(), source: Box::new(source) })?;
    Ok(Some(file.project))
}

/// The id of a project that is there.
pub async fn find(client: &Client, project: &ProjectRef) -> Result<ProjectId, Error> {
    match project {
        ProjectRef::Id(id) => Ok(*id),
        ProjectRef::Name(name) => by_name(client, name).await?.ok_or_else(|| Error::Missing(name.clone())),
    }
}

/// The id of a project, which is made if it is only a name so far. Two that
/// make it at once end up with the same one.
pub async fn find_or_create(client: &Client, project: &ProjectRef) -> Result<ProjectId, Error> {
    let ProjectRef::Name(name) = project else { return find(client, project).await };
    if let Some(id) = by_name(client, name).await? {
        return Ok(id);
    }
    let request = CreateProjectRequest { name: name.to_string(), ..CreateProjectRequest::default() };
    match client.create_project(IdempotencyKey::generate(), request).await {
        Ok(response) => response.project.as_ref().and_then(id_of).ok_or_else(|| Error::Missing(name.clone())),
        Err(error) if error.code() == Code::AlreadyExists => find(client, project).await,
        Err(error) => Err(error.into()),
    }
}

async fn by_name(client: &Client, name: &Name) -> Result<Option<ProjectId>, Error> {
    let mut request = ListProjectsRequest { name: name.to_string(), ..ListProjectsRequest::default() };
    loop {
        let page = client.list_projects(request.clone()).await?;
        if let Some(id) = page.projects.iter().find(|project| project.name == name.as_str()).and_then(id_of) {
            return Ok(Some(id));
        }
        if page.next_page_token.is_empty() {
            return Ok(None);
        }
        request.page_token = page.next_page_token;
    }
}

fn id_of(project: &Project) -> Option<ProjectId> {
    project.project_id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ProjectRef {
        ProjectRef::Name(text.parse().expect("a name"))
    }

    fn folder() -> tempfile::TempDir {
        tempfile::Builder::new().prefix("My Folder ").rand_bytes(0).tempdir_in(root()).expect("a folder")
    }

    fn root() -> PathBuf {
        tempfile::tempdir().expect("a folder").keep()
    }

    #[test]
    fn without_a_word_about_it_the_folder_names_the_project() {
        let folder = folder();
        assert_eq!(of_folder(None, folder.path()).expect("a name"), name("my-folder"));
        assert!(matches!(of_folder(None, Path::new("/")), Err(Error::Unnamable(_))));
    }

    #[test]
    fn the_file_outranks_the_name_and_the_flag_the_file() {
        let folder = folder();
        fs::write(folder.path().join(FILE), "project = \"churn\"\n").expect("a file");
        assert_eq!(of_folder(None, folder.path()).expect("a name"), name("churn"));
        assert_eq!(of_folder(Some(name("x")), folder.path()).expect("a name"), name("x"));
    }

    #[test]
    fn the_file_is_looked_for_up_to_the_root_of_the_working_tree() {
        let folder = folder();
        let deep = folder.path().join("tree/a/b");
        fs::create_dir_all(&deep).expect("folders");
        fs::write(folder.path().join(FILE), "project = \"outside\"\n").expect("a file");
        assert_eq!(of_folder(None, &deep).expect("a name"), name("b"));
        fs::create_dir(folder.path().join("tree/.git")).expect("a folder");
        assert_eq!(of_folder(None, &deep).expect("a name"), name("b"));
        fs::write(folder.path().join("tree").join(FILE), "project = \"inside\"\n").expect("a file");
        assert_eq!(of_folder(None, &deep).expect("a name"), name("inside"));
    }

    #[test]
    fn a_file_that_says_something_else_is_refused() {
        let folder = folder();
        for bad in ["", "project = 1", "project = \"Not A Name\"", "project = \"a\"\ncolour = 1", "project = \"prj_x\""]
        {
            fs::write(folder.path().join(FILE), bad).expect("a file");
            assert!(matches!(of_folder(None, folder.path()), Err(Error::Parse { .. })), "{bad:?} was taken");
        }
    }

    #[test]
    fn an_id_is_told_from_a_name() {
        let id = ProjectId::generate();
        assert_eq!(id.to_string().parse(), Ok(ProjectRef::Id(id)));
        assert_eq!("prj".parse(), Ok(name("prj")));
        assert!("prj_x".parse::<ProjectRef>().is_err());
    }
}
