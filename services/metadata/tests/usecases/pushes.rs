//! The document's side of a push (DESIGN W5) on the real store.

use katonic_domain::Clock;
use katonic_metadata::git::{
    Pushes, Recorded,
    files::{Head, PushId},
};

use crate::world::{World, named};

#[tokio::test]
async fn a_push_is_one_event_with_its_heads_and_stale_readings_are_refused() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.user("ada", false).await?;
    let project = world.projects.create(ada, named("churn"), None).await?.stored.state.id;
    let pushes: &dyn Pushes = &world.repository;
    let (push, cut_off) = (PushId::generate(), PushId::generate());
    pushes.begin(project, push, world.clock.now()).await?;
    pushes.begin(project, cut_off, world.clock.now()).await?;

    let seen = pushes.seen(project).await?.expect("there is such a project");
    let main = vec![Head { name: "refs/heads/main".to_owned(), commit: "a".repeat(40).parse()? }];
    assert_eq!(pushes.record(project, seen, vec![push], main.clone()).await?, Recorded::Done);
    assert_eq!(pushes.record(project, seen, vec![], Vec::new()).await?, Recorded::Moved);

    let stored = world.projects.get(project).await?;
    assert_eq!((stored.version.get(), stored.state.files.heads()), (2, main.as_slice()));
    let published = world.bus.facts(2).await;
    assert_eq!(published[1].routing_key, format!("{project}.project.pushed"));

    world.clock.advance(60);
    let overdue = pushes.overdue(world.clock.now()).await?;
    assert_eq!(overdue.iter().map(|o| (o.project, o.pushes.clone())).collect::<Vec<_>>(), [(project, vec![cut_off])]);
    Ok(())
}
