//! Clone, push, fetch; which refs may move; how the project follows.

use katonic_domain::ExecutionId;
use katonic_metadata::git::files::Head;

use crate::world::World;

const ZERO: &str = "0000000000000000000000000000000000000000";

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_is_pushed_fetched_and_followed_by_the_project() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = world.user_token()?;
    let mine = world.clone_with_commit("mine")?;
    mine.push("main", &token)?.map_err(anyhow::Error::msg)?;
    let second = mine.commit("second")?;
    mine.push("main:refs/heads/v1.0-x", &token)?.map_err(anyhow::Error::msg)?;
    mine.push("main", &token)?.map_err(anyhow::Error::msg)?;
    let heads =
        ["refs/heads/main", "refs/heads/v1.0-x"].map(|name| Head { name: name.to_owned(), commit: second.clone() });
    // The push has answered, so the project has it.
    assert_eq!(world.documents.files(&world.project).heads(), heads);
    assert_eq!(world.documents.files(&world.project).overdue(katonic_domain::Timestamp::MAX), []);
    let repositories = world.repositories();
    assert_eq!(repositories.head(&world.project, "refs/heads/main").await?, Some(second.clone()));
    assert!(repositories.has_commit(&world.project, &second).await?);
    let yours = world.clone_with_commit("yours")?;
    assert_eq!(yours.fetch("main", &token)?, second);
    mine.push(":refs/heads/v1.0-x", &token)?.map_err(anyhow::Error::msg)?;
    assert_eq!(world.documents.files(&world.project).heads(), &heads[..1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_push_is_streamed() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = world.user_token()?;
    let mine = world.clone_with_commit("mine")?;
    // Nothing compresses it, and beyond http.postBuffer git sends chunks.
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..4 << 20)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect();
    let commit = mine.commit(noise)?;
    mine.push("main", &token)?.map_err(anyhow::Error::msg)?;
    let yours = world.clone_with_commit("yours")?;
    assert_eq!(yours.fetch(commit.as_str(), &token)?, commit);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_named_by_its_commit_and_stays() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = world.user_token()?;
    let mine = world.clone_with_commit("mine")?;
    let first = mine.commit("a")?;
    let second = mine.commit("b")?;
    let wrong = mine.push(&format!("{first}:refs/katonic/snapshots/{second}"), &token)?;
    assert!(wrong.as_ref().is_err_and(|said| said.contains("named by its commit")), "{wrong:?}");
    let name = format!("refs/katonic/snapshots/{first}");
    for _ in 0..2 {
        mine.push(&format!("{first}:{name}"), &token)?.map_err(anyhow::Error::msg)?;
    }
    assert!(mine.push(&format!(":{name}"), &token)?.is_err(), "a snapshot was deleted");
    assert!(mine.push(&format!("+{second}:{name}"), &token)?.is_err(), "a snapshot was moved");
    // Snapshots never touch the project, and are fetched by commit.
    assert_eq!(world.documents.files(&world.project).heads(), []);
    let execution = ExecutionId::generate();
    let yours = world.clone_with_commit("yours")?;
    assert_eq!(yours.fetch(first.as_str(), &world.agent_token(execution, 1)?)?, first);
    assert!(!world.repositories().has_commit(&world.project, &second).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_moves_branches_tags_and_snapshots_only() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = world.user_token()?;
    let mine = world.clone_with_commit("mine")?;
    mine.push("main:refs/tags/v1", &token)?.map_err(anyhow::Error::msg)?;
    let results = format!("refs/katonic/results/{}/1", ExecutionId::generate());
    for name in
        [results.as_str(), "refs/katonic/x", "refs/katonic/snapshots/x", "refs/notes/x", "refs/x", "refs/heads/-x"]
    {
        let refused = mine.push(&format!("main:{name}"), &token)?;
        assert!(refused.is_err(), "{name} was taken");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_moves_its_own_results_only() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (execution, other) = (ExecutionId::generate(), ExecutionId::generate());
    let agent = world.agent_token(execution, 2)?;
    let mine = world.clone_with_commit("mine")?;
    mine.push("main", &world.user_token()?)?.map_err(anyhow::Error::msg)?;
    let own = format!("refs/katonic/results/{execution}/2");
    for foreign in [
        "refs/heads/main".to_owned(),
        "refs/heads/new".to_owned(),
        "refs/tags/v1".to_owned(),
        format!("refs/katonic/results/{execution}/1"),
        format!("refs/katonic/results/{execution}/22"),
        format!("refs/katonic/results/{other}/2"),
        format!("{own}/x"),
        format!("refs/katonic/snapshots/{}", mine.git(&["rev-parse", "HEAD"], "")?),
    ] {
        let refused = mine.push(&format!("main:{foreign}"), &agent)?;
        assert!(refused.is_err(), "{foreign} was taken");
    }
    let results = mine.commit("results")?;
    mine.push(&format!("main:{own}"), &agent)?.map_err(anyhow::Error::msg)?;
    // Shown to the agent's pushes: its own ref and no other.
    let target = format!("/git/{}.git/info/refs?service=git-receive-pack", world.project);
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {agent}\r\nConnection: close\r\n\r\n");
    let shown = world.raw(request.as_bytes()).await?;
    assert!(shown.contains(&own) && !shown.contains("refs/heads/main"), "{shown}");
    assert!(mine.push(&format!(":{own}"), &agent)?.is_err(), "results were deleted");
    // What `katonic results pull` does.
    let yours = world.clone_with_commit("yours")?;
    assert_eq!(yours.fetch(&own, &world.user_token()?)?, results);
    assert_eq!(world.documents.files(&world.project).heads().len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_git_clients_refuse_are_refused_here_too() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = world.user_token()?;
    let mine = world.clone_with_commit("mine")?;
    mine.push("main", &token)?.map_err(anyhow::Error::msg)?;
    let commit = mine.git(&["rev-parse", "HEAD"], "")?;
    let hostile = [
        "refs/heads/../../config",
        "refs/heads/a..b",
        "refs/heads/.x",
        "refs/heads/x.lock",
        "refs/heads/x/",
        "refs/heads//x",
        "refs/heads/x y",
        "refs/heads/x\ty",
        "refs/heads/x~1",
        "refs/heads/--upload-pack=x",
        "refs/heads/a/-x",
        "../../../x",
        "HEAD",
        "config",
        "/etc/passwd",
    ];
    for name in hostile {
        let answer = push_by_hand(&world, &token, &commit, name).await?;
        assert!(answer.contains(&format!("ng {name} ")), "{name:?}: {answer}");
    }
    let fine = push_by_hand(&world, &token, &commit, "refs/heads/fine").await?;
    assert!(fine.contains("ok refs/heads/fine"), "{fine}");
    let names: Vec<String> =
        world.repositories().heads(&world.project).await?.into_iter().map(|head| head.name).collect();
    assert_eq!(names, ["refs/heads/fine", "refs/heads/main"]);
    Ok(())
}

/// A push request as no Git client would send it.
async fn push_by_hand(world: &World, token: &str, commit: &str, name: &str) -> anyhow::Result<String> {
    const EMPTY_PACK: &[u8] =
        b"PACK\0\0\0\x02\0\0\0\0\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e";
    let command = format!("{ZERO} {commit} {name}\0 report-status");
    let mut body = format!("{:04x}{command}0000", command.len() + 4).into_bytes();
    body.extend_from_slice(EMPTY_PACK);
    let mut request = format!(
        "POST /git/{}.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-git-receive-pack-request\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        world.project,
        body.len()
    )
    .into_bytes();
    request.extend(body);
    world.raw(&request).await
}
