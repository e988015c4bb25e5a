//! Organisations: who is in one decides, and what one has its members have.

use katonic_domain::UserId;
use katonic_metadata::{
    domain::{
        decision::Decision,
        organisation::{NewOrganisation, Standing},
        party::Party,
    },
    error::Error,
    usecases::organisations::Change,
};

use crate::world::{World, named};

#[tokio::test]
async fn only_owners_administrators_and_the_leaving_decide_who_is_in_it() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob, eve) =
        (world.user("ada", false).await?, world.user("bob", false).await?, world.user("eve", false).await?);
    let root = world.user("root", true).await?;
    let lab = world.organisation(ada, "lab").await?;
    let change = |user: UserId| Change { organisation: lab, user, seen: "" };
    let organisations = &world.organisations;

    organisations.set_member(ada, change(bob), Standing::Member).await?;
    for outsider in [bob, eve] {
        let refused = organisations.set_member(outsider, change(eve), Standing::Owner).await;
        assert!(matches!(refused, Err(Error::Denied)), "{refused:?}");
    }
    assert!(matches!(organisations.remove_member(eve, change(bob)).await, Err(Error::Denied)));
    assert!(matches!(organisations.remove_member(ada, change(ada)).await, Err(Error::LastOwner)));
    organisations.remove_member(bob, change(bob)).await?;
    organisations.set_member(root, change(eve), Standing::Owner).await?;
    organisations.remove_member(ada, change(ada)).await?;
    assert_eq!(organisations.get(lab).await?.standing(eve), Some(Standing::Owner));

    let nobody = organisations.set_member(eve, change(UserId::generate()), Standing::Member).await;
    assert!(matches!(nobody, Err(Error::UnknownParty("user_id"))));
    let stale = Change { seen: "g1", ..change(bob) };
    assert!(matches!(organisations.set_member(eve, stale, Standing::Member).await, Err(Error::Stale)));
    let new = NewOrganisation::check("lab", String::new()).expect("a name");
    assert!(matches!(organisations.create(bob, new, None).await, Err(Error::OrganisationExists)));
    Ok(())
}

#[tokio::test]
async fn what_an_organisation_owns_its_members_contribute_to_until_they_leave() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob, eve) =
        (world.user("ada", false).await?, world.user("bob", false).await?, world.user("eve", false).await?);
    let lab = world.organisation(ada, "lab").await?;
    let member = || Change { organisation: lab, user: bob, seen: "" };
    world.organisations.set_member(ada, member(), Standing::Member).await?;
    let owner = Party::Organisation(lab);
    let made = world.projects.create(bob, owner, named("churn"), None).await?.stored.state;
    let id = made.id.to_string();
    for (who, action, decision) in [
        (ada, "grant.set", Decision::Allowed),
        (bob, "files.write", Decision::Allowed),
        (bob, "grant.set", Decision::Denied),
        (eve, "project.read", Decision::Hidden),
    ] {
        assert_eq!(world.access.check(who, action, &id).await?, decision, "{who} {action}");
    }
    let foreign = world.projects.create(eve, owner, named("other"), None).await;
    assert!(matches!(foreign, Err(Error::NotFound("organisation"))));

    world.organisations.remove_member(ada, member()).await?;
    assert_eq!(world.access.check(bob, "project.read", &id).await?, Decision::Hidden);
    Ok(())
}
