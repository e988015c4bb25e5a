//! Tokens: shown once, good for what they say, until they end.

use std::{collections::BTreeSet, time::Duration};

use katonic_domain::{Scope, UserId};
use katonic_metadata::{
    domain::token::NewToken,
    error::Error,
    usecases::tokens::{Made, Maker},
};

use crate::world::{World, key, maker};

fn scopes(names: &[&str]) -> BTreeSet<Scope> {
    names.iter().map(|name| name.parse().expect("a scope")).collect()
}

fn new(lifetime_seconds: u64) -> NewToken {
    let lifetime = Some(Duration::from_secs(lifetime_seconds));
    NewToken::check("ci".to_owned(), &["projects:read".to_owned()], lifetime).expect("well-formed")
}

async fn make(world: &World, user: UserId) -> anyhow::Result<(Made, String)> {
    let made = world.tokens.create(&maker(user, &["*"]), new(600), None).await?;
    let secret = made.secret.as_ref().expect("shown once").expose().to_owned();
    Ok((made, secret))
}

#[tokio::test]
async fn a_secret_lets_its_user_in_and_is_kept_nowhere() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.user("ada", false).await?;
    let (made, secret) = make(&world, ada).await?;
    let (user, token) = world.tokens.authenticate(&secret).await?;
    assert_eq!((user.id, token.id), (ada, made.token.state.id));
    assert_eq!(token.scopes, scopes(&["projects:read"]));
    assert!(!format!("{token:?}").contains(&secret));
    let published = world.bus.facts_where(1, |fact| fact.routing_key == "_.token.created").await;
    let body = &published[0].body;
    assert!(!body.contains(&secret) && !body.contains(&token.secret_sha256) && !body.contains("\"ci\""), "{body}");
    Ok(())
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_refused() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (_, secret) = make(&world, world.user("ada", false).await?).await?;
    let mut other = secret.clone();
    other.replace_range(5..6, if &secret[5..6] == "a" { "b" } else { "a" });
    for wrong in ["", "kat_", "garbage", &secret[1..], &format!("{secret}x"), &other] {
        let refused = world.tokens.authenticate(wrong).await;
        assert!(matches!(refused, Err(Error::TokenInvalid)), "{wrong:?}: {refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_token_ends_by_time_by_revocation_and_with_its_user() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.user("ada", false).await?;
    let (revoked, revoked_secret) = make(&world, ada).await?;
    let (_, secret) = make(&world, ada).await?;

    let first = world.tokens.revoke(ada, revoked.token.state.id).await?;
    world.clock.advance(1);
    let second = world.tokens.revoke(ada, revoked.token.state.id).await?;
    assert_eq!((first.state.revoked_at, first.version), (second.state.revoked_at, second.version));
    assert!(matches!(world.tokens.authenticate(&revoked_secret).await, Err(Error::TokenRevoked)));

    world.tokens.authenticate(&secret).await?;
    world.users.set_disabled(ada, true).await?;
    assert!(matches!(world.tokens.authenticate(&secret).await, Err(Error::TokenRevoked)));

    world.clock.advance(600);
    assert!(matches!(world.tokens.authenticate(&secret).await, Err(Error::TokenExpired)));
    Ok(())
}

#[tokio::test]
async fn a_replay_shows_no_secret() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.user("ada", false).await?;
    let first = world.tokens.create(&maker(ada, &["*"]), new(600), key("k")).await?;
    let again = world.tokens.create(&maker(ada, &["*"]), new(600), key("k")).await?;
    assert!(first.secret.is_some() && again.secret.is_none());
    assert_eq!(first.token.state.id, again.token.state.id);
    Ok(())
}

#[tokio::test]
async fn nobody_sees_ends_or_exceeds_what_is_not_theirs() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    let (made, secret) = make(&world, ada).await?;
    let id = made.token.state.id;
    assert!(matches!(world.tokens.get(bob, id).await, Err(Error::NotFound("token"))));
    assert!(matches!(world.tokens.revoke(bob, id).await, Err(Error::NotFound("token"))));
    assert!(world.tokens.page(bob, None, 10).await?.items.is_empty());
    let more = world.tokens.create(&maker(bob, &["logs:read"]), new(600), None).await;
    assert!(matches!(more, Err(Error::MoreThanHeld)));
    world.tokens.authenticate(&secret).await?;
    Ok(())
}

#[tokio::test]
async fn a_token_does_not_outlive_the_one_that_made_it_unless_an_administrator_does() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.user("ada", false).await?;
    let (made, _) = make(&world, ada).await?;
    let own = Maker { token: made.token.state.id, admin: false, ..maker(ada, &["*"]) };
    let longer = world.tokens.create(&own, new(601), None).await;
    assert!(matches!(longer, Err(Error::LongerThanHeld)));
    let unsaid = NewToken { lifetime: None, ..new(1) };
    let child = world.tokens.create(&own, unsaid, None).await?;
    assert_eq!(child.token.state.expires_at, made.token.state.expires_at);
    let administrator = Maker { admin: true, ..own };
    assert!(world.tokens.create(&administrator, new(601), None).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn an_administrator_makes_users_tokens_and_of_another_administrator_only_the_first() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (root, eve, ada) =
        (world.user("root", true).await?, world.user("eve", true).await?, world.user("ada", false).await?);
    let root = maker(root, &["*"]);
    for _ in 0..2 {
        let made = world.tokens.create_for(&root, ada, new(600), None).await?;
        assert_eq!(made.token.state.user, ada);
    }
    let first = world.tokens.create_for(&root, eve, new(600), key("first")).await?;
    assert!(first.secret.is_some());
    assert!(world.tokens.create_for(&root, eve, new(600), key("first")).await?.secret.is_none());
    let second = world.tokens.create_for(&root, eve, new(600), None).await;
    assert!(matches!(second, Err(Error::HigherRole)));
    assert!(world.tokens.create_for(&root, root.user, new(600), None).await.is_ok());
    let nobody = world.tokens.create_for(&root, UserId::generate(), new(600), None).await;
    assert!(matches!(nobody, Err(Error::NotFound("user"))));
    Ok(())
}
