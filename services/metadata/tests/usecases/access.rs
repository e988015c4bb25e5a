//! Decisions over what is kept, the first administrator, and launches.

use futures::future::join_all;
use katonic_domain::{Clock, ProjectId, UserId};
use katonic_metadata::{
    domain::decision::Decision,
    error::Error,
    git::Repositories,
    usecases::{
        bootstrap::{self, Administrator},
        launches::{Launches, Wanted},
        tiers::Tiers,
    },
};

use crate::world::World;

#[tokio::test]
async fn a_project_is_its_owners_and_hidden_from_others() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob, root) =
        (world.user("ada", false).await?, world.user("bob", false).await?, world.user("root", true).await?);
    let project = world.project(ada, "churn").await?.id.to_string();
    let nowhere = ProjectId::generate().to_string();
    for (who, action, object, decision) in [
        (ada, "execution.launch", project.as_str(), Decision::Allowed),
        (bob, "project.read", &project, Decision::Hidden),
        (root, "files.read", &project, Decision::Allowed),
        (root, "project.read", &nowhere, Decision::Hidden),
        (ada, "project.read", "prj_../../etc", Decision::Hidden),
        (ada, "project.create", "", Decision::Allowed),
        (ada, "subscription.create", "", Decision::Denied),
        (root, "subscription.create", "", Decision::Allowed),
        (root, "subscription.unheard_of", "", Decision::Denied),
        (UserId::generate(), "project.create", "", Decision::Hidden),
    ] {
        assert_eq!(world.access.check(who, action, object).await?, decision, "{who} {action} {object}");
    }
    Ok(())
}

#[tokio::test]
async fn the_first_administrator_is_made_once_however_often_we_start() -> anyhow::Result<()> {
    let world = World::new().await?;
    let hash = "0".repeat(64);
    let wanted = Administrator { name: &"admin".parse()?, token_sha256: &hash };
    let clock: &dyn Clock = world.clock.as_ref();
    for started in join_all((0..5).map(|_| bootstrap::ensure(&world.repository, clock, &wanted))).await {
        started?;
    }
    let admin = world.users.named(&"admin".parse()?).await?.expect("it was made");
    assert!(admin.admin);
    assert_eq!(world.tokens.page(admin.id, None, 10).await?.items.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_launch_pins_the_tier_and_refuses_what_is_not_there() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    let project = world.project(ada, "churn").await?.id;
    let tiers = Tiers::new(world.repository.clone(), world.clock.clone());
    tiers.seed(&[crate::tiers::seed("small", true)]).await?;
    let tier = tiers.for_launch("").await?;
    let folder = tempfile::tempdir()?;
    let repositories = Repositories::new(folder.path());
    let launches = Launches::new(world.access.clone(), tiers, repositories);
    let wanted = |user, tier: &str| Wanted { user, project, tier: tier.to_owned(), commit: None };

    let pinned = launches.resolve(wanted(ada, "")).await?;
    assert_eq!((pinned.tier, pinned.commit), (tier, None));
    assert!(matches!(launches.resolve(wanted(ada, "huge")).await, Err(Error::UnknownTier)));
    assert!(matches!(launches.resolve(wanted(bob, "")).await, Err(Error::NotFound("project"))));
    let unknown = Wanted { commit: Some("0".repeat(40).parse()?), ..wanted(ada, "") };
    assert!(matches!(launches.resolve(unknown).await, Err(Error::UnknownCommit)));
    world.projects.archive(project, "").await?;
    assert!(matches!(launches.resolve(wanted(ada, "")).await, Err(Error::ProjectArchived)));
    Ok(())
}
