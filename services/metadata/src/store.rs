//! What metadata keeps, and how it is found.

mod pushes;

use katonic_domain::{Name, ProjectId, TokenId, UserId};
use katonic_store::{Collection, Page, Records, Store, StoreError, Stored, Walk, doc};

use crate::domain::{project::Project, subscription::Subscription, token::Token, user::User};

/// Projects of one owner that are told of at once: as ids they fit a message of 4 MiB.
const MOST_OWNED: usize = 100_000;

/// The collections. Clones share them.
#[derive(Clone)]
pub struct Repository {
    store: Store,
    /// Projects.
    pub projects: Collection<Project>,
    /// Tokens.
    pub tokens: Collection<Token>,
    /// Users.
    pub users: Records<User>,
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
        let users = store.records().await?;
        let subscriptions = store.records().await?;
        Ok(Self { store, projects, tokens, users, subscriptions })
    }

    /// The store itself.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The next number of a list.
    pub async fn next_number(&self, list: List) -> Result<u64, StoreError> {
        self.store.numbers().take(list.key()).await
    }

    /// One project, if there is one.
    pub async fn project(&self, id: ProjectId) -> Result<Option<Stored<Project>>, StoreError> {
        self.projects.get(&id).await
    }

    /// The owner's project of a name, if there is one.
    pub async fn project_named(&self, owner: UserId, name: &Name) -> Result<Option<Stored<Project>>, StoreError> {
        self.projects.find_one(doc! {"state.owner": owner.to_string(), "state.name": name.as_str()}).await
    }

    /// A page of an owner's projects, newest first.
    pub async fn projects_of(
        &self,
        owner: UserId,
        below: Option<u64>,
        size: usize,
    ) -> Result<Page<Stored<Project>>, StoreError> {
        let walk = self.walk(List::Projects(owner), doc! {"state.owner": owner.to_string()}, below, size).await?;
        self.projects.page(walk, |project| project.number).await
    }

    /// Every project of an owner.
    pub async fn all_of(&self, owner: UserId) -> Result<Vec<Stored<Project>>, StoreError> {
        self.projects.find(doc! {"state.owner": owner.to_string()}, doc! {}, MOST_OWNED).await
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

    /// The user of a name, if there is one.
    pub async fn user_named(&self, name: &str) -> Result<Option<User>, StoreError> {
        self.users.find_one(doc! {"state.name": name}).await
    }

    /// A page of the subscriptions, newest first.
    pub async fn subscriptions(&self, below: Option<u64>, size: usize) -> Result<Page<Subscription>, StoreError> {
        let walk = self.walk(List::Subscriptions, doc! {}, below, size).await?;
        self.subscriptions.page(walk, |subscription| subscription.number).await
    }

    async fn walk(
        &self,
        list: List,
        within: katonic_store::Document,
        below: Option<u64>,
        size: usize,
    ) -> Result<Walk, StoreError> {
        let below = match below {
            Some(below) => below,
            None => self.store.numbers().last(&list.key()).await? + 1,
        };
        Ok(Walk { within, key: "number", below, size })
    }
}

/// A list with numbers of its own.
#[derive(Debug, Clone, Copy)]
pub enum List {
    /// An owner's projects.
    Projects(UserId),
    /// A user's tokens.
    Tokens(UserId),
    /// The installation's subscriptions.
    Subscriptions,
}

impl List {
    fn key(self) -> String {
        match self {
            Self::Projects(owner) => format!("projects/{owner}"),
            Self::Tokens(user) => format!("tokens/{user}"),
            Self::Subscriptions => "subscriptions".to_owned(),
        }
    }
}
