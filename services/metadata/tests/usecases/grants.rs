//! Roles: granted, changed, taken away, handed over with the project.

use futures::future::join_all;
use katonic_domain::UserId;
use katonic_metadata::{
    domain::{
        decision::{Decision, Role, Visible},
        grant::Place,
        organisation::Standing,
        party::Party,
    },
    error::Error,
    usecases::organisations::Change,
};
use serde_json::Value;

use crate::world::{World, place};

#[tokio::test]
async fn a_role_reaches_what_it_reaches_until_it_is_taken_away() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    let project = world.project(ada, "churn").await?.id;
    let decided = async |action| world.access.check(bob, action, &project.to_string()).await;
    for (role, most, least_not) in [
        (Role::ResultsConsumer, "execution.read", "log.read"),
        (Role::Reader, "log.read", "execution.launch"),
        (Role::Launcher, "execution.stop_own", "execution.stop"),
        (Role::Contributor, "files.write", "project.archive"),
        (Role::Owner, "grant.set", "user.disable"),
    ] {
        world.grants.set(place(project, bob), role, "").await?;
        assert_eq!(decided(most).await?, Decision::Allowed, "{role:?} {most}");
        assert_eq!(decided(least_not).await?, Decision::Denied, "{role:?} {least_not}");
    }
    world.grants.delete(place(project, bob), "").await?;
    world.grants.delete(place(project, bob), "").await?;
    assert_eq!(decided("project.read").await?, Decision::Hidden);
    assert!(matches!(world.grants.get(place(project, bob)).await, Err(Error::NotFound("grant"))));
    Ok(())
}

#[tokio::test]
async fn a_change_of_access_is_told_by_ids_only() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    let project = world.project(ada, "churn").await?.id;
    let grant = world.grants.set(place(project, bob), Role::Reader, "").await?;
    let published = world.bus.facts_where(1, |fact| fact.body.contains(&grant.id.to_string())).await;
    assert_eq!(published[0].routing_key, "_.access.changed");
    let event: Value = serde_json::from_str(&published[0].body)?;
    let ids = serde_json::json!({
        "grantId": grant.id.to_string(),
        "principalId": bob.to_string(),
        "projectId": project.to_string(),
    });
    assert_eq!(event["data"], ids);
    Ok(())
}

#[tokio::test]
async fn a_stale_etag_and_what_is_not_there_are_refused() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    let project = world.project(ada, "churn").await?.id;
    let bobs = place(project, bob);
    assert!(matches!(world.grants.set(bobs, Role::Reader, "g1").await, Err(Error::Stale)));
    world.grants.set(bobs, Role::Reader, "").await?;
    world.grants.set(bobs, Role::Launcher, "g1").await?;
    assert!(matches!(world.grants.set(bobs, Role::Reader, "g1").await, Err(Error::Stale)));
    assert!(matches!(world.grants.delete(bobs, "g1").await, Err(Error::Stale)));
    let nobody = world.grants.set(place(project, UserId::generate()), Role::Reader, "").await;
    assert!(matches!(nobody, Err(Error::UnknownParty("party_id"))));
    for refused in [
        world.grants.set(place(project, ada), Role::Reader, "").await.map(drop),
        world.grants.delete(place(project, ada), "").await,
    ] {
        assert!(matches!(refused, Err(Error::OwnerGrant)), "{refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn grants_of_the_same_role_at_once_are_one() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    let project = world.project(ada, "churn").await?.id;
    let granted = join_all((0..10).map(|_| world.grants.set(place(project, bob), Role::Reader, ""))).await;
    granted.into_iter().collect::<Result<Vec<_>, _>>()?;
    let roles: Vec<_> = world.grants.list(project).await?.iter().map(|grant| (grant.party, grant.role)).collect();
    assert_eq!(roles, [(Party::User(ada), Some(Role::Owner)), (Party::User(bob), Some(Role::Reader))]);
    Ok(())
}

#[tokio::test]
async fn a_project_goes_to_another_and_its_owner_stays_a_contributor() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    let lab = world.organisation(bob, "lab").await?;
    let project = world.project(ada, "churn").await?.id;
    let id = project.to_string();
    let to_lab = world.grants.transfer(ada, project, Party::Organisation(lab), "").await;
    assert!(matches!(to_lab, Err(Error::Denied)), "{to_lab:?}");
    assert!(matches!(world.grants.transfer(ada, project, Party::User(bob), "g9").await, Err(Error::Stale)));
    let given = world.grants.transfer(ada, project, Party::User(bob), "g1").await?;
    assert_eq!(given.owner, Party::User(bob));
    assert_eq!(world.access.check(ada, "files.write", &id).await?, Decision::Allowed);
    assert_eq!(world.access.check(ada, "grant.set", &id).await?, Decision::Denied);
    assert_eq!(world.access.check(bob, "grant.set", &id).await?, Decision::Allowed);
    world.grants.transfer(bob, project, Party::Organisation(lab), "").await?;
    assert_eq!(world.access.check(bob, "grant.set", &id).await?, Decision::Allowed);

    let same_name = world.project(ada, "other").await?.id;
    world.project(bob, "other").await?;
    let taken = world.grants.transfer(ada, same_name, Party::User(bob), "").await;
    assert!(matches!(taken, Err(Error::ProjectExists)), "{taken:?}");
    assert_eq!(world.projects.get(same_name).await?.state.owner, Party::User(ada));
    Ok(())
}

#[tokio::test]
async fn what_is_visible_is_what_a_check_allows() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob, root) =
        (world.user("ada", false).await?, world.user("bob", false).await?, world.user("root", true).await?);
    let lab = world.organisation(ada, "lab").await?;
    let (own, shared, through, hidden) = (
        world.project(bob, "own").await?.id,
        world.project(ada, "shared").await?.id,
        world.project(ada, "through").await?.id,
        world.project(ada, "hidden").await?.id,
    );
    world.grants.set(place(shared, bob), Role::ResultsConsumer, "").await?;
    world.grants.set(Place { project: through, party: Party::Organisation(lab) }, Role::Reader, "").await?;
    let member = Change { organisation: lab, user: bob, seen: "" };
    world.organisations.set_member(ada, member, Standing::Member).await?;

    for action in ["project.read", "log.read", "execution.launch"] {
        let Visible::Only(visible) = world.visibility.of(bob, action).await? else {
            anyhow::bail!("bob sees everything");
        };
        for project in [own, shared, through, hidden] {
            let allowed = world.access.check(bob, action, &project.to_string()).await? == Decision::Allowed;
            assert_eq!(visible.contains(&project), allowed, "{action} {project}");
        }
    }
    assert_eq!(world.visibility.of(root, "project.read").await?, Visible::All);
    world.users.set_disabled(bob, true).await?;
    for who in [bob, UserId::generate()] {
        assert_eq!(world.visibility.of(who, "project.read").await?, Visible::Only(Vec::new()));
    }
    Ok(())
}
