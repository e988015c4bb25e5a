//! Creating: once per id, per unique index and per Idempotency-Key.

use futures::future::join_all;
use katonic_domain::{ErrorKind, error::Classified};
use katonic_store::{Fact, Idempotency, StoreError};

use crate::fixture::{Account, Fixture};

fn key(body: &str) -> Option<Idempotency> {
    Some(Idempotency { digest: "of-key-1".to_owned(), body_hash: body.to_owned() })
}

#[tokio::test]
async fn one_key_fifty_times_at_once_makes_one() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let inserts = (0..50).map(|_| fixture.accounts.insert(Account::new("one"), Fact("created"), key("a")));
    let insertions = join_all(inserts).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(insertions.iter().filter(|insertion| !insertion.replayed).count(), 1);
    let first = &insertions[0].stored.state;
    assert!(insertions.iter().all(|insertion| insertion.stored.state.id == first.id));
    Ok(())
}

#[tokio::test]
async fn a_key_with_another_body_is_refused() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    fixture.accounts.insert(Account::new("one"), Fact("created"), key("a")).await?;
    let again = fixture.accounts.insert(Account::new("two"), Fact("created"), key("b")).await;
    assert!(matches!(again, Err(StoreError::IdempotencyKeyReused)), "{again:?}");
    Ok(())
}

#[tokio::test]
async fn a_replay_answers_the_present_state() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let made = fixture.accounts.insert(Account::new("one"), Fact("created"), key("a")).await?.stored;
    fixture.accounts.update(&made.state.id, |account| account.deposit(5)).await?;
    let again = fixture.accounts.insert(Account::new("one"), Fact("created"), key("a")).await?;
    assert!(again.replayed);
    assert_eq!((again.stored.state.balance, again.stored.version.get()), (5, 2));
    Ok(())
}

#[tokio::test]
async fn a_taken_name_is_refused_and_leaves_no_event() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    fixture.account("taken").await?;
    let second = fixture.accounts.insert(Account::new("taken"), Fact("created"), None).await;
    assert_eq!(second.expect_err("the name is taken").kind(), ErrorKind::AlreadyExists);
    let events = fixture.bus.facts(1).await;
    assert_eq!(events.len(), 1);
    Ok(())
}
