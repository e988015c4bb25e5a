//! Tiers and limits over what is kept: seeded once, revised, one default.

use futures::future::join_all;
use katonic_domain::{Limit, LimitScope, UserId};
use katonic_metadata::{
    domain::tier::{Seed, Size, TierChange},
    error::Error,
    usecases::{limits::Limits, tiers::Tiers},
};

use crate::world::World;

/// A tier of two places.
pub fn seed(name: &str, default: bool) -> Seed {
    let size = Size {
        cpu_millis: 1_000,
        memory_bytes: 1 << 30,
        max_running: 2,
        price_micros_per_hour: 0,
        currency: String::new(),
    };
    Seed { name: name.parse().expect("a name"), default, size }
}

async fn seeded() -> anyhow::Result<(World, Tiers)> {
    let world = World::new().await?;
    let tiers = Tiers::new(world.repository.clone(), world.clock.clone());
    tiers.seed(&[seed("small", true), seed("large", false)]).await?;
    Ok((world, tiers))
}

#[tokio::test]
async fn the_configuration_is_taken_at_the_first_start_only() -> anyhow::Result<()> {
    let (_world, tiers) = seeded().await?;
    tiers.seed(&[seed("other", true)]).await?;
    let names: Vec<String> = tiers.all().await?.into_iter().map(|tier| tier.state.name.to_string()).collect();
    assert_eq!(names, ["large", "small"]);
    Ok(())
}

#[tokio::test]
async fn each_change_is_a_revision_that_is_found_again() -> anyhow::Result<()> {
    let (world, tiers) = seeded().await?;
    let name = "large".parse()?;
    let change = TierChange { max_running: Some(5), ..TierChange::default() };
    let changed = tiers.update(&name, "1", &change).await?;
    assert_eq!((changed.state.revision, changed.version.get(), changed.state.size.max_running), (2, 2, 5));
    assert!(matches!(tiers.update(&name, "1", &change).await, Err(Error::Stale)));
    assert_eq!(tiers.update(&name, "", &change).await?.state.revision, 2, "repeating is no change");
    let first = tiers.revision(&name, 1).await?;
    assert!(first.body.contains(r#""maxRunning":2"#), "{}", first.body);
    assert!(matches!(tiers.revision(&name, 3).await, Err(Error::NotFound(_))));
    tiers.retire(&name).await?;
    assert!(matches!(tiers.for_launch("large").await, Err(Error::TierRetired)));
    assert!(matches!(tiers.update(&name, "", &change).await, Err(Error::TierRetired)));
    let subject = changed.state.id.to_string();
    let facts = world.bus.facts_where(3, |event| event.id.starts_with(&subject)).await;
    let keys: Vec<&str> = facts.iter().map(|event| event.routing_key.as_str()).collect();
    assert_eq!(keys, ["_.tier.created", "_.tier.updated", "_.tier.retired"]);
    Ok(())
}

#[tokio::test]
async fn there_is_always_exactly_one_default() -> anyhow::Result<()> {
    let (_world, tiers) = seeded().await?;
    let default = TierChange { default: true, ..TierChange::default() };
    let (large, small) = ("large".parse()?, "small".parse()?);
    assert!(matches!(tiers.retire(&small).await, Err(Error::TierIsDefault)));
    let at_once = [&large, &small, &large, &small].map(|name| tiers.update(name, "", &default));
    for outcome in join_all(at_once).await {
        assert!(matches!(outcome, Ok(_) | Err(Error::Contended | Error::Store(_))), "{outcome:?}");
    }
    let defaults = tiers.all().await?.into_iter().filter(|tier| tier.state.default).count();
    assert_eq!(defaults, 1);
    let made = tiers.create(seed("third", true), None).await?;
    assert!(made.stored.state.default);
    assert_eq!(tiers.for_launch("").await?.name.as_str(), "third");
    assert!(matches!(tiers.create(seed("third", false), None).await, Err(Error::TierExists)));
    Ok(())
}

#[tokio::test]
async fn limits_are_set_as_a_whole_under_an_etag() -> anyhow::Result<()> {
    let world = World::new().await?;
    let limits = Limits::new(world.repository.clone(), world.clock.clone());
    limits.seed().await?;
    limits.seed().await?;
    assert_eq!(limits.page(None, 50).await?.items.len(), 3);
    let ada = LimitScope::User(world.user("ada", false).await?);
    let two = Limit { running: Some(2), queued: None };
    let set = join_all((0..4).map(|_| limits.set(ada, two, ""))).await;
    for outcome in set {
        assert_eq!(outcome?.state.generation, 1, "the same at once is one");
    }
    assert_eq!(limits.set(ada, Limit::default(), "1").await?.state.generation, 2);
    assert!(matches!(limits.set(ada, two, "1").await, Err(Error::Stale)));
    let nobody = LimitScope::User(UserId::generate());
    assert!(matches!(limits.set(nobody, two, "").await, Err(Error::NotFound(_))));
    Ok(())
}
