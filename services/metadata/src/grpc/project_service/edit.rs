//! Reads a partial update (AIP-134): what the mask names, or without a mask
//! what is not empty.

use katonic_proto::metadata::v1 as pb;
use katonic_service::fields;
use tonic::Status;

use crate::{domain::project::Edit, grpc::invalid};

/// The edit, and the etag that its maker has seen.
///
/// # Errors
/// `INVALID_ARGUMENT` for a wrong field and for a path that there is not.
pub(super) fn read(request: pb::UpdateProjectRequest) -> Result<(Edit, String), Status> {
    let pb::UpdateProjectRequest { project_id, project, update_mask, etag } = request;
    let project = project.unwrap_or_default();
    if !project.project_id.is_empty() && project.project_id != project_id {
        return Err(fields::invalid("project.project_id", "is another than the path's"));
    }
    let mut masked = Masked::default();
    match update_mask {
        Some(mask) => mask.paths.iter().try_for_each(|path| masked.add(path))?,
        None => masked = Masked::not_empty(&project),
    }
    let seen = if etag.is_empty() { project.etag.clone() } else { etag };
    Ok((masked.take(project)?, seen))
}

#[derive(Default)]
struct Masked {
    name: bool,
    description: bool,
    tags: bool,
}

impl Masked {
    fn add(&mut self, path: &str) -> Result<(), Status> {
        match path {
            "name" => self.name = true,
            "description" => self.description = true,
            "tags" => self.tags = true,
            "*" => *self = Self { name: true, description: true, tags: true },
            _ => return Err(fields::invalid("update_mask", "names name, description, tags, or `*` for all of them")),
        }
        Ok(())
    }

    fn not_empty(project: &pb::Project) -> Self {
        Self {
            name: !project.name.is_empty(),
            description: !project.description.is_empty(),
            tags: !project.tags.is_empty(),
        }
    }

    fn take(&self, project: pb::Project) -> Result<Edit, Status> {
        let pb::Project { name, description, tags, .. } = project;
        let name = self.name.then_some(name.as_str());
        let (description, tags) = (self.description.then_some(description), self.tags.then_some(tags));
        Edit::check(name, description, tags).map_err(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(paths: Option<&[&str]>) -> Result<Edit, Status> {
        let project = pb::Project {
            name: "churn".to_owned(),
            tags: vec!["a".to_owned()],
            etag: "g1".to_owned(),
            ..Default::default()
        };
        let paths = paths.map(|paths| paths.iter().map(ToString::to_string).collect());
        let request = pb::UpdateProjectRequest {
            project: Some(project),
            update_mask: paths.map(|paths| prost_types::FieldMask { paths }),
            ..Default::default()
        };
        let (edit, seen) = read(request)?;
        assert_eq!(seen, "g1");
        Ok(edit)
    }

    #[test]
    fn a_mask_says_what_changes_and_without_one_what_is_there_does() {
        let all = edited(None).expect("a valid edit");
        assert_eq!((all.name.is_some(), all.description, all.tags.is_some()), (true, None, true));
        let some = edited(Some(&["description"])).expect("a valid edit");
        assert_eq!((some.name, some.description.as_deref(), some.tags), (None, Some(""), None));
        let whole = edited(Some(&["*"])).expect("a valid edit");
        assert!(whole.name.is_some() && whole.description.is_some() && whole.tags.is_some());
    }

    #[test]
    fn a_path_that_there_is_not_is_refused() {
        for path in ["owner_id", "archived", "", "name.first", "etag"] {
            assert!(edited(Some(&[path])).is_err(), "{path:?} was taken");
        }
    }
}
