//! Admits and reconciles while the lease is ours (X4). A holder that does not
//! know yet that it lost the lease is harmless: its admissions fail at the
//! fence, its ensures at the claim, its deletes name closed members only.

use std::{future::Future, time::Duration};

use katonic_service::Shutdown;
use katonic_store::Epoch;
use tracing::info;

use crate::store::Repository;

/// How often we look whether the lease is still ours; it ends by itself at two thirds of its term.
const LOOK: Duration = Duration::from_millis(500);

/// Runs `work` for as long as the lease is ours, again and again, until shutdown.
pub async fn lead<F>(repository: Repository, shutdown: Shutdown, work: impl Fn(Epoch, Shutdown) -> F)
where
    F: Future<Output = ()>,
{
    loop {
        let acquired = shutdown.run_until_cancelled(repository.lease().acquired()).await;
        let Some(Some(epoch)) = acquired else { return };
        info!(epoch = epoch.get(), "leading");
        let term = shutdown.child_token();
        tokio::join!(work(epoch, term.clone()), watch(&repository, epoch, &term));
        info!(epoch = epoch.get(), "no longer leading");
    }
}

/// Ends the term once the lease is not ours any more.
async fn watch(repository: &Repository, epoch: Epoch, term: &Shutdown) {
    while term.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        if repository.lease().held() != Some(epoch) {
            term.cancel();
        }
    }
}
