//! What is not smart HTTP does not exist.

use crate::world::{World, status_of};

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_and_methods_are_refused() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = world.user_token()?;
    world.clone_with_commit("mine")?.push("main", &token)?.map_err(anyhow::Error::msg)?;
    let p = world.project;
    let refs = "info/refs?service=git-upload-pack";
    for target in [
        // The dumb protocol.
        format!("/git/{p}.git/info/refs"),
        format!("/git/{p}.git/HEAD"),
        format!("/git/{p}.git/config"),
        format!("/git/{p}.git/objects/info/packs"),
        format!("/git/{p}.git/refs/heads/main"),
        // Other services and smuggled parameters.
        format!("/git/{p}.git/info/refs?service=git-upload-archive"),
        format!("/git/{p}.git/info/refs?service=--upload-pack=x"),
        format!("/git/{p}.git/{refs}&service=git-receive-pack"),
        format!("/git/{p}.git/info/refs?x=1&service=git-upload-pack"),
        // Paths that would lead elsewhere.
        format!("/git/{p}/{refs}"),
        format!("/git/{p}.git.git/{refs}"),
        format!("/git/../{p}.git/{refs}"),
        format!("/git/{p}.git/../{p}.git/{refs}"),
        format!("/git/%2e%2e/{p}.git/{refs}"),
        format!("/git/%2e%2e%2f{p}.git/{refs}"),
        format!("/git/..%2fkeys.git/{refs}"),
        format!("/git/%252e%252e%252fkeys.git/{refs}"),
        format!("/git/x%2f{p}.git/{refs}"),
        format!("/git/-{p}.git/{refs}"),
        format!("/git/--upload-pack=x.git/{refs}"),
        format!("/git/.hooks.git/{refs}"),
        format!("/git/{}.git/{refs}", p.to_string().to_uppercase()),
        format!("/git/{p}.git%00/{refs}"),
        format!("/git/{p}.git/info%2frefs/x?service=git-upload-pack"),
        format!("/git/{p}.git;/{refs}"),
        format!("/git//{p}.git/{refs}"),
        "/git/".to_owned(),
        "/git".to_owned(),
    ] {
        let status = world.status("GET", &target, &token).await?;
        assert!(status == 404 || status == 400, "{target}: {status}");
    }
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST"] {
        assert_eq!(world.status(method, &format!("/git/{p}.git/{refs}"), &token).await?, 405, "{method}");
    }
    assert_eq!(world.status("GET", &format!("/git/{p}.git/git-receive-pack"), &token).await?, 405);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_speak_version_two() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = world.user_token()?;
    let request = |protocol: &str| {
        format!(
            "GET /git/{}.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Git-Protocol: {protocol}\r\nConnection: close\r\n\r\n",
            world.project
        )
    };
    let answer = world.raw(request("version=2").as_bytes()).await?;
    assert!(answer.contains("version 2") && answer.contains("ls-refs"), "{answer}");
    assert!(answer.to_lowercase().contains("application/x-git-upload-pack-advertisement"), "{answer}");
    let odd = world.raw(request("version=2$(id)").as_bytes()).await?;
    assert_eq!(status_of(&odd)?, 400);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_may_be_left_out_of_a_fetch_and_nothing_else() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (token, url) = (world.user_token()?, world.url());
    let mine = world.clone_with_commit("mine")?;
    mine.commit("what nobody else has")?;
    mine.push("main", &token)?.map_err(anyhow::Error::msg)?;
    let theirs = world.clone_with_commit("theirs")?;
    let fetch = |filter: &str| theirs.try_git(&["fetch", "--quiet", "--no-tags", filter, &url, "main"], &token);
    assert!(!fetch("--filter=tree:0")?.status.success(), "trees were left out");
    assert!(fetch("--filter=blob:none")?.status.success());
    let objects = theirs.git(&["rev-list", "--objects", "--missing=print", "FETCH_HEAD"], "")?;
    assert!(objects.lines().any(|line| line.starts_with('?')), "{objects}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_cap_is_refused_before_anything_else() -> anyhow::Result<()> {
    let world = World::with(|section| section.max_pack_bytes = 1_000).await?;
    let project = world.project;
    let head = |extra: &str, token: &str| {
        format!(
            "POST /git/{project}.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/x-git-receive-pack-request\r\n{extra}\r\nConnection: close\r\n\r\n"
        )
    };
    for length in ["1001", "99999999999999999999", "-1", "1e3"] {
        let answer = world.raw(head(&format!("Content-Length: {length}"), "nobody").as_bytes()).await?;
        let status = status_of(&answer)?;
        assert!(status == 413 || status == 400, "{length}: {status}");
    }
    // Chunks say no length: git is cut off, and nothing moved.
    let mine = world.clone_with_commit("mine")?;
    mine.commit(
        "0123456789abcdef".repeat(4096).chars().rev().enumerate().map(|(n, c)| format!("{c}{n}")).collect::<String>(),
    )?;
    assert!(mine.push("main", &world.user_token()?)?.is_err(), "a large pack was taken");
    assert_eq!(world.repositories().heads(&project).await?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_make_one_repository() -> anyhow::Result<()> {
    let world = World::new().await?;
    let repositories = world.repositories();
    let project = world.project;
    let making = (0..20).map(|_| repositories.ensure(&project));
    for made in futures::future::join_all(making).await {
        made?;
    }
    let left = std::fs::read_dir(world.folder.path().join("repositories"))?;
    let names: Vec<_> = left.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with(".new")).count(), 0, "{names:?}");
    assert!(repositories.path(&project).is_dir());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_its_slots_it_says_so() -> anyhow::Result<()> {
    let world = World::with(|section| section.max_concurrent = 0).await?;
    let target = format!("/git/{}.git/info/refs?service=git-upload-pack", world.project);
    assert_eq!(world.status("GET", &target, &world.user_token()?).await?, 503);
    Ok(())
}
