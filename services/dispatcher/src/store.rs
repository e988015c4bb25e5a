//! What the dispatcher keeps: executions (aggregates with events), members and
//! what they used (records without), numbers in a project, and one lease for admission.
//!
//! Every write goes through here or announces itself through [`Repository::announce`],
//! so that nobody has to ask the store whether something happened.

mod metered;
mod queue;
mod schedules;
mod series;

use std::sync::Arc;

use katonic_domain::{ExecutionId, MemberId, ProjectId, Tags};
use katonic_proto::aggregates::Aggregates;
use katonic_store::{
    Collection, Fact, Idempotency, Index, Insertion, Lease, Page, Record, Records, Store, StoreError, Stored, Walk, doc,
};

use self::{schedules::ScheduleName, series::Logged};
use crate::{
    changes::Changes,
    domain::{
        execution::{Execution, Number},
        member::Member,
        metered::Metered,
        policy::Policy,
        schedule::Schedule,
    },
    error::Error,
};

/// It was accepted.
pub const QUEUED: Fact = Fact("queued");
/// People call it otherwise.
pub const UPDATED: Fact = Fact("updated");
/// It was given its place.
pub const ADMITTED: Fact = Fact("admitted");
/// Its user code started.
pub const RUNNING: Fact = Fact("running");
/// A user asked it to stop.
pub const STOP_REQUESTED: Fact = Fact("stop_requested");
/// Its outcome is fixed.
pub const FINISHING: Fact = Fact("finishing");
/// An attempt failed and everything of it is kept; another one follows.
pub const RETRYING: Fact = Fact("retrying");
/// It reached its last phase.
pub const FINISHED: Fact = Fact("finished");

/// A schedule was made.
pub const CREATED: Fact = Fact("created");
/// It was due, and this became of it.
pub const TICKED: Fact = Fact("ticked");
/// It was taken away.
pub const DELETED: Fact = Fact("deleted");

/// Windows that one page looks through: it may be short where few are listed.
const MOST_WINDOWS: usize = 20;

/// More members than all tiers of an installation admit.
const MAX_HOLDING: usize = 65_536;
/// More members than the newest attempts of one execution have.
const MAX_MEMBERS: usize = 1024;

/// More tiers and limits than metadata keeps.
const MAX_POLICIES: usize = 65_536;

impl Record for Policy {
    type Id = String;

    const COLLECTION: &'static str = "policies";
    const ENTITY: &'static str = "policy";

    fn id(&self) -> String {
        self.id.clone()
    }
}

impl Record for Member {
    type Id = MemberId;

    const COLLECTION: &'static str = "members";
    const ENTITY: &'static str = "member";
    const INDEXES: &'static [Index] = &[Index::on(&["execution"]), Index::on(&["holding"])];

    fn id(&self) -> MemberId {
        self.id.clone()
    }
}

/// Which of a project's executions are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Those that have all of these.
    pub tags: Tags,
    /// The archived ones in the place of the others.
    pub archived: bool,
}

/// What the dispatcher keeps. Clones share it.
#[derive(Clone)]
pub struct Repository {
    store: Store,
    executions: Collection<Execution>,
    schedules: Collection<Schedule>,
    schedule_names: Records<ScheduleName>,
    members: Records<Member>,
    logged: Records<Logged>,
    metered: Records<Metered>,
    policies: Records<Policy>,
    lease: Lease,
    changes: Changes,
}

impl Repository {
    /// Opens the collections and begins to contend for the lease.
    pub async fn open(store: Store) -> Result<Self, StoreError> {
        let executions = store.collection().await?;
        let schedules = store.collection().await?;
        let schedule_names = store.records().await?;
        let members = store.records().await?;
        let logged = store.records().await?;
        let metered = store.records().await?;
        let policies = store.records().await?;
        let lease = store.lease("dispatch");
        let changes = Changes::default();
        Ok(Self { store, executions, schedules, schedule_names, members, logged, metered, policies, lease, changes })
    }

    /// Everything that has events, as those see it who project it elsewhere.
    pub fn aggregates(&self) -> Vec<Arc<dyn Aggregates>> {
        vec![Arc::new(self.executions.clone()), Arc::new(self.schedules.clone())]
    }

