//! Pushes that end in the middle: no ref moves halfway, the project follows,
//! the next push works.

use std::{
    fs::{self, File},
    process::Command,
    time::{Duration, SystemTime},
};

use katonic_domain::Timestamp;
use katonic_metadata::git::{Pushes, files::PushId};
use katonic_proto::metadata::v1::Decision;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep},
};

use crate::world::World;

/// A push whose pack never comes whole.
async fn begin_push(world: &World, length: usize) -> anyhow::Result<tokio::net::TcpStream> {
    let token = world.user_token()?;
    let zero = "0".repeat(40);
    let command = format!("{zero} {} refs/heads/half\0 report-status", "1".repeat(40));
    let body = format!("{:04x}{command}0000PACK\0\0\0\u{2}", command.len() + 4);
    let mut stream = world.connect().await?;
    let head = format!(
        "POST /git/{}.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-git-receive-pack-request\r\nContent-Length: {length}\r\n\r\n",
        world.project
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    Ok(stream)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < patience, "never: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn pending(world: &World) -> usize {
    world.documents.files(&world.project).overdue(Timestamp::MAX).len()
}

async fn is_whole_and_usable(world: &World) -> anyhow::Result<()> {
    let names: Vec<String> =
        world.repositories().heads(&world.project).await?.into_iter().map(|head| head.name).collect();
    assert_eq!(names, ["refs/heads/main"]);
    let fsck = Command::new("git").args(["fsck", "--strict"]).env("GIT_DIR", world.repository()).output()?;
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
    let again = world.clone_with_commit("again")?;
    again.push("+main", &world.user_token()?)?.map_err(anyhow::Error::msg)?;
    let head = again.git(&["rev-parse", "HEAD"], "")?;
    assert_eq!(world.documents.files(&world.project).heads()[0].commit.as_str(), head);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_in_the_middle_leaves_refs_as_they_were() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.clone_with_commit("mine")?.push("main", &world.user_token()?)?.map_err(anyhow::Error::msg)?;
    let stream = begin_push(&world, 1 << 20).await?;
    until("the push is under way", || pending(&world) == 1).await;
    drop(stream);
    until("the push is settled", || pending(&world) == 0).await;
    is_whole_and_usable(&world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_under_way_ends_when_the_right_to_push_does() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.clone_with_commit("mine")?.push("main", &world.user_token()?)?.map_err(anyhow::Error::msg)?;
    let stream = begin_push(&world, 1 << 20).await?;
    until("the push is under way", || pending(&world) == 1).await;
    world.decisions.set("files.write", Decision::Denied);
    until("the push is settled", || pending(&world) == 0).await;
    drop(stream);
    world.decisions.set("files.write", Decision::Allowed);
    is_whole_and_usable(&world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_beyond_the_time_limit_is_ended_with_all_its_processes() -> anyhow::Result<()> {
    let world = World::with(|section| section.time_limit_s = 2).await?;
    world.clone_with_commit("mine")?.push("main", &world.user_token()?)?.map_err(anyhow::Error::msg)?;
    let mut stream = begin_push(&world, 1 << 20).await?;
    // It never sends the rest; the answer ends all the same.
    let mut answer = Vec::new();
    let _cut = stream.read_to_end(&mut answer).await;
    until("the push is settled", || pending(&world) == 0).await;
    let repository = world.project.to_string();
    until("no process of it is left", || !processes().iter().any(|line| line.contains(&repository))).await;
    is_whole_and_usable(&world).await
}

fn processes() -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains("receive-pack") || line.contains("index-pack") || line.contains("unpack-objects"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweeper_settles_what_a_dead_server_left() -> anyhow::Result<()> {
    let world = World::new().await?;
    let mine = world.clone_with_commit("mine")?;
    mine.push("main", &world.user_token()?)?.map_err(anyhow::Error::msg)?;
    let moved = mine.commit("moved")?;
    mine.push(&format!("{moved}:refs/katonic/snapshots/{moved}"), &world.user_token()?)?.map_err(anyhow::Error::msg)?;
    // A server died after the ref had moved and before it was recorded, and
    // its git died with a lock in hand.
    let repository = world.repository();
    fs::write(repository.join("refs/heads/main"), format!("{moved}\n"))?;
    let long_ago = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
    for lock in ["refs/heads/main.lock", "packed-refs.lock"] {
        File::create(repository.join(lock))?.set_modified(long_ago)?;
    }
    let start = Timestamp::try_from(long_ago)?;
    world.documents.begin(world.project, PushId::generate(), start).await?;
    assert_eq!(world.git.sweep_once().await?, 1);
    assert_eq!(world.git.sweep_once().await?, 0);
    assert_eq!(world.documents.files(&world.project).heads()[0].commit, moved);
    is_whole_and_usable(&world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweeper_leaves_alone_what_may_still_run() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.clone_with_commit("mine")?.push("main", &world.user_token()?)?.map_err(anyhow::Error::msg)?;
    world.documents.begin(world.project, PushId::generate(), Timestamp::now()).await?;
    let lock = world.repository().join("refs/heads/other.lock");
    File::create(&lock)?;
    assert_eq!(world.git.sweep_once().await?, 0);
    assert!(lock.exists());
    assert_eq!(pending(&world), 1);
    Ok(())
}
