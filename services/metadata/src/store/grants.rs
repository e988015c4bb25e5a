//! How roles in projects are found: by project, by party, and a party's
//! projects page by page.

use std::collections::HashMap;

use katonic_domain::{ProjectId, UserId};
use katonic_store::{Page, StoreError, Stored, doc};

use super::{List, Repository};
use crate::domain::{
    grant::{Grant, MOST_GRANTS, Place},
    organisation::{Organisation, Standing},
    party::Party,
    project::Project,
};

/// Organisations of one user that count.
const MOST_ORGANISATIONS: usize = 100;
/// Roles of one user that are told of at once: as ids they fit a message of 4 MiB.
const MOST_ROLES: usize = 100_000;

/// The parties that a user acts as, and what they are in each: themselves
/// first, then their organisations in order of id.
#[derive(Debug, Clone)]
pub struct Parties(Vec<(Party, Standing)>);

impl Parties {
    /// The parties themselves.
    pub fn all(&self) -> Vec<Party> {
        self.0.iter().map(|(party, _)| *party).collect()
    }

    /// What the user is in one of them.
    pub fn standing(&self, party: Party) -> Option<Standing> {
        self.0.iter().find(|(known, _)| *known == party).map(|(_, standing)| *standing)
    }
}

impl Repository {
    /// The parties that a user acts as.
    pub async fn parties(&self, user: UserId) -> Result<Parties, StoreError> {
        let filter = doc! {"state.members.user": user.to_string()};
        let found = self.organisations.find(filter, doc! {"_id": 1}, MOST_ORGANISATIONS).await?;
        let of = |organisation: Organisation| {
            let standing = organisation.standing(user).unwrap_or(Standing::Member);
            (Party::Organisation(organisation.id), standing)
        };
        let own = std::iter::once((Party::User(user), Standing::Owner));
        Ok(Parties(own.chain(found.into_iter().map(|stored| of(stored.state))).collect()))
    }

    /// The grant at a place, also one without a role.
    pub async fn grant(&self, place: Place) -> Result<Option<Stored<Grant>>, StoreError> {
        let Place { project, party } = place;
        self.grants.find_one(doc! {"state.project": project.to_string(), "state.party": party.to_string()}).await
    }

    /// The roles in a project.
    pub async fn grants_in(&self, project: ProjectId) -> Result<Vec<Grant>, StoreError> {
        let filter = doc! {"state.project": project.to_string(), "state.role": {"$exists": true}};
        // One more, so that whoever counts sees that there are too many.
        let found = self.grants.find(filter, doc! {"_id": 1}, MOST_GRANTS + 1).await?;
        Ok(found.into_iter().map(|stored| stored.state).collect())
    }

    /// The roles of parties in some projects.
    pub async fn grants_at(&self, projects: &[ProjectId], parties: &[Party]) -> Result<Vec<Grant>, StoreError> {
        let filter = doc! {
            "state.project": {"$in": texts(projects)},
            "state.party": {"$in": texts(parties)},
            "state.role": {"$exists": true},
        };
        let found = self.grants.find(filter, doc! {}, projects.len() * parties.len()).await?;
        Ok(found.into_iter().map(|stored| stored.state).collect())
    }

    /// Every role of parties.
    pub async fn grants_of(&self, parties: &[Party]) -> Result<Vec<Grant>, StoreError> {
        let filter = doc! {"state.party": {"$in": texts(parties)}, "state.role": {"$exists": true}};
        let found = self.grants.find(filter, doc! {}, MOST_ROLES).await?;
        Ok(found.into_iter().map(|stored| stored.state).collect())
    }

    /// A page of a party's grants, newest first, also those without a role.
    pub async fn page_of_grants(
        &self,
        party: Party,
        below: Option<u64>,
        size: usize,
    ) -> Result<Page<Stored<Grant>>, StoreError> {
        let walk = self.walk(List::Grants(party), doc! {"state.party": party.to_string()}, below, size).await?;
        self.grants.page(walk, |grant| grant.number).await
    }

    /// The projects of these ids, by id.
    pub async fn projects_by_id(&self, ids: &[ProjectId]) -> Result<HashMap<ProjectId, Stored<Project>>, StoreError> {
        let found = self.projects.find(doc! {"_id": {"$in": texts(ids)}}, doc! {}, ids.len()).await?;
        Ok(found.into_iter().map(|stored| (stored.state.id, stored)).collect())
    }
}

fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
