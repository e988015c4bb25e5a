//! Lists of projects: page by page, each once, over all of one's parties.

use katonic_domain::{ProjectId, UserId};
use katonic_metadata::{
    domain::{decision::Role, grant::Place, organisation::Standing, party::Party},
    usecases::organisations::Change,
};

use crate::world::{World, named, place};

/// The names on all pages, in order.
async fn listed(world: &World, user: UserId, archived: bool) -> anyhow::Result<Vec<String>> {
    let (mut names, mut from) = (Vec::new(), None);
    loop {
        let page = world.list.page(user, from, 3, archived).await?;
        assert!(page.items.len() <= 3);
        names.extend(page.items.iter().map(|stored| stored.state.name.to_string()));
        match page.next {
            // As it comes back from outside.
            Some(next) => from = Some(next.to_string().parse().map_err(anyhow::Error::msg)?),
            None => return Ok(names),
        }
    }
}

async fn shared(world: &World, from: UserId, name: &str, party: Party) -> anyhow::Result<ProjectId> {
    let project = world.project(from, name).await?.id;
    world.grants.set(Place { project, party }, Role::Reader, "").await?;
    Ok(project)
}

#[tokio::test]
async fn a_list_shows_ones_own_newest_first_and_nobody_elses() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    for n in 0..7 {
        world.project(ada, &format!("p{n}")).await?;
        world.project(bob, &format!("q{n}")).await?;
    }
    assert_eq!(listed(&world, ada, false).await?, ["p6", "p5", "p4", "p3", "p2", "p1", "p0"]);
    let found = world.list.named(bob, &"q3".parse()?).await?;
    assert_eq!(found.iter().map(|stored| stored.state.owner).collect::<Vec<_>>(), [Party::User(bob)]);
    assert!(world.list.named(ada, &"q3".parse()?).await?.is_empty());
    let all = world.list.all(None, 100, false).await?;
    assert_eq!(all.items.len(), 14);
    Ok(())
}

#[tokio::test]
async fn what_is_shared_with_one_in_several_ways_is_listed_once() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ada, bob) = (world.user("ada", false).await?, world.user("bob", false).await?);
    let mut labs = Vec::new();
    for name in ["lab", "team"] {
        let lab = world.organisation(ada, name).await?;
        let member = Change { organisation: lab, user: bob, seen: "" };
        world.organisations.set_member(ada, member, Standing::Member).await?;
        labs.push(Party::Organisation(lab));
    }
    for n in 0..4 {
        shared(&world, ada, &format!("lab-{n}"), labs[0]).await?;
        shared(&world, ada, &format!("team-{n}"), labs[1]).await?;
    }
    let both = shared(&world, ada, "both", labs[0]).await?;
    world.grants.set(Place { project: both, party: labs[1] }, Role::Reader, "").await?;
    world.grants.set(place(both, bob), Role::Launcher, "").await?;
    world.projects.create(bob, labs[1], named("ours"), None).await?;
    world.project(bob, "mine").await?;

    let names = listed(&world, bob, false).await?;
    assert_eq!(names[..2], ["mine", "both"]);
    let mut sorted = names.clone();
    sorted.sort();
    let wanted = ["both", "lab-0", "lab-1", "lab-2", "lab-3", "mine", "ours", "team-0", "team-1", "team-2", "team-3"];
    assert_eq!(sorted, wanted);

    world.grants.delete(place(both, bob), "").await?;
    assert_eq!(listed(&world, bob, false).await?.iter().filter(|name| *name == "both").count(), 1);
    Ok(())
}

#[tokio::test]
async fn archived_projects_are_listed_apart() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ada = world.user("ada", false).await?;
    for n in 0..5 {
        let project = world.project(ada, &format!("p{n}")).await?;
        if n % 2 == 0 {
            world.projects.archive(project.id, "").await?;
        }
    }
    assert_eq!(listed(&world, ada, false).await?, ["p3", "p1"]);
    assert_eq!(listed(&world, ada, true).await?, ["p4", "p2", "p0"]);
    assert_eq!(world.list.named(ada, &"p0".parse()?).await?.len(), 1);
    Ok(())
}