    /// The store itself, for transactions.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Executions.
    pub const fn executions(&self) -> &Collection<Execution> {
        &self.executions
    }

    /// Members.
    pub const fn members(&self) -> &Records<Member> {
        &self.members
    }

    /// What metadata says about tiers and limits.
    pub const fn policies(&self) -> &Records<Policy> {
        &self.policies
    }

    /// All of it.
    pub async fn all_policies(&self) -> Result<Vec<Policy>, StoreError> {
        self.policies.find(doc! {}, doc! {}, MAX_POLICIES).await
    }

    /// Who holds it admits and reconciles.
    pub const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// What was written in this process.
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Announces a write that was committed.
    pub fn announce(&self, id: ExecutionId) {
        self.changes.announce(id);
    }

    /// The next number in a project.
    pub async fn next_number(&self, project: ProjectId) -> Result<Number, StoreError> {
        self.store.numbers().take(number_key(project)).await.map(Number)
    }

    /// Accepts an execution.
    pub async fn insert(
        &self,
        execution: Execution,
        idempotency: Option<Idempotency>,
    ) -> Result<Insertion<Stored<Execution>>, StoreError> {
        let insertion = self.executions.insert(execution, QUEUED, idempotency).await?;
        self.announce(insertion.stored.state.id);
        Ok(insertion)
    }

    /// One execution.
    pub async fn execution(&self, id: ExecutionId) -> Result<Stored<Execution>, Error> {
        self.executions.get(&id).await?.ok_or(Error::NoExecution)
    }

    /// One member.
    pub async fn member(&self, id: &MemberId) -> Result<Member, Error> {
        self.members.get(id).await?.ok_or(Error::NoMember)
    }

    /// All members of an execution, in order of attempt and index.
    pub async fn members_of(&self, id: ExecutionId) -> Result<Vec<Member>, StoreError> {
        let filter = doc! {"state.execution": id.to_string()};
        let mut members = self.members.find(filter, doc! {}, MAX_MEMBERS).await?;
        members.sort_by(|a, b| (a.id.attempt, &a.id.role, a.id.index).cmp(&(b.id.attempt, &b.id.role, b.id.index)));
        Ok(members)
    }

    /// All members that take a place: the sum of them is the usage.
    pub async fn holding(&self) -> Result<Vec<Member>, StoreError> {
        self.members.find(doc! {"state.holding": true}, doc! {}, MAX_HOLDING).await
    }

    /// As [`Self::holding`], as a transaction sees it.
    pub async fn holding_in(&self, tx: &mut katonic_store::Transaction) -> Result<Vec<Member>, StoreError> {
        tx.find_records(&self.members, doc! {"state.holding": true}, MAX_HOLDING).await
    }

    /// A page of a project's executions, newest first: of all, where nothing is said.
    pub async fn page(
        &self,
        project: ProjectId,
        listed: Option<&Listed>,
        below: Option<u64>,
        size: usize,
    ) -> Result<Page<Stored<Execution>>, StoreError> {
        let below = match below {
            Some(below) => below,
            None => self.store.numbers().last(&number_key(project)).await? + 1,
        };
        let within = doc! {"state.project": project.to_string()};
        let mut found = Page { items: Vec::new(), next: Some(below) };
        for _ in 0..MOST_WINDOWS {
            let Some(below) = found.next.filter(|_| found.items.len() < size) else { break };
            let walk = Walk { within: within.clone(), key: "number", below, size };
            let page = self.executions.page(walk, |execution| execution.number.0).await?;
            found.next = page.next;
            found
                .items
                .extend(page.items.into_iter().filter(|one| listed.is_none_or(|listed| listed.takes(&one.state))));
        }
        if found.items.len() > size {
            found.items.truncate(size);
            found.next = found.items.last().map(|stored| stored.state.number.0);
        }
        Ok(found)
    }
}

impl Listed {
    /// Looked at here and not by the store, which walks a whole project once a filter has more than its index (W4).
    fn takes(&self, execution: &Execution) -> bool {
        let tags = execution.tags.texts();
        execution.archived == self.archived && self.tags.texts().iter().all(|tag| tags.contains(tag))
    }
}

/// The counter that numbers a project's executions.
pub fn number_key(project: ProjectId) -> String {
    format!("executions/{project}")
}
