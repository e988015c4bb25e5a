//! Numbers and the walks over them.

use std::collections::BTreeSet;

use futures::future::join_all;
use katonic_store::{Fact, Walk, doc};

use crate::fixture::{Account, Fixture};

#[tokio::test]
async fn numbers_are_dense_and_never_given_twice() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let other = fixture.beside().await?;
    let (ours, theirs) = (fixture.store.numbers(), other.store.numbers());
    let take = async |key: &'static str| {
        let taken = join_all((0..60).map(|n| if n % 2 == 0 { ours.take(key) } else { theirs.take(key) })).await;
        taken.into_iter().collect::<Result<BTreeSet<u64>, _>>()
    };
    assert_eq!((ours.last("k").await?, ours.take("k").await?), (0, 1));
    assert_eq!(take("k").await?, (2..=61).collect());
    assert_eq!(ours.last("k").await?, 61);
    // Who first asks for a key at once with others may leave a gap.
    assert_eq!(take("new").await?.len(), 60);
    Ok(())
}

#[tokio::test]
async fn pages_walk_over_gaps_and_show_everything_once_newest_first() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let numbers: Vec<u64> = (1..=7).chain(90..=95).collect();
    for number in &numbers {
        let account = Account { number: *number, ..Account::new(&format!("n{number}")) };
        fixture.accounts.insert(account, Fact("created"), None).await?;
    }
    let (mut seen, mut below) = (Vec::new(), 96);
    loop {
        let walk = Walk { within: doc! {}, key: "number", below, size: 4 };
        let page = fixture.accounts.page(walk, |account| account.number).await?;
        assert!(page.items.len() <= 4);
        seen.extend(page.items.iter().map(|account| account.state.number));
        match page.next {
            Some(next) => below = next,
            None => break,
        }
    }
    assert_eq!(seen, numbers.into_iter().rev().collect::<Vec<_>>());
    Ok(())
}
