//! A database of one's own, a bus that remembers and a clock that stands still.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use katonic_domain::{Clock, InstallationId, OrganisationId, ProjectId, Timestamp, TokenId, UserId};
use katonic_metadata::{
    domain::{
        grant::Place,
        organisation::NewOrganisation,
        party::Party,
        project::{NewProject, Project},
        user::NewUser,
    },
    error::Error,
    store::Repository,
    usecases::{
        access::Access,
        grants::Grants,
        organisations::Organisations,
        project_list::ProjectList,
        projects::Projects,
        tokens::{Maker, Tokens},
        users::Users,
        visibility::Visibility,
    },
};
use katonic_proto::envelope::Source;
use katonic_store::{Idempotency, Store};
use katonic_testkit::{publisher::RecordingPublisher, store::store};

pub struct World {
    pub repository: Repository,
    pub bus: Arc<RecordingPublisher>,
    pub clock: Arc<TestClock>,
    pub access: Access,
    pub projects: Projects,
    pub list: ProjectList,
    pub grants: Grants,
    pub organisations: Organisations,
    pub users: Users,
    pub tokens: Tokens,
    pub visibility: Visibility,
}

impl World {
    pub async fn new() -> anyhow::Result<Self> {
        let bus = RecordingPublisher::new();
        let clock = Arc::new(TestClock(Mutex::new(Timestamp::from_second(1_700_000_000)?)));
        let source =
            Source { installation: InstallationId::generate(), service: "metadata".to_owned(), incarnation: 1 };
        let store = Store::connect(&store().await?.database(), source, bus.clone(), clock.clone()).await?;
        let repository = Repository::open(store).await?;
        let access = Access::new(repository.clone());
        Ok(Self {
            projects: Projects::new(repository.clone(), access.clone(), clock.clone()),
            access,
            list: ProjectList::new(repository.clone()),
            grants: Grants::new(repository.clone(), clock.clone()),
            organisations: Organisations::new(repository.clone(), clock.clone()),
            users: Users::new(repository.clone(), clock.clone()),
            tokens: Tokens::new(repository.clone(), clock.clone()),
            visibility: Visibility::new(repository.clone()),
            repository,
            bus,
            clock,
        })
    }

    pub async fn user(&self, name: &str, admin: bool) -> anyhow::Result<UserId> {
        let new = NewUser::check(name, String::new(), admin).expect("a name");
        Ok(self.users.create(new, None).await?.stored.state.id)
    }

    pub async fn project(&self, owner: UserId, name: &str) -> Result<Project, Error> {
        let made = self.projects.create(owner, Party::User(owner), named(name), None).await?;
        Ok(made.stored.state)
    }

    pub async fn organisation(&self, owner: UserId, name: &str) -> anyhow::Result<OrganisationId> {
        let new = NewOrganisation::check(name, String::new()).expect("a name");
        Ok(self.organisations.create(owner, new, None).await?.stored.state.id)
    }
}

/// The place of a user's role in a project.
pub fn place(project: ProjectId, user: UserId) -> Place {
    Place { project, party: Party::User(user) }
}

/// Somebody with a token that holds these scopes and has no end.
pub fn maker(user: UserId, scopes: &[&str]) -> Maker {
    let scopes = scopes.iter().map(|scope| scope.parse().expect("a scope")).collect();
    Maker { user, token: TokenId::generate(), admin: true, scopes }
}

pub struct TestClock(Mutex<Timestamp>);

impl TestClock {
    pub fn advance(&self, seconds: u64) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += Duration::from_secs(seconds);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn named(name: &str) -> NewProject {
    NewProject::check(name, String::new(), Vec::new()).expect("a name")
}

pub fn key(digest: &str) -> Option<Idempotency> {
    Some(Idempotency { digest: digest.to_owned(), body_hash: "same".to_owned() })
}
