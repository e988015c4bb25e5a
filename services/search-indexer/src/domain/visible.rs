//! What a reader may see: projects, what lies in projects, and events that
//! concern them.

use std::{collections::BTreeSet, sync::Arc};

use katonic_domain::{ProjectId, UserId};

/// Some projects, or all that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Projects {
    /// Every one, now and later.
    All,
    /// These.
    Some(Arc<BTreeSet<ProjectId>>),
}

impl Projects {
    /// Whether a project is among them.
    pub fn has(&self, project: ProjectId) -> bool {
        match self {
            Self::All => true,
            Self::Some(projects) => projects.contains(&project),
        }
    }
}

/// What a reader may see at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible {
    /// Who reads.
    pub reader: UserId,
    /// Whether they administer the installation.
    pub admin: bool,
    /// Projects that they may read themselves.
    pub projects: Projects,
    /// Projects whose executions, and what else lies in them, they may read.
    pub executions: Projects,
}

impl Visible {
    /// Whether they may see an event about `entity` that belongs to `project` and concerns `user`.
    pub fn shows(&self, entity: &str, project: Option<ProjectId>, user: Option<UserId>) -> bool {
        match project {
            Some(project) if entity == "project" => self.projects.has(project),
            Some(project) => self.executions.has(project),
            None => self.admin || user == Some(self.reader),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_shown_by_project_and_else_to_administrators_and_whom_they_concern() {
        let (reader, other) = (UserId::generate(), UserId::generate());
        let (own, header, foreign) = (ProjectId::generate(), ProjectId::generate(), ProjectId::generate());
        let only = |projects: &[ProjectId]| Projects::Some(Arc::new(projects.iter().copied().collect()));
        let some = Visible { reader, admin: false, projects: only(&[own, header]), executions: only(&[own]) };
        let all = Visible { reader, admin: true, projects: Projects::All, executions: Projects::All };
        for (entity, project, user, to_some) in [
            ("project", Some(own), None, true),
            ("execution", Some(own), Some(other), true),
            ("project", Some(header), None, true),
            ("execution", Some(header), None, false),
            ("project", Some(foreign), None, false),
            // Whom it concerns does not matter where there is a project.
            ("execution", Some(foreign), Some(reader), false),
            ("token", None, Some(reader), true),
            ("token", None, Some(other), false),
            ("token", None, None, false),
        ] {
            assert_eq!(some.shows(entity, project, user), to_some, "{entity} {project:?} {user:?}");
            assert!(all.shows(entity, project, user));
        }
    }
}
