//! Leases: one holder, a successor only after the counter stood still, and a
//! fence against whoever still believes.

use katonic_store::{StoreError, Transaction};

use crate::fixture::{Account, Fixture};

#[tokio::test]
async fn a_dead_holder_is_succeeded_at_a_higher_epoch() -> anyhow::Result<()> {
    let first = Fixture::new().await?;
    let epoch = first.store.lease("work").acquired().await.expect("nobody else wants it");
    let second = first.beside().await?;
    let contender = second.store.lease("work");
    assert_eq!(contender.held(), None);
    drop(first);
    let succeeded = contender.acquired().await.expect("the first is dead");
    assert!(succeeded > epoch);
    Ok(())
}

#[tokio::test]
async fn a_stale_holder_cannot_commit() -> anyhow::Result<()> {
    let first = Fixture::new().await?;
    let stale_lease = first.store.lease("work");
    let stale = stale_lease.acquired().await.expect("nobody else wants it");
    let second = first.beside().await?;
    let lease = second.store.lease("work");
    let Fixture { store, .. } = first;
    store.close().await;
    let epoch = lease.acquired().await.expect("the first gave it back");

    let accounts = &second.accounts;
    let admit = async |transaction: &mut Transaction, epoch, name: &str| {
        transaction.fence(&lease, epoch).await?;
        transaction.insert(accounts, Account::new(name), katonic_store::Fact("created"), None).await
    };
    let refused = second.store.transaction(async |transaction| admit(transaction, stale, "stale").await).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost { .. })), "{refused:?}");
    second.store.transaction(async |transaction| admit(transaction, epoch, "current").await).await?;
    Ok(())
}
