//! Several documents at once: all of them with their events, or none.

use futures::future::join_all;
use katonic_domain::TokenId;
use katonic_store::{Fact, Records, StoreError, Transaction};

use crate::fixture::{Account, Fixture, Ticket};

#[tokio::test]
async fn a_transfer_happens_on_both_sides_or_not_at_all() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let (from, to) = (fixture.account("from").await?, fixture.account("to").await?);
    let transfer = async |transaction: &mut Transaction| {
        transaction.update(&fixture.accounts, &from, |account| account.deposit(-1)).await?;
        transaction.update(&fixture.accounts, &to, |account| account.deposit(1)).await
    };
    for transferred in join_all((0..10).map(|_| fixture.store.transaction(transfer))).await {
        transferred?;
    }
    let refused = fixture
        .store
        .transaction(async |transaction| {
            transaction.update(&fixture.accounts, &from, |account| account.deposit(-1)).await?;
            Err::<(), _>(StoreError::IdempotencyKeyReused)
        })
        .await;
    assert!(refused.is_err());
    let balance = async |id| anyhow::Ok(fixture.accounts.get(id).await?.map(|account| account.state.balance));
    assert_eq!((balance(&from).await?, balance(&to).await?), (Some(-10), Some(10)));
    assert_eq!(fixture.bus.facts(22).await.len(), 22);
    Ok(())
}

#[tokio::test]
async fn a_record_and_an_aggregate_are_written_together() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let tickets: Records<Ticket> = fixture.store.records().await?;
    let ticket = Ticket { id: TokenId::generate(), used: false };
    tickets.insert(ticket.clone(), None).await?;
    let redeem = async |transaction: &mut Transaction| {
        transaction
            .update_record(&tickets, &ticket.id, |ticket| {
                if ticket.used {
                    return Err(StoreError::Duplicate { entity: "ticket" });
                }
                ticket.used = true;
                Ok(())
            })
            .await?;
        transaction.insert(&fixture.accounts, Account::new("redeemed"), Fact("created"), None).await
    };
    let redeemed = join_all((0..5).map(|_| fixture.store.transaction(redeem))).await;
    assert_eq!(redeemed.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{redeemed:?}");
    assert!(tickets.get(&ticket.id).await?.is_some_and(|ticket| ticket.used));
    Ok(())
}

/// Tonic's handlers need futures that may move between threads: then the work
/// owns what it uses.
#[tokio::test]
async fn a_transaction_may_run_in_a_spawned_task() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let id = fixture.account("spawned").await?;
    let (store, accounts) = (fixture.store.clone(), fixture.accounts.clone());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let work = async move |transaction: &mut Transaction| {
            transaction.update(&accounts, &id, |account| account.deposit(7)).await
        };
        store.transaction(work).await
    });
    let stored = tasks.join_next().await.expect("it was spawned")??;
    assert_eq!(stored.state.balance, 7);
    Ok(())
}
