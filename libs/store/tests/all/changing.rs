//! Changing: every fact exactly one sequence, nobody's change lost, bounds kept.

use futures::future::join_all;
use katonic_domain::ProjectId;
use katonic_store::{Fact, StoreError, Version};

use crate::fixture::Fixture;

#[tokio::test]
async fn concurrent_changes_are_all_kept_each_with_its_own_sequence() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let other = fixture.beside().await?;
    let id = fixture.account("shared").await?;
    let changes = (0..40).map(|n| {
        let accounts = if n % 2 == 0 { &fixture.accounts } else { &other.accounts };
        accounts.update(&id, |account| account.deposit(1))
    });
    for change in join_all(changes).await {
        change?;
    }
    let account = fixture.accounts.get(&id).await?.expect("it was made");
    assert_eq!((account.state.balance, account.version.get()), (40, 41));

    let history = fixture.accounts.history(&id, Version::ZERO, 100).await?;
    let sequences: Vec<u64> = history.iter().map(|entry| entry.sequence.get()).collect();
    assert_eq!(sequences, (1..=41).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn changes_without_an_event_leave_the_version_and_lose_nothing() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let id = fixture.account("quiet").await?;
    let changes = (0..20).map(|_| {
        fixture.accounts.update(&id, |account| {
            account.balance += 1;
            Ok::<_, StoreError>(None)
        })
    });
    for change in join_all(changes).await {
        change?;
    }
    let account = fixture.accounts.get(&id).await?.expect("it was made");
    assert_eq!((account.state.balance, account.version.get()), (20, 1));
    Ok(())
}

#[tokio::test]
async fn a_field_that_goes_away_is_unset() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let id = fixture.account("noted").await?;
    for note in [Some("a".to_owned()), None] {
        let account = fixture
            .accounts
            .update(&id, |account| {
                account.note.clone_from(&note);
                Ok::<_, StoreError>(Some(Fact("noted")))
            })
            .await?;
        assert_eq!(account.state.note, note);
    }
    Ok(())
}

#[tokio::test]
async fn a_full_outbox_refuses_commands_first_and_then_everything() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    fixture.bus.set_down(true);
    let id = fixture.account("waiting").await?;
    for _ in 1..48 {
        fixture.accounts.command(&id, |account| account.deposit(1)).await?;
    }
    let command = fixture.accounts.command(&id, |account| account.deposit(1)).await;
    assert!(matches!(command, Err(StoreError::OutboxFull { waiting: 48, .. })), "{command:?}");
    for _ in 48..64 {
        fixture.accounts.update(&id, |account| account.deposit(1)).await?;
    }
    let due = fixture.accounts.update(&id, |account| account.deposit(1)).await;
    assert!(matches!(due, Err(StoreError::OutboxFull { waiting: 64, .. })), "{due:?}");

    fixture.bus.set_down(false);
    fixture.drained(id).await?;
    fixture.accounts.command(&id, |account| account.deposit(1)).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_cannot_be_changed() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let change = fixture.accounts.update(&ProjectId::generate(), |account| account.deposit(1)).await;
    assert!(matches!(change, Err(StoreError::NotFound { entity: "account", .. })), "{change:?}");
    Ok(())
}
