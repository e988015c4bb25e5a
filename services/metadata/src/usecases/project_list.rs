//! Lists projects at the cost of a page (DESIGN W4): one's own and what was
//! shared with one, newest first, then those of each of one's organisations,
//! by walking the roles of one party after the other. A project that was
//! shown for an earlier party is not shown again.

use std::{collections::BTreeSet, fmt, str::FromStr};

use katonic_domain::{Name, ProjectId, UserId};
use katonic_service::fields;
use katonic_store::{Page, Stored};

use crate::{
    domain::{party::Party, project::Project},
    error::Error,
    store::Repository,
};

/// Parties that one page looks at: a page may be short and have a next one.
const PARTIES: usize = 8;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    party: Party,
    /// None: at the party's newest.
    below: Option<u64>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.below.map(fields::token).unwrap_or_default(), self.party)
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const NOT_OURS: &str = "is not from an earlier answer";
        let (below, party) = text.split_once('.').ok_or(NOT_OURS)?;
        let below = fields::place("page_token", below).map_err(|_| NOT_OURS)?;
        Ok(Self { party: party.parse().map_err(|_| NOT_OURS)?, below })
    }
}

/// Some projects, and where the next page begins.
#[derive(Debug)]
pub struct Listed {
    /// The projects.
    pub items: Vec<Stored<Project>>,
    /// None after the last page.
    pub next: Option<Cursor>,
}

/// Lists of projects.
#[derive(Clone)]
pub struct ProjectList {
    repository: Repository,
}

impl ProjectList {
    /// Over what is kept.
    pub const fn new(repository: Repository) -> Self {
        Self { repository }
    }

    /// A page of what a user may see, either in use or archived.
    ///
    /// # Errors
    /// The store's.
    pub async fn page(&self, user: UserId, from: Option<Cursor>, size: usize, archived: bool) -> Result<Listed, Error> {
        let parties = self.repository.parties(user).await?.all();
        let first = from.map_or(0, |from| parties.partition_point(|party| *party < from.party));
        let mut items = Vec::new();
        for (index, party) in parties.iter().enumerate().skip(first).take(PARTIES) {
            let below = from.filter(|from| from.party == *party).and_then(|from| from.below);
            let page = self.repository.page_of_grants(*party, below, size - items.len()).await?;
            let granted = page.items.iter().filter(|stored| stored.state.role.is_some());
            let ids: Vec<ProjectId> = granted.map(|stored| stored.state.project).collect();
            items.extend(self.shown(&ids, &parties[..index], archived).await?);
            if page.next.is_some() {
                return Ok(Listed { items, next: page.next.map(|below| Cursor { party: *party, below: Some(below) }) });
            }
            if items.len() >= size {
                let next = parties.get(index + 1).map(|party| Cursor { party: *party, below: None });
                return Ok(Listed { items, next });
            }
        }
        let next = parties.get(first + PARTIES).map(|party| Cursor { party: *party, below: None });
        Ok(Listed { items, next })
    }

    /// The projects of ids in their order, without those that were shown for an earlier party.
    async fn shown(&self, ids: &[ProjectId], earlier: &[Party], archived: bool) -> Result<Vec<Stored<Project>>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let seen: BTreeSet<ProjectId> = match earlier {
            [] => BTreeSet::new(),
            earlier => self.repository.grants_at(ids, earlier).await?.iter().map(|grant| grant.project).collect(),
        };
        let mut found = self.repository.projects_by_id(ids).await?;
        let fresh = ids.iter().filter(|id| !seen.contains(id)).filter_map(|id| found.remove(id));
        Ok(fresh.filter(|stored| stored.state.archived_at.is_some() == archived).collect())
    }

    /// The projects of a name that the user or an organisation of theirs owns, archived or not.
    ///
    /// # Errors
    /// The store's.
    pub async fn named(&self, user: UserId, name: &Name) -> Result<Vec<Stored<Project>>, Error> {
        let parties = self.repository.parties(user).await?.all();
        let mut found = self.repository.projects_named(&parties, name).await?;
        // One's own first.
        found.sort_by_key(|stored| stored.state.owner);
        Ok(found)
    }

    /// A page of every project, either in use or archived.
    ///
    /// # Errors
    /// The store's.
    pub async fn all(&self, below: Option<u64>, size: usize, archived: bool) -> Result<Page<Stored<Project>>, Error> {
        let mut page = self.repository.all_projects(below, size).await?;
        page.items.retain(|stored| stored.state.archived_at.is_some() == archived);
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use katonic_domain::OrganisationId;

    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_nothing_else_passes() {
        let organisation = Party::Organisation(OrganisationId::generate());
        for cursor in [
            Cursor { party: Party::User(UserId::generate()), below: Some(17) },
            Cursor { party: organisation, below: None },
        ] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for bad in ["", "p1", ".", "p1.", "p1.prj_x", "x.usr_01h455vb4pex5vsknk084sn02q"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad:?} was taken");
        }
    }
}
