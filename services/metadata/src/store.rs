//! What metadata keeps, and how it is found.

mod grants;
mod pushes;

use std::sync::Arc;

use katonic_domain::{Name, ProjectId, TokenId, UserId};
use katonic_proto::aggregates::Aggregates;
use katonic_store::{Collection, Document, Page, Records, Store, StoreError, Stored, Walk, doc};

use crate::domain::{
    grant::Grant,
    limit::ScopeLimit,
    organisation::Organisation,
    party::Party,
    project::Project,
    subscription::Subscription,
    tier::Tier,
    token::Token,
    user::{Administrators, User},
};

/// Owners' names looked at for one project name: a user and the organisations that they are in.
const MOST_OF_ONE_NAME: usize = 200;

/// The collections. Clones share them.
#[derive(Clone)]
pub struct Repository {
    store: Store,
    /// Projects.
    pub projects: Collection<Project>,
    /// Tokens.
    pub tokens: Collection<Token>,
    /// Users.
    pub users: Collection<User>,
    /// Organisations.
    pub organisations: Collection<Organisation>,
    /// Roles in projects.
    pub grants: Collection<Grant>,
    /// Hardware tiers.
    pub tiers: Collection<Tier>,
    /// What may run and wait.
    pub limits: Collection<ScopeLimit>,
    /// The one record of who administers.
    pub administrators: Records<Administrators>,
    /// Broker subscriptions.
    pub subscriptions: Records<Subscription>,
}

impl Repository {
    /// Opens the collections.
    ///
    /// # Errors
    /// The store cannot be reached.
    pub async fn open(store: Store) -> Result<Self, StoreError> {
        let projects = store.collection().await?;
        let tokens = store.collection().await?;
        let users = store.collection().await?;
        let organisations = store.collection().await?;
        let grants = store.collection().await?;
        let tiers = store.collection().await?;
        let limits = store.collection().await?;
        let administrators = store.records().await?;
        let subscriptions = store.records().await?;
        Ok(Self { store, projects, tokens, users, organisations, grants, tiers, limits, administrators, subscriptions })
    }

    /// Everything that has events, as those see it who project it elsewhere.
    pub fn aggregates(&self) -> Vec<Arc<dyn Aggregates>> {
        vec![
            Arc::new(self.projects.clone()),
            Arc::new(self.tokens.clone()),
            Arc::new(self.users.clone()),
            Arc::new(self.organisations.clone()),
            Arc::new(self.grants.clone()),
            Arc::new(self.tiers.clone()),
            Arc::new(self.limits.clone()),
        ]
    }

    /// The store itself.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The next number of a list.
    pub async fn next_number(&self, list: List) -> Result<u64, StoreError> {
        self.store.numbers().take(list.key()).await
    }

    /// How many numbers of a list were ever taken.
    pub async fn last_number(&self, list: List) -> Result<u64, StoreError> {
        self.store.numbers().last(&list.key()).await
    }

    /// One project, if there is one.
    pub async fn project(&self, id: ProjectId) -> Result<Option<Stored<Project>>, StoreError> {
        self.projects.get(&id).await
    }

    /// The projects of a name that these parties own.
    pub async fn projects_named(&self, owners: &[Party], name: &Name) -> Result<Vec<Stored<Project>>, StoreError> {
        let owners: Vec<String> = owners.iter().map(ToString::to_string).collect();
        let filter = doc! {"state.owner": {"$in": owners}, "state.name": name.as_str()};
        self.projects.find(filter, doc! {"state.number": -1}, MOST_OF_ONE_NAME).await
    }

    /// A page of all projects, newest first.
    pub async fn all_projects(&self, below: Option<u64>, size: usize) -> Result<Page<Stored<Project>>, StoreError> {
        let walk = self.walk(List::Projects, doc! {}, below, size).await?;
        self.projects.page(walk, |project| project.number).await
    }

    /// One token, if there is one.
    pub async fn token(&self, id: TokenId) -> Result<Option<Stored<Token>>, StoreError> {
        self.tokens.get(&id).await
    }

