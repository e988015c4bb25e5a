//! Inputs and results on a real repository: what goes in comes out.

use std::{fs, os::unix::fs::symlink, process::Command, time::Duration};

use katonic_member::{ExitReason, Members, UnixNanos};
use tempfile::TempDir;

use super::*;

struct Bench {
    folder: TempDir,
    member: MemberDir,
    launch: Launch,
    inputs: Repository,
}

fn exit() -> Exit {
    Exit {
        reason: ExitReason::Completed,
        exit_code: Some(0),
        signal: None,
        last_seq: None,
        started: None,
        ended: UnixNanos::new(1_700_000_000_000_000_000),
        used: None,
    }
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let launch = Launch {
            member_id: "exe_01h455vb4pex5vsknk084sn02q/1/main/0".into(),
            execution_id: "exe_01h455vb4pex5vsknk084sn02q".into(),
            project_id: "prj_01h455vb4pex5vsknk084sn02q".into(),
            attempt: 1,
            command: vec!["true".into()],
            variables: BTreeMap::new(),
            path: "/bin".into(),
            folder: folder.path().join("work/exe-1"),
            run_as: None,
            timeout: Duration::from_secs(1),
            grace: Duration::ZERO,
            limits: Vec::new(),
            spool_limit_bytes: None,
            traceparent: None,
        };
        let members = Members::open(folder.path().join("members")).expect("members");
        let member = members.create("exe-1-1-main-0", &launch, "kmt_1").expect("a member");
        let inputs = Repository::open(folder.path().join("inputs.git"), None).expect("a repository");
        Self { folder, member, launch, inputs }
    }

    /// A commit with a file, a program, a link and a folder.
    fn input(&self) -> CommitId {
        let source = self.folder.path().join("source");
        fs::create_dir_all(source.join("data")).expect("folders");
        fs::write(source.join("train.py"), "print(1)\r\n").expect("written");
        fs::write(source.join("data/a b\"c.csv"), "1,2\n").expect("written");
        fs::write(source.join(".gitattributes"), "*.py text eol=lf filter=evil\n").expect("written");
        symlink("train.py", source.join("link")).expect("linked");
        let before = Self::stamps(&source);
        let changes = Changes { removed: Vec::new(), written: before.into_iter().collect() };
        let work = hostile::open_folder(&source).expect("opened");
        let header = Header { launch: &self.launch, exit: &exit(), from: None };
        import(&self.inputs, &work, &changes, &header).expect("imported").1
    }

    fn stamps(folder: &std::path::Path) -> BTreeMap<Path, Stamp> {
        scan(&hostile::open_folder(folder).expect("opened")).expect("scanned")
    }

    fn git(&self, repository: &Repository, arguments: &[&str]) -> String {
        let output = repository.command(arguments).output().expect("git");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn files_go_in_byte_for_byte_and_nothing_changed_is_no_commit() {
    let bench = Bench::new();
    let input = bench.input();
    let files = Some((&bench.inputs, &input));
    inputs::prepare(&bench.member, &bench.launch, files).expect("prepared");
    inputs::prepare(&bench.member, &bench.launch, files).expect("prepared again");
    let work = bench.launch.work_folder();
    assert_eq!(fs::read(work.join("train.py")).expect("read"), b"print(1)\r\n");
    assert_eq!(fs::read(work.join("data/a b\"c.csv")).expect("read"), b"1,2\n");
    assert_eq!(fs::read_link(work.join("link")).expect("read").to_str(), Some("train.py"));
    assert!(commit(&bench.member, &bench.launch, &exit(), files).expect("looked").is_none());
    // Touched, written anew, but the same bytes.
    fs::write(work.join("train.py"), "print(1)\r\n").expect("written");
    assert!(commit(&bench.member, &bench.launch, &exit(), files).expect("looked").is_none());
}

#[test]
fn results_are_a_child_of_the_input_and_the_same_when_saved_again() {
    let bench = Bench::new();
    let input = bench.input();
    let files = Some((&bench.inputs, &input));
    inputs::prepare(&bench.member, &bench.launch, files).expect("prepared");
    let work = bench.launch.work_folder();
    fs::remove_dir_all(work.join("data")).expect("removed");
    fs::write(work.join("data"), "now a file").expect("written");
    fs::create_dir_all(work.join("nested/.git/hooks")).expect("folders");
    fs::write(work.join("nested/.git/hooks/pre-commit"), "#!/bin/false").expect("written");
    fs::write(work.join("nested/plot.svg"), "<svg/>").expect("written");
    symlink("/etc/passwd", work.join("escape")).expect("linked");
    Command::new("mkfifo").arg(work.join("pipe")).status().expect("a pipe");
    let saved = commit(&bench.member, &bench.launch, &exit(), files).expect("saved").expect("changed");
    let again = commit(&bench.member, &bench.launch, &exit(), files).expect("saved").expect("changed");
    assert_eq!(saved.commit, again.commit);
    let names = bench.git(&saved.repository, &["ls-tree", "-r", "--name-only", saved.commit.as_str()]);
    assert_eq!(
        names.lines().collect::<Vec<_>>(),
        [".gitattributes", "data", "escape", "link", "nested/plot.svg", "train.py"]
    );
    assert_eq!(bench.git(&saved.repository, &["show", &format!("{}:escape", saved.commit)]), "/etc/passwd");
    let parent = bench.git(&saved.repository, &["rev-parse", &format!("{}^", saved.commit)]);
    assert_eq!(parent.trim(), input.as_str());
}

#[test]
fn without_input_any_file_is_a_result() {
    let bench = Bench::new();
    inputs::prepare(&bench.member, &bench.launch, None).expect("prepared");
    assert!(commit(&bench.member, &bench.launch, &exit(), None).expect("looked").is_none());
    fs::write(bench.launch.work_folder().join("out.txt"), "x").expect("written");
    let saved = commit(&bench.member, &bench.launch, &exit(), None).expect("saved").expect("changed");
    assert_eq!(bench.git(&saved.repository, &["show", &format!("{}:out.txt", saved.commit)]), "x");
}
