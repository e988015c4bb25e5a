//! Users: made once, disabled and enabled, never the last administrator.

use futures::future::join_all;
use katonic_domain::UserId;
use katonic_metadata::{domain::user::NewUser, error::Error};
use serde_json::Value;

use crate::world::{World, key};

fn new(name: &str) -> NewUser {
    NewUser::check(name, "Ada L.".to_owned(), false).expect("a name")
}

#[tokio::test]
async fn a_name_is_one_users_and_a_replay_answers_them() -> anyhow::Result<()> {
    let world = World::new().await?;
    let first = world.users.create(new("ada"), key("k")).await?;
    let again = world.users.create(new("ada"), key("k")).await?;
    assert!(again.replayed && again.stored.state.id == first.stored.state.id);
    assert!(matches!(world.users.create(new("ada"), None).await, Err(Error::UserExists)));
    let many = join_all((0..10).map(|_| world.users.create(new("bob"), None))).await;
    assert_eq!(many.iter().filter(|made| made.is_ok()).count(), 1);
    let page = world.users.page(None, 10).await?;
    assert_eq!(page.items.iter().map(|user| user.state.name.as_str()).collect::<Vec<_>>(), ["bob", "ada"]);
    Ok(())
}

#[tokio::test]
async fn a_disabled_user_is_told_to_the_world_by_id_only() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.users.create(new("ada"), None).await?.stored.state.id;
    assert!(world.users.set_disabled(ada, true).await?.disabled);
    assert!(world.users.set_disabled(ada, true).await?.disabled);
    assert!(!world.users.set_disabled(ada, false).await?.disabled);
    let published = world.bus.facts(3).await;
    let keys: Vec<_> = published.iter().map(|fact| fact.routing_key.as_str()).collect();
    assert_eq!(keys, ["_.user.created", "_.user.disabled", "_.user.enabled"]);
    for fact in &published {
        let event: Value = serde_json::from_str(&fact.body)?;
        assert_eq!(event["data"], serde_json::json!({ "userId": ada.to_string() }));
    }
    assert!(matches!(world.users.set_disabled(UserId::generate(), true).await, Err(Error::NotFound("user"))));
    Ok(())
}

#[tokio::test]
async fn two_administrators_cannot_disable_one_another_at_once() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (root, eve) = (world.user("root", true).await?, world.user("eve", true).await?);
    let disabled = join_all([root, eve].map(|user| world.users.set_disabled(user, true))).await;
    assert_eq!(disabled.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{disabled:?}");
    assert!(disabled.iter().any(|outcome| matches!(outcome, Err(Error::LastAdministrator))), "{disabled:?}");
    Ok(())
}
