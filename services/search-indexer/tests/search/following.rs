//! Readers of the feed: where they go on, and what they are shown.

use anyhow::ensure;
use katonic_domain::{ExecutionId, ProjectId};
use katonic_search_indexer::{
    domain::Cursor,
    error::Error,
    usecases::follow::{Filter, Start},
};
use serde_json::json;

use crate::{
    harness::{World, admin, reader},
    owner::Thing,
};

async fn queued(world: &World, project: ProjectId) -> anyhow::Result<ExecutionId> {
    let id = ExecutionId::generate();
    let snapshot = json!({"executionId": id.to_string(), "projectId": project.to_string()}).to_string();
    world.owner.put(Thing { id, project, snapshot }).await?;
    Ok(id)
}

#[tokio::test]
async fn a_reader_goes_on_after_its_cursor_at_another_replica() -> anyhow::Result<()> {
    let world = World::start().await?;
    let project = ProjectId::generate();
    let (writer, other) = (world.replica("a").await?, world.replica("b").await?);
    let (writer, other) = tokio::select! {
        led = writer.leads() => { led?; (writer, other) }
        led = other.leads() => { led?; (other, writer) }
    };
    let mut ids = Vec::new();
    let mut steps = writer.follow(Start::Now, Filter::default(), admin()).await?;
    let mut cursor = None;
    for _ in 0..3 {
        let id = queued(&world, project).await?;
        writer.appender.append(world.owner.events(id).await?).await?;
        let (row, at) = steps.event().await?;
        ensure!(row.subject == id.to_string(), "{row:?}");
        cursor = cursor.or(Some(at));
        ids.push(id.to_string());
    }
    drop(steps);
    let cursor = cursor.expect("three events");
    let mut resumed = other.follow(Start::After(cursor), Filter::default(), admin()).await?;
    for id in &ids[1..] {
        ensure!(resumed.event().await?.0.subject == *id);
    }
    let mut from_start = other.follow(Start::First, Filter::default(), admin()).await?;
    ensure!(from_start.event().await?.0.subject == ids[0]);
    for gone in [Cursor { epoch: cursor.epoch + 1, ..cursor }, Cursor { n: 1_000, ..cursor }] {
        let refused = other.follower.start(Start::After(gone)).await;
        ensure!(matches!(refused, Err(Error::CursorGone | Error::Invalid { .. })), "{refused:?}");
    }
    writer.stop().await;
    other.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_reader_sees_only_what_it_may_and_wants_and_its_cursor_passes_the_rest() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (own, foreign) = (ProjectId::generate(), ProjectId::generate());
    let replica = world.replica("a").await?;
    replica.leads().await?;
    let mut shown = Vec::new();
    for n in 0..300 {
        let project = if n % 100 == 50 { own } else { foreign };
        let id = queued(&world, project).await?;
        replica.appender.append(world.owner.events(id).await?).await?;
        if project == own {
            shown.push(id.to_string());
        }
    }
    let mut steps = replica.follow(Start::First, Filter::default(), reader(&[own])).await?;
    for id in &shown {
        ensure!(steps.event().await?.0.subject == *id);
    }
    steps.passes(300).await?;
    // The store looks for the named project and aggregate, with the same outcome.
    let filter = Filter::new(Some(own), Vec::new(), shown[1].clone())?;
    let mut narrow = replica.follow(Start::First, filter, reader(&[own])).await?;
    ensure!(narrow.event().await?.0.subject == shown[1]);
    narrow.passes(300).await?;
    let nobody = Filter::new(Some(foreign), Vec::new(), String::new())?;
    replica.follow(Start::First, nobody, reader(&[own])).await?.passes(300).await?;
    let other_types = Filter::new(None, vec!["io.katonic.project.*".to_owned()], String::new())?;
    replica.follow(Start::First, other_types, admin()).await?.passes(300).await?;
    replica.stop().await;
    Ok(())
}
