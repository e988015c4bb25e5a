//! A database of one's own, a bus that remembers and a clock that stands still.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use katonic_domain::{Clock, InstallationId, Timestamp, UserId};
use katonic_metadata::{
    domain::{project::NewProject, user::User},
    store::Repository,
    usecases::{access::Access, projects::Projects, tokens::Tokens},
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
    pub tokens: Tokens,
}

impl World {
    pub async fn new() -> anyhow::Result<Self> {
        let bus = RecordingPublisher::new();
        let clock = Arc::new(TestClock(Mutex::new(Timestamp::from_second(1_700_000_000)?)));
        let source =
            Source { installation: InstallationId::generate(), service: "metadata".to_owned(), incarnation: 1 };
        let store = Store::connect(&store().await?.database(), source, bus.clone(), clock.clone()).await?;
        let repository = Repository::open(store).await?;
        Ok(Self {
            access: Access::new(repository.clone()),
            projects: Projects::new(repository.clone(), clock.clone()),
            tokens: Tokens::new(repository.clone(), clock.clone()),
            repository,
            bus,
            clock,
        })
    }

    pub async fn user(&self, name: &str, admin: bool) -> anyhow::Result<UserId> {
        let id = UserId::generate();
        let user = User { id, name: name.to_owned(), admin, disabled: false, created_at: self.clock.now() };
        self.repository.users.insert(user, None).await?;
        Ok(id)
    }
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
    NewProject::check(name, String::new()).expect("a name")
}

pub fn key(digest: &str) -> Option<Idempotency> {
    Some(Idempotency { digest: digest.to_owned(), body_hash: "same".to_owned() })
}
