//! The limits in force, from the rows that metadata's list left here. Kept for
//! a moment, so that a burst of submits reads them once; a change that arrives
//! in this process is felt at once, one that another replica took within `LIFE`.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use katonic_store::StoreError;
use tokio::sync::Mutex;

use crate::{
    domain::{
        limits::Limits,
        policy::{self, Policy, Seen},
    },
    error::Error,
    store::Repository,
};

/// How long they are kept.
const LIFE: Duration = Duration::from_secs(2);

/// The limits in force. Clones share them.
#[derive(Clone)]
pub struct Policies {
    repository: Repository,
    kept: Arc<Mutex<Option<Kept>>>,
    taken: Arc<std::sync::Mutex<BTreeMap<String, Seen>>>,
}

/// Since when they are kept, and they.
type Kept = (Instant, Arc<Limits>);

impl Policies {
    /// Over what is kept.
    pub fn new(repository: Repository) -> Self {
        Self { repository, kept: Arc::default(), taken: Arc::default() }
    }

    /// The limits in force.
    pub async fn limits(&self) -> Result<Arc<Limits>, StoreError> {
        let mut kept = self.kept.lock().await;
        if let Some((read_at, limits)) = &*kept
            && read_at.elapsed() < LIFE
        {
            return Ok(Arc::clone(limits));
        }
        let limits = Arc::new(policy::limits(&self.repository.all_policies().await?));
        *kept = Some((Instant::now(), Arc::clone(&limits)));
        Ok(limits)
    }

    /// Takes what metadata says, if it is newer than what is known. Answers whether it was.
    pub async fn take(&self, said: Policy) -> Result<bool, Error> {
        if self
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&said.id)
            .is_some_and(|seen| *seen >= said.seen)
        {
            return Ok(false);
        }
        let policies = self.repository.policies();
        match policies.insert(said.clone(), None).await {
            Ok(_) => {}
            Err(StoreError::Duplicate { .. }) => {
                let advance = |row: &mut Policy| {
                    row.advance(&said);
                    Ok::<_, Error>(())
                };
                policies.update(&said.id, advance).await?;
            }
            Err(error) => return Err(error.into()),
        }
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(said.id, said.seen);
        *self.kept.lock().await = None;
        Ok(true)
    }
}
