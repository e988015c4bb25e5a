//! Projects: unique per owner, changed by whoever has seen them, told to the world.

use futures::future::join_all;
use katonic_domain::UserId;
use katonic_metadata::{
    domain::{decision::Role, party::Party, project::Edit},
    error::Error,
};
use katonic_proto::{json, metadata::v1 as pb};
use serde_json::Value;

use crate::world::{World, key, named, place};

fn renamed(name: &str) -> Edit {
    Edit::check(Some(name), None, None).expect("a name")
}

fn tagged(tags: &[&str]) -> Edit {
    Edit::check(None, None, Some(tags.iter().map(ToString::to_string).collect())).expect("tags")
}

#[tokio::test]
async fn a_name_is_taken_for_its_owner_only() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    world.project(ada, "churn").await?;
    world.project(bob, "churn").await?;
    let again = world.project(ada, "churn").await;
    assert!(matches!(again, Err(Error::ProjectExists)), "{again:?}");
    let other = world.project(ada, "other").await?.id;
    let taken = world.projects.edit(ada, other, &renamed("churn"), "").await;
    assert!(matches!(taken, Err(Error::ProjectExists)), "{taken:?}");
    Ok(())
}

#[tokio::test]
async fn many_creates_at_once_make_one() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.user("ada", false).await?;
    let unkeyed = join_all((0..20).map(|_| world.project(ada, "churn"))).await;
    assert_eq!(unkeyed.iter().filter(|made| made.is_ok()).count(), 1);
    let owner = Party::User(ada);
    let keyed = join_all((0..20).map(|_| world.projects.create(ada, owner, named("other"), key("k")))).await;
    let made = keyed.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(made.iter().filter(|insertion| !insertion.replayed).count(), 1);
    Ok(())
}

#[tokio::test]
async fn an_edit_needs_what_one_has_seen_and_a_new_name_an_owner() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    let project = world.project(ada, "churn").await?.id;
    world.grants.set(place(project, bob), Role::Contributor, "").await?;
    let edited = world.projects.edit(bob, project, &tagged(&["b", "a", "b"]), "g1").await?;
    assert_eq!(edited.state.tags.iter().collect::<Vec<_>>(), ["a", "b"]);
    assert!(matches!(world.projects.edit(bob, project, &tagged(&[]), "g1").await, Err(Error::Stale)));
    assert!(matches!(world.projects.edit(bob, project, &renamed("mine"), "").await, Err(Error::Denied)));
    assert!(world.projects.edit(bob, project, &renamed("churn"), "").await.is_ok());
    assert_eq!(world.projects.edit(ada, project, &renamed("mine"), "g2").await?.state.name.as_str(), "mine");
    world.projects.archive(project, "").await?;
    let archived = world.projects.edit(ada, project, &tagged(&[]), "").await;
    assert!(matches!(archived, Err(Error::ProjectArchived)), "{archived:?}");
    Ok(())
}

#[tokio::test]
async fn every_change_is_an_event_with_the_public_snapshot() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada: UserId = world.user("ada", false).await?;
    let id = world.project(ada, "churn").await?.id;
    world.projects.edit(ada, id, &tagged(&["a"]), "").await?;
    world.projects.archive(id, "").await?;
    world.projects.restore(id, "").await?;
    let of_project = world.bus.facts_where(4, |fact| fact.routing_key.starts_with(&id.to_string())).await;
    let facts: Vec<_> = of_project.iter().map(|fact| fact.routing_key.rsplit('.').next().unwrap_or("")).collect();
    assert_eq!(facts, ["created", "updated", "archived", "restored"]);
    assert_eq!(of_project[0].exchange, "katonic.metadata");
    let event: Value = serde_json::from_str(&of_project[2].body)?;
    assert_eq!(event["type"], "io.katonic.project.archived.v1");
    let project: pb::Project = json::from_value(event["data"].clone())?;
    assert_eq!((project.project_id, project.owner_id), (id.to_string(), ada.to_string()));
    assert_eq!((project.archived, project.tags), (true, vec!["a".to_owned()]));
    Ok(())
}
