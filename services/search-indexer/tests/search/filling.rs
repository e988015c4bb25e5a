//! Events into the feed: each once, in order, without a hole.

use std::collections::HashMap;

use anyhow::ensure;
use katonic_domain::{ExecutionId, ProjectId};
use katonic_search_indexer::{domain::FeedEvent, error::Error, store::FeedRow};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::json;

use crate::{
    harness::World,
    owner::{Owner, Thing},
};

/// Things with some events each.
async fn things(owner: &Owner, count: usize, changes: usize) -> anyhow::Result<Vec<ExecutionId>> {
    let project = ProjectId::generate();
    let mut ids = Vec::new();
    for _ in 0..count {
        let id = ExecutionId::generate();
        let snapshot =
            |n: usize| json!({"executionId": id.to_string(), "projectId": project.to_string(), "title": n.to_string()});
        owner.put(Thing { id, project, snapshot: snapshot(0).to_string() }).await?;
        for n in 1..=changes {
            owner.change(id, &snapshot(n)).await?;
        }
        ids.push(id);
    }
    Ok(ids)
}

fn must_be_whole(rows: &[FeedRow], ids: &[ExecutionId], events: usize) -> anyhow::Result<()> {
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (row, n) in rows.iter().zip(1..) {
        ensure!(row.n == n, "{} follows {n}", row.n);
        let sequence = last.entry(&row.subject).or_default();
        *sequence += 1;
        ensure!(row.id.ends_with(&format!(".1.{sequence:020}")), "{} is the {sequence}th of its subject", row.id);
    }
    ensure!(last.len() == ids.len(), "{} of {} subjects", last.len(), ids.len());
    ensure!(last.values().all(|count| *count == events), "{last:?}");
    Ok(())
}

#[tokio::test]
async fn every_event_is_there_once_in_order_whatever_was_lost_repeated_or_reordered() -> anyhow::Result<()> {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::start().await?;
    let ids = things(&world.owner, 12, 9).await?;
    let mut came: Vec<FeedEvent> = Vec::new();
    for id in &ids {
        let events = world.owner.events(*id).await?;
        // The last one comes: what is lost at the end is the resync's.
        came.extend(events.last().cloned());
        for event in events {
            let times = random.random_range(0..3);
            came.extend(std::iter::repeat_n(event, times));
        }
    }
    came.shuffle(&mut random);
    let replica = world.replica("a").await?;
    replica.leads().await?;
    for batch in came.chunks(random.random_range(1..40)) {
        let left_out = replica.appender.append(batch.to_vec()).await?;
        ensure!(left_out.is_empty(), "{left_out:?}");
    }
    must_be_whole(&replica.rows().await?, &ids, 10)?;
    replica.stop().await;
    world.owner.end().await;
    Ok(())
}

#[tokio::test]
async fn a_feed_that_was_begun_anew_is_filled_from_the_owners() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ids = things(&world.owner, 20, 3).await?;
    let replica = world.replica("a").await?;
    replica.leads().await?;
    // Metadata does not answer: what the dispatcher has is there nevertheless.
    let _unfinished = replica.resync.run().await;
    let fetched = replica.resync.entity("execution").await?;
    ensure!(fetched == 0 || fetched == 20, "{fetched}");
    must_be_whole(&replica.rows().await?, &ids, 4)?;
    ensure!(replica.resync.entity("execution").await? == 0, "nothing is left to fetch");
    replica.stop().await;
    Ok(())
}

#[tokio::test]
async fn events_whose_owner_does_not_answer_come_again_and_all_others_are_taken() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ids = things(&world.owner, 2, 3).await?;
    let (whole, holey) = (world.owner.events(ids[0]).await?, world.owner.events(ids[1]).await?);
    let replica = world.replica("a").await?;
    replica.leads().await?;
    world.owner.stop();
    let mut came = whole.clone();
    came.push(holey[3].clone());
    let left_out = replica.appender.append(came).await?;
    ensure!(left_out.keys().collect::<Vec<_>>() == [&ids[1].to_string()], "{left_out:?}");
    must_be_whole(&replica.rows().await?, &ids[..1], 4)?;
    replica.stop().await;
    Ok(())
}

#[tokio::test]
async fn only_the_holder_of_the_lease_writes_and_the_next_goes_on() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ids = things(&world.owner, 1, 3).await?;
    let events = world.owner.events(ids[0]).await?;
    let (first, second) = (world.replica("a").await?, world.replica("b").await?);
    let (leader, other) = tokio::select! {
        led = first.leads() => { led?; (first, second) }
        led = second.leads() => { led?; (second, first) }
    };
    leader.appender.append(events[..2].to_vec()).await?;
    let refused = other.appender.append(events.clone()).await;
    ensure!(matches!(refused, Err(Error::NotLeading)), "{refused:?}");
    leader.stop().await;
    other.leads().await?;
    other.appender.append(events).await?;
    must_be_whole(&other.rows().await?, &ids, 4)?;
    other.stop().await;
    Ok(())
}