    /// The token of a secret's hash, if there is one.
    pub async fn token_of_secret(&self, sha256: &str) -> Result<Option<Stored<Token>>, StoreError> {
        self.tokens.find_one(doc! {"state.secret_sha256": sha256}).await
    }

    /// A page of a user's tokens, newest first.
    pub async fn tokens_of(
        &self,
        user: UserId,
        below: Option<u64>,
        size: usize,
    ) -> Result<Page<Stored<Token>>, StoreError> {
        let walk = self.walk(List::Tokens(user), doc! {"state.user": user.to_string()}, below, size).await?;
        self.tokens.page(walk, |token| token.number).await
    }

    /// One user, if there is one.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.users.get(&id).await?.map(|stored| stored.state))
    }

    /// The user of a name, if there is one.
    pub async fn user_named(&self, name: &Name) -> Result<Option<User>, StoreError> {
        Ok(self.users.find_one(doc! {"state.name": name.as_str()}).await?.map(|stored| stored.state))
    }

    /// A page of the users, newest first.
    pub async fn users(&self, below: Option<u64>, size: usize) -> Result<Page<Stored<User>>, StoreError> {
        let walk = self.walk(List::Users, doc! {}, below, size).await?;
        self.users.page(walk, |user| user.number).await
    }

    /// The organisation of a name, if there is one.
    pub async fn organisation_named(&self, name: &Name) -> Result<Option<Organisation>, StoreError> {
        Ok(self.organisations.find_one(doc! {"state.name": name.as_str()}).await?.map(|stored| stored.state))
    }

    /// A page of the organisations, newest first.
    pub async fn organisations(
        &self,
        below: Option<u64>,
        size: usize,
    ) -> Result<Page<Stored<Organisation>>, StoreError> {
        let walk = self.walk(List::Organisations, doc! {}, below, size).await?;
        self.organisations.page(walk, |organisation| organisation.number).await
    }

    /// More are no menu that people choose from.
    pub const MAX_TIERS: usize = 256;

    /// All hardware tiers.
    pub async fn all_tiers(&self) -> Result<Vec<Stored<Tier>>, StoreError> {
        // One more than there can be, but for creates at once.
        self.tiers.find(doc! {}, doc! {}, 2 * Self::MAX_TIERS).await
    }

    /// A page of the limits, newest first.
    pub async fn limits_page(&self, below: Option<u64>, size: usize) -> Result<Page<Stored<ScopeLimit>>, StoreError> {
        let walk = self.walk(List::Limits, doc! {}, below, size).await?;
        self.limits.page(walk, |limit| limit.number).await
    }

    /// A page of the subscriptions, newest first.
    pub async fn subscriptions(&self, below: Option<u64>, size: usize) -> Result<Page<Subscription>, StoreError> {
        let walk = self.walk(List::Subscriptions, doc! {}, below, size).await?;
        self.subscriptions.page(walk, |subscription| subscription.number).await
    }

    async fn walk(&self, list: List, within: Document, below: Option<u64>, size: usize) -> Result<Walk, StoreError> {
        let below = match below {
            Some(below) => below,
            None => self.last_number(list).await? + 1,
        };
        Ok(Walk { within, key: "number", below, size })
    }
}

/// A list with numbers of its own.
#[derive(Debug, Clone, Copy)]
pub enum List {
    /// The installation's projects.
    Projects,
    /// The installation's users.
    Users,
    /// The installation's organisations.
    Organisations,
    /// The roles of a party.
    Grants(Party),
    /// A user's tokens.
    Tokens(UserId),
    /// The installation's limits.
    Limits,
    /// The installation's subscriptions.
    Subscriptions,
}

impl List {
    fn key(self) -> String {
        match self {
            Self::Projects => "projects".to_owned(),
            Self::Users => "users".to_owned(),
            Self::Organisations => "organisations".to_owned(),
            Self::Grants(party) => format!("grants/{party}"),
            Self::Tokens(user) => format!("tokens/{user}"),
            Self::Limits => "limits".to_owned(),
            Self::Subscriptions => "subscriptions".to_owned(),
        }
    }
}
