//! What the tests of the use cases stand on.

use super::*;

/// A dispatcher without its edges: store, queue and a backend whose shims end at once.
pub(super) struct Bench {
    pub(super) repository: Repository,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tickets: Tickets,
    pub(super) waiting: WaitingRoom,
    pub(super) policies: Policies,
    pub(super) publisher: Arc<RecordingPublisher>,
    pub(super) epoch: Epoch,
    pub(super) config: StoreConfig,
    pub(super) source: Source,
    pub(super) project: ProjectId,
    _folder: Option<TempDir>,
}

impl Bench {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings {
            members: folder.path().join("members"),
            work: folder.path().join("work"),
            shim: "/bin/true".into(),
            path: "/usr/bin:/bin".into(),
            uids: Some(2_000_000..2_000_003),
        };
        let backend = Arc::new(ProcessBackend::open(settings).expect("opened"));
        Self { _folder: Some(folder), ..Self::over(backend).await }
    }

    /// On a backend that one brings along.
    pub(super) async fn over(backend: Arc<dyn Backend>) -> Self {
        let config = katonic_testkit::store::store().await.expect("a store").database();
        let publisher = RecordingPublisher::new();
        let installation = InstallationId::generate();
        let source = Source { installation, service: "dispatcher".into(), incarnation: 1 };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store =
            Store::connect(&config, source.clone(), publisher.clone(), Arc::clone(&clock)).await.expect("connected");
        let repository = Repository::open(store).await.expect("opened");
        let epoch = repository.lease().acquired().await.expect("ours");
        let tickets = Tickets::derive(b"test");
        let project = ProjectId::generate();
        let (waiting, policies) = (WaitingRoom::default(), Policies::new(repository.clone()));
        Self {
            waiting,
            policies,
            config,
            source,
            repository,
            backend,
            clock,
            tickets,
            publisher,
            epoch,
            project,
            _folder: None,
        }
    }

    pub(super) async fn submit(&self, tier: &str, max_running: u32) -> Execution {
        self.submit_as(tier, max_running, None).await.expect("accepted").stored.state
    }

    pub(super) async fn submit_as(
        &self,
        tier: &str,
        max_running: u32,
        idempotency: Option<Idempotency>,
    ) -> Result<crate::usecases::submit::Accepted, Error> {
        let pinned = spec(tier, max_running);
        let resolved = Resolved { tier: pinned.tier, input_commit: None, environment: pinned.environment };
        let submitter = Submitter { user: UserId::generate(), project: self.project };
        self.intake().accept(submitter, pin(form().check()?, resolved), idempotency).await
    }

    pub(super) fn intake(&self) -> Intake {
        Intake {
            repository: self.repository.clone(),
            waiting: self.waiting.clone(),
            policies: self.policies.clone(),
            backend: Arc::clone(&self.backend),
            clock: Arc::clone(&self.clock),
        }
    }

    pub(super) fn admission(&self, waiting: &WaitingRoom) -> Admission {
        Admission {
            repository: self.repository.clone(),
            waiting: waiting.clone(),
            policies: self.policies.clone(),
            backend: Arc::clone(&self.backend),
            tickets: self.tickets.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    pub(super) fn reads(&self) -> Reads {
        Reads {
            repository: self.repository.clone(),
            waiting: self.waiting.clone(),
            policies: self.policies.clone(),
            backend: Arc::clone(&self.backend),
            stopping: katonic_service::Shutdown::new(),
            clock: Arc::clone(&self.clock),
        }
    }

    /// Admits what fits, as a leader that has just read the queue; answers how many.
    pub(super) async fn admit(&self) -> usize {
        let waiting = WaitingRoom::default();
        waiting.replace(self.repository.queue().await.expect("read"));
        let admitted = self.admission(&waiting).batch(&mut BTreeMap::new(), self.epoch).await.expect("admitted");
        self.waiting.replace(self.repository.queue().await.expect("read"));
        admitted
    }

    pub(super) async fn admitted(&self) -> (Execution, MemberId) {
        let execution = self.submit("small", 10).await;
        self.admit().await;
        let member = self.repository.members_of(execution.id).await.expect("read").remove(0);
        (execution, member.id)
    }

    pub(super) async fn state(&self, execution: &Execution) -> Execution {
        self.repository.execution(execution.id).await.expect("read").state
    }

    pub(super) async fn claim(&self, id: &MemberId, digit: &str) -> Result<Execution, Error> {
        Claims::new(self.repository.clone()).claim(id, &self.tickets.of(id), &nonce(digit)).await
    }

    pub(super) fn reports(&self) -> Reports {
        Reports::new(self.repository.clone(), Arc::clone(&self.clock))
    }

    pub(super) fn ending(&self) -> Ending {
        Ending::new(self.repository.clone(), Arc::clone(&self.clock))
    }

    pub(super) fn stop(&self) -> Stop {
        Stop::new(self.repository.clone(), Arc::clone(&self.clock))
    }

    pub(super) fn outcome(&self, reason: Reason) -> Outcome {
        Outcome::without_exit(reason, self.clock.now())
    }

    pub(super) async fn facts(&self, execution: &Execution, count: usize) -> Vec<String> {
        let own = format!("{}.execution.", self.project);
        let subject = execution.id.to_string();
        let facts = self.publisher.facts_where(count, |event| event.id.starts_with(&subject)).await;
        facts.iter().map(|event| event.routing_key.trim_start_matches(&own).to_owned()).collect()
    }
}

/// A nonce of one digit.
pub(super) fn nonce(digit: &str) -> Nonce {
    digit.repeat(32).parse().expect("a nonce")
}
