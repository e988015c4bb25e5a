//! Projects: unique per owner, listed newest first, told to the world.

use futures::future::join_all;
use katonic_metadata::error::Error;
use katonic_proto::{json, metadata::v1 as pb};
use serde_json::Value;

use crate::world::{World, key, named};

#[tokio::test]
async fn a_name_is_taken_for_its_owner_only() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    world.projects.create(ada, named("churn"), None).await?;
    world.projects.create(bob, named("churn"), None).await?;
    let again = world.projects.create(ada, named("churn"), None).await;
    assert!(matches!(again, Err(Error::ProjectExists)), "{again:?}");
    Ok(())
}

#[tokio::test]
async fn many_creates_at_once_make_one() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.user("ada", false).await?;
    let unkeyed = join_all((0..20).map(|_| world.projects.create(ada, named("churn"), None))).await;
    assert_eq!(unkeyed.iter().filter(|made| made.is_ok()).count(), 1);
    let keyed = join_all((0..20).map(|_| world.projects.create(ada, named("other"), key("k")))).await;
    let made = keyed.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(made.iter().filter(|insertion| !insertion.replayed).count(), 1);
    Ok(())
}

#[tokio::test]
async fn a_list_shows_ones_own_newest_first_page_by_page() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    for n in 0..7 {
        world.projects.create(ada, named(&format!("p{n}")), None).await?;
        world.projects.create(bob, named(&format!("p{n}")), None).await?;
    }
    let (mut names, mut below) = (Vec::new(), None);
    loop {
        let page = world.projects.page(ada, below, 3).await?;
        assert!(page.items.iter().all(|stored| stored.state.owner == ada));
        names.extend(page.items.iter().map(|stored| stored.state.name.to_string()));
        below = page.next;
        if below.is_none() {
            break;
        }
    }
    assert_eq!(names, ["p6", "p5", "p4", "p3", "p2", "p1", "p0"]);
    let found = world.projects.named(bob, &"p3".parse()?).await?;
    assert_eq!(found.items.iter().map(|stored| stored.state.owner).collect::<Vec<_>>(), [bob]);
    Ok(())
}

#[tokio::test]
async fn a_new_project_is_an_event_with_its_public_snapshot() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.user("ada", false).await?;
    let id = world.projects.create(ada, named("churn"), None).await?.stored.state.id;
    let published = world.bus.facts(1).await;
    assert_eq!(published[0].routing_key, format!("{id}.project.created"));
    assert_eq!(published[0].exchange, "katonic.metadata");
    let event: Value = serde_json::from_str(&published[0].body)?;
    assert_eq!(event["type"], "io.katonic.project.created.v1");
    let project: pb::Project = json::from_value(event["data"].clone())?;
    assert_eq!((project.project_id, project.owner_id), (id.to_string(), ada.to_string()));
    Ok(())
}
