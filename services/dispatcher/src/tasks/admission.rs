//! Admits what waits, or ends what waits in vain: at once when something is
//! submitted or ends, or a place is freed.

use std::{collections::BTreeMap, time::Duration};

use katonic_domain::Name;
use katonic_service::Shutdown;
use katonic_store::Epoch;
use tracing::warn;

use crate::{
    domain::order::Turns,
    error::Error,
    metrics,
    usecases::{admit::Admission, give_up::GivingUp},
    waiting::WaitingRoom,
};

/// How often one looks, whatever was announced: limits may have been changed by another replica.
const LOOK: Duration = Duration::from_secs(2);
/// After a failure.
const PAUSE: Duration = Duration::from_millis(250);

/// Admits for one term of leadership.
#[derive(Clone)]
pub struct Admitting {
    /// Who gives places.
    pub admission: Admission,
    /// Who ends those that never get one.
    pub giving_up: GivingUp,
    /// The queue.
    pub waiting: WaitingRoom,
}

impl Admitting {
    /// Admits until the term ends. Whose turn it is is forgotten with it: at worst
    /// a lower priority is passed over once more as often, and a user among equals once.
    pub async fn run(self, epoch: Epoch, term: Shutdown) {
        let mut turns = BTreeMap::new();
        while !term.is_cancelled() {
            match self.round(epoch, &mut turns).await {
                Ok(true) => {}
                Ok(false) => {
                    let _ = term.run_until_cancelled(self.waiting.woken(LOOK)).await;
                }
                Err(error) => {
                    warn!(error = %katonic_service::runtime::chain(&error), "an admission failed and is repeated");
                    let _ = term.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                }
            }
        }
    }

    /// Ends some and admits one batch. Answers whether there may be more to do.
    async fn round(&self, epoch: Epoch, turns: &mut BTreeMap<Name, Turns>) -> Result<bool, Error> {
        let given_up = self.giving_up.round().await;
        let admitted = self.admission.batch(turns, epoch).await?;
        metrics::admitted(admitted);
        Ok(given_up + admitted > 0)
    }
}
