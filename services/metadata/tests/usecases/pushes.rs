//! The document's side of a push (DESIGN W5) on the real store.

use katonic_domain::Clock;
use katonic_metadata::git::{
    Begun, Pushes, Recorded,
    files::{Head, PushId},
};

use crate::world::World;

#[tokio::test]
async fn a_push_is_one_event_with_its_heads_and_stale_readings_are_refused() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.user("ada", false).await?;
    let project = world.project(ada, "churn").await?.id;
    let pushes: &dyn Pushes = &world.repository;
    let (push, cut_off) = (PushId::generate(), PushId::generate());
    assert_eq!(pushes.begin(project, push, world.clock.now()).await?, Begun::Noted);
    pushes.begin(project, cut_off, world.clock.now()).await?;

    let seen = pushes.seen(project).await?.expect("there is such a project");
    let main = vec![Head { name: "refs/heads/main".to_owned(), commit: "a".repeat(40).parse()? }];
    assert_eq!(pushes.record(project, seen, vec![push], main.clone()).await?, Recorded::Done);
    assert_eq!(pushes.record(project, seen, vec![], Vec::new()).await?, Recorded::Moved);

    let stored = world.projects.get(project).await?;
    assert_eq!((stored.version.get(), stored.state.files.heads()), (2, main.as_slice()));
    world.bus.facts_where(1, |fact| fact.routing_key == format!("{project}.project.pushed")).await;

    world.clock.advance(60);
    let overdue = pushes.overdue(world.clock.now()).await?;
    assert_eq!(overdue.iter().map(|o| (o.project, o.pushes.clone())).collect::<Vec<_>>(), [(project, vec![cut_off])]);
    Ok(())
}

#[tokio::test]
async fn no_push_starts_in_an_archived_project_and_one_under_way_is_recorded() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.user("ada", false).await?;
    let project = world.project(ada, "churn").await?.id;
    let pushes: &dyn Pushes = &world.repository;
    let (early, late) = (PushId::generate(), PushId::generate());
    pushes.begin(project, early, world.clock.now()).await?;
    world.projects.archive(project, "").await?;
    assert_eq!(pushes.begin(project, late, world.clock.now()).await?, Begun::Archived);

    let seen = pushes.seen(project).await?.expect("there is such a project");
    let main = vec![Head { name: "refs/heads/main".to_owned(), commit: "a".repeat(40).parse()? }];
    assert_eq!(pushes.record(project, seen, vec![early], main).await?, Recorded::Done);
    world.projects.restore(project, "").await?;
    assert_eq!(pushes.begin(project, late, world.clock.now()).await?, Begun::Noted);
    Ok(())
}
