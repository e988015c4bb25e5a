//! The backend's promises. Programs that end at once stand where the shim's
//! path is configured; where a shim must live, the test holds its lock.

use std::{fs, path::Path};

use katonic_member::{Exit, ExitReason, UnixNanos};
use tempfile::TempDir;

use super::*;
use crate::domain::{
    execution::{Execution, tests::queued},
    member::tests::member_of,
};

struct Bench {
    backend: ProcessBackend,
    execution: Execution,
    member: Member,
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let execution = queued(1);
        let member = member_of(&execution);
        let backend = Self::open(folder.path());
        Self { backend, execution, member, folder }
    }

    fn open(folder: &Path) -> ProcessBackend {
        let settings = Settings {
            members: folder.join("members"),
            work: folder.join("work"),
            shim: "/bin/true".into(),
            path: "/usr/bin:/bin".into(),
            uids: None,
        };
        ProcessBackend::open(settings).expect("opened")
    }

    async fn ensure(&self, ticket: &str) {
        let order = Order { execution: &self.execution, member: &self.member, ticket };
        self.backend.ensure(order).await.expect("ensured");
    }

    async fn presence(&self) -> Presence {
        self.backend.observe(&self.member.id).await.expect("observed")
    }

    fn dir(&self) -> MemberDir {
        self.backend.members().member(&self.member.id.container_name()).expect("a name")
    }
}

fn exit() -> Exit {
    Exit {
        reason: ExitReason::Completed,
        exit_code: Some(0),
        signal: None,
        last_seq: None,
        started: None,
        ended: UnixNanos::now(),
        used: None,
    }
}

#[tokio::test]
async fn ensuring_twice_is_ensuring_once() {
    let bench = Bench::new();
    bench.ensure("kmt_1").await;
    bench.ensure("kmt_2").await;
    assert_eq!(bench.dir().ticket().expect("read").as_deref(), Some("kmt_1"));
    let launch = bench.dir().launch().expect("read").expect("there");
    assert_eq!(launch.member_id, bench.member.id.to_string());
    assert_eq!(launch.folder, bench.folder.path().join("work").join(bench.member.id.container_name()));
    assert_eq!(launch.command, ["true"]);
}

#[tokio::test]
async fn presence_is_what_lock_and_exit_record_say() {
    let bench = Bench::new();
    assert_eq!(bench.presence().await, Presence::Absent);
    bench.ensure("kmt_1").await;
    let shim = loop {
        // The program in the shim's place may hold nothing, but a look at the lock may.
        if let Some(shim) = bench.dir().lock_for_shim().expect("asked") {
            break shim;
        }
    };
    assert_eq!(bench.presence().await, Presence::Alive);
    drop(shim);
    assert_eq!(bench.presence().await, Presence::Dead);
    bench.dir().set_exit(&exit()).expect("written");
    assert_eq!(bench.presence().await, Presence::Exited);
}

#[tokio::test]
async fn the_end_of_a_shim_is_a_hint() {
    let bench = Bench::new();
    let mut gone = bench.backend.watch().expect("the one reader");
    assert!(bench.backend.watch().is_none());
    bench.ensure("kmt_1").await;
    assert_eq!(gone.recv().await, Some(bench.member.id.clone()));
}

#[tokio::test]
async fn what_is_deleted_is_gone_with_its_folder_and_may_be_deleted_again() {
    let bench = Bench::new();
    bench.ensure("kmt_1").await;
    let work = bench.folder.path().join("work").join(bench.member.id.container_name());
    fs::create_dir_all(work.join("work")).expect("made");
    for _ in 0..2 {
        bench.backend.delete(&bench.member).await.expect("deleted");
        assert_eq!(bench.presence().await, Presence::Absent);
        assert!(!work.exists());
    }
}

#[tokio::test]
async fn a_later_dispatcher_finds_what_is_there() {
    let bench = Bench::new();
    bench.ensure("kmt_1").await;
    fs::create_dir(bench.folder.path().join("members/stray")).expect("made");
    let later = Bench::open(bench.folder.path());
    let found = later.observe_all().await.expect("listed");
    let name = bench.member.id.container_name();
    assert_eq!(
        found,
        [Found { name, member: Some(bench.member.id.clone()) }, Found { name: "stray".into(), member: None },]
    );
}
