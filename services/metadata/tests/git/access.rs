//! Who gets in.

use katonic_domain::{ExecutionId, ProjectId};
use katonic_proto::metadata::v1::Decision;
use katonic_service::auth::Audience;

use crate::world::World;

fn targets(project: &ProjectId) -> [(&'static str, String); 4] {
    [
        ("GET", format!("/git/{project}.git/info/refs?service=git-upload-pack")),
        ("GET", format!("/git/{project}.git/info/refs?service=git-receive-pack")),
        ("POST", format!("/git/{project}.git/git-upload-pack")),
        ("POST", format!("/git/{project}.git/git-receive-pack")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_for_git_nobody_gets_in() -> anyhow::Result<()> {
    let world = World::new().await?;
    let elsewhere = world.token_with(&["*"], Audience::Metadata)?;
    let mut forged = world.user_token()?;
    forged.truncate(forged.len() - 4);
    for token in ["", "nothing", &elsewhere, &forged, "kat_x", "kmt_x"] {
        for (method, target) in targets(&world.project) {
            assert_eq!(world.status(method, &target, token).await?, 401, "{method} {target} {token:?}");
        }
    }
    assert!(!world.repository().exists(), "a stranger made a repository");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_reads_and_a_stranger_sees_nothing() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = world.user_token()?;
    let [read, write, ..] = targets(&world.project);
    world.decisions.set("files.write", Decision::Denied);
    assert_eq!(world.status(read.0, &read.1, &token).await?, 200);
    assert_eq!(world.status(write.0, &write.1, &token).await?, 403);
    world.decisions.set("files.read", Decision::Hidden);
    world.decisions.set("files.write", Decision::Hidden);
    for (method, target) in targets(&world.project) {
        assert_eq!(world.status(method, &target, &token).await?, 404, "{method} {target}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_needs_the_scope() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = world.token_with(&["files:read"], Audience::Git)?;
    let [read, write, ..] = targets(&world.project);
    assert_eq!(world.status(read.0, &read.1, &token).await?, 200);
    assert_eq!(world.status(write.0, &write.1, &token).await?, 403);
    let other = world.token_with(&["projects:write"], Audience::Git)?;
    assert_eq!(world.status(read.0, &read.1, &other).await?, 403);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sees_its_own_project_only() -> anyhow::Result<()> {
    let world = World::new().await?;
    let agent = world.agent_token(ExecutionId::generate(), 1)?;
    let [own, ..] = targets(&world.project);
    assert_eq!(world.status(own.0, &own.1, &agent).await?, 200);
    for (method, target) in targets(&ProjectId::generate()) {
        assert_eq!(world.status(method, &target, &agent).await?, 404, "{method} {target}");
    }
    Ok(())
}
