//! From commit to broker: in order, at least once, whatever fails in between.

use katonic_store::Version;

use crate::fixture::Fixture;

#[tokio::test]
async fn events_are_published_in_order_and_then_cleared() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let id = fixture.account("busy").await?;
    for _ in 0..30 {
        fixture.accounts.update(&id, |account| account.deposit(1)).await?;
    }
    let events = fixture.bus.facts(31).await;
    let ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
    let expected: Vec<_> = (1..=31).map(|sequence| format!("{id}.1.{sequence:020}")).collect();
    assert_eq!(ids, expected);
    assert_eq!(events[1].routing_key, format!("{id}.account.deposited"));
    fixture.drained(id).await
}

#[tokio::test]
async fn what_a_dead_process_committed_is_published_by_another() -> anyhow::Result<()> {
    let dying = Fixture::new().await?;
    dying.bus.set_stuck();
    let id = dying.account("orphan").await?;
    dying.accounts.update(&id, |account| account.deposit(1)).await?;
    let heir = dying.beside().await?;
    drop(dying);
    let events = heir.bus.facts(2).await;
    assert!(events[0].id < events[1].id, "{events:?}");
    heir.drained(id).await
}

/// The process dies with some events published and cleared, others not: the rest is as old as its oldest.
#[tokio::test]
async fn what_is_left_of_an_outbox_is_published_by_another() -> anyhow::Result<()> {
    let dying = Fixture::new().await?;
    dying.bus.set_down(true);
    let id = dying.account("half").await?;
    for _ in 0..2 {
        dying.accounts.update(&id, |account| account.deposit(1)).await?;
    }
    dying.bus.down_after(2);
    dying.waits(id, 1).await?;
    dying.accounts.update(&id, |account| account.deposit(1)).await?;
    let heir = dying.beside().await?;
    drop(dying);
    let sequences: Vec<_> = heir.bus.facts(2).await.iter().map(|event| event.id.clone()).collect();
    assert_eq!(sequences, [3, 4].map(|sequence: u64| format!("{id}.1.{sequence:020}")));
    heir.drained(id).await
}

#[tokio::test]
async fn an_unroutable_event_stays_until_the_topology_is_back() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    fixture.bus.return_next(1);
    let id = fixture.account("returned").await?;
    fixture.accounts.update(&id, |account| account.deposit(1)).await?;
    let events = fixture.bus.facts(2).await;
    assert!(events[0].id < events[1].id, "the first was overtaken: {events:?}");
    fixture.drained(id).await
}

#[tokio::test]
async fn events_outlast_a_broker_that_is_away() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    fixture.bus.set_down(true);
    let id = fixture.account("patient").await?;
    for _ in 0..5 {
        fixture.accounts.update(&id, |account| account.deposit(1)).await?;
    }
    let waiting = fixture.accounts.history(&id, Version::ZERO, 10).await?;
    assert_eq!(waiting.len(), 6, "an unpublished event is part of the history");
    fixture.bus.set_down(false);
    fixture.drained(id).await?;
    let ids: Vec<_> = fixture.bus.facts(6).await.into_iter().map(|event| event.id).collect();
    assert_eq!(ids, waiting.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn history_reads_on_from_a_version() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let id = fixture.account("long").await?;
    for _ in 0..9 {
        fixture.accounts.update(&id, |account| account.deposit(1)).await?;
    }
    fixture.drained(id).await?;
    let page = fixture.accounts.history(&id, Version::new(4), 3).await?;
    assert_eq!(page.iter().map(|entry| entry.sequence.get()).collect::<Vec<_>>(), [5, 6, 7]);
    Ok(())
}

#[tokio::test]
async fn closing_gives_events_under_way_a_chance() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    for n in 0..20 {
        fixture.account(&format!("a{n}")).await?;
    }
    let Fixture { store, accounts, bus, .. } = fixture;
    drop(accounts);
    store.close().await;
    assert_eq!(bus.published().len(), 20);
    Ok(())
}
