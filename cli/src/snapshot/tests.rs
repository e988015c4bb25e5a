//! Snapshots of real folders with the real git.

use std::{
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
    process::Command,
    thread,
};

use super::*;

struct Case {
    folder: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        let folder = || tempfile::tempdir().expect("a folder");
        Self { folder: folder(), cache: folder() }
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    fn snapshots(&self) -> Snapshots {
        Snapshots::kept_in(self.folder.path(), self.cache.path().join("repository")).expect("a repository")
    }

    fn take(&self) -> CommitId {
        self.snapshots().take().expect("a snapshot").expect("there are files")
    }

    /// `mode path` of each entry, sorted as Git sorts.
    fn entries(&self, commit: &CommitId) -> Vec<String> {
        let list = ["ls-tree", "-r", "-z", "--format=%(objectmode) %(path)", commit.as_str()];
        let output = self.snapshots().repository.git(list).run().expect("a tree");
        output.split(|b| *b == 0).filter(|e| !e.is_empty()).map(|e| String::from_utf8_lossy(e).into_owned()).collect()
    }

    fn content(&self, commit: &CommitId, path: &str) -> Vec<u8> {
        self.snapshots().repository.git(["cat-file", "blob", &format!("{commit}:{path}")]).run().expect("a blob")
    }

    /// Runs git in the folder as its user would.
    fn user_git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=user", "-c", "user.email=user@example.org"];
        let output = Command::new("git").args(identity).args(arguments).current_dir(self.folder.path()).output();
        let output = output.expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn fingerprint(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = ignore::WalkBuilder::new(folder)
        .standard_filters(false)
        .build()
        .map(|entry| entry.expect("an entry").into_path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).expect("a file")))
        .collect();
    files.sort();
    files
}

#[test]
fn an_unchanged_folder_has_the_same_commit_and_a_changed_one_another() {
    let case = Case::new();
    case.write("train.py", "print(1)\n");
    case.write("lib/util.py", "");
    let first = case.take();
    assert_eq!(case.take(), first);
    case.write("train.py", "print(2)\n");
    assert_ne!(case.take(), first);
    case.write("train.py", "print(1)\n");
    assert_eq!(case.take(), first);
    // Nothing of this machine is in it: anyone gets this commit for these files.
    assert_eq!(first.as_str(), "325f91ba946586f53f1522d627b509024cf373b1");
}

#[test]
fn a_folder_without_files_has_no_commit() {
    let case = Case::new();
    fs::create_dir_all(case.path("empty/deeper")).expect("a folder");
    assert_eq!(case.snapshots().take().expect("a snapshot"), None);
    case.write("a", "a");
    case.take();
    fs::remove_file(case.path("a")).expect("removed");
    assert_eq!(case.snapshots().take().expect("a snapshot"), None);
}

#[test]
fn what_gitignore_names_is_left_out_at_every_depth() {
    let case = Case::new();
    case.write(".gitignore", "*.log\n/data/\n!keep.log\n");
    for name in ["a.log", "keep.log", "data/big", "src/data/small", "src/b.log", "src/.hidden"] {
        case.write(name, name);
    }
    let expected = ["100644 .gitignore", "100644 keep.log", "100644 src/.hidden", "100644 src/data/small"];
    assert_eq!(case.entries(&case.take()), expected);
}

#[test]
fn a_file_that_becomes_ignored_leaves_the_snapshot() {
    let case = Case::new();
    case.write("a", "a");
    case.write("b", "b");
    assert_eq!(case.entries(&case.take()), ["100644 a", "100644 b"]);
    case.write(".gitignore", "b\n.gitignore\n");
    assert_eq!(case.entries(&case.take()), ["100644 a"]);
}

#[test]
fn in_a_working_tree_the_rules_above_the_folder_count() {
    let case = Case::new();
    case.user_git(&["init", "-q"]);
    case.write(".gitignore", "*.pyc\n");
    case.write("ml/train.py", "");
    case.write("ml/train.pyc", "");
    let snapshots = Snapshots::kept_in(&case.path("ml"), case.cache.path().join("repository")).expect("a repository");
    let commit = snapshots.take().expect("a snapshot").expect("there are files");
    assert_eq!(case.entries(&commit), ["100644 train.py"]);
}

#[test]
fn the_users_own_repository_is_untouched_and_left_out() {
    let case = Case::new();
    case.write("a", "committed");
    case.user_git(&["init", "-q"]);
    case.user_git(&["add", "a"]);
    case.user_git(&["commit", "-q", "-m", "mine"]);
    case.write("a", "changed");
    case.write("b", "new");
    let before = fingerprint(&case.path(".git"));
    let commit = case.take();
    assert_eq!(fingerprint(&case.path(".git")), before);
    assert_eq!(case.entries(&commit), ["100644 a", "100644 b"]);
    assert_eq!(case.content(&commit, "a"), b"changed");
}

#[test]
fn a_nested_repository_is_plain_data() {
    let case = Case::new();
    case.write("top", "");
    case.write("vendor/lib/code.py", "x = 1\n");
    let nested = case.path("vendor/lib");
    for arguments in [vec!["init", "-q"], vec!["add", "."], vec!["commit", "-q", "-m", "x"]] {
        let mut all = vec!["-C", nested.to_str().expect("UTF-8")];
        all.extend(arguments);
        case.user_git(&all);
    }
    case.write("worktree/.git", "gitdir: /nowhere\n");
    case.write("worktree/file", "");
    assert_eq!(case.entries(&case.take()), ["100644 top", "100644 vendor/lib/code.py", "100644 worktree/file"]);
}

#[test]
fn links_and_modes_are_kept_and_links_are_not_followed() {
    let case = Case::new();
    case.write("run.sh", "#!/bin/sh\n");
    fs::set_permissions(case.path("run.sh"), fs::Permissions::from_mode(0o755)).expect("executable");
    symlink("/etc/passwd", case.path("outside")).expect("a link");
    symlink("/nowhere", case.path("broken")).expect("a link");
    symlink("..", case.path("up")).expect("a link");
    let fifo =
        rustix::fs::mknodat(rustix::fs::CWD, case.path("fifo"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0);
    fifo.expect("a fifo");
    let commit = case.take();
    assert_eq!(case.entries(&commit), ["120000 broken", "120000 outside", "100755 run.sh", "120000 up"]);
    assert_eq!(case.content(&commit, "outside"), b"/etc/passwd");
}

#[test]
fn a_file_may_become_a_folder_and_a_folder_a_file() {
    let case = Case::new();
    case.write("a", "");
    case.write("b/c", "");
    case.take();
    fs::remove_file(case.path("a")).expect("removed");
    fs::remove_dir_all(case.path("b")).expect("removed");
    case.write("a/x", "");
    case.write("b", "");
    assert_eq!(case.entries(&case.take()), ["100644 a/x", "100644 b"]);
}

#[test]
fn bytes_are_stored_as_they_are_whatever_attributes_say() {
    let case = Case::new();
    case.write(".gitattributes", "* text=auto eol=crlf ident filter=lfs working-tree-encoding=UTF-16\n");
    case.write("crlf.txt", "a\r\nb\n$Id$\r\n");
    let commit = case.take();
    assert_eq!(case.content(&commit, "crlf.txt"), b"a\r\nb\n$Id$\r\n");
}

#[test]
fn file_names_are_any_bytes() {
    let case = Case::new();
    let names: [&[u8]; 8] = [
        b"-rf",
        b"new\nline",
        b"tab\t",
        b"back\\slash",
        b"\"quoted\"",
        b"\xff\xfe",
        b"git~1",
        "na\u{ef}ve ✓".as_bytes(),
    ];
    for name in names {
        case.write(OsStr::from_bytes(name), name);
    }
    let list = ["ls-tree", "-r", "-z", "--name-only", case.take().as_str()].map(str::to_owned);
    let output = case.snapshots().repository.git(list).run().expect("a tree");
    let mut stored: Vec<&[u8]> = output.split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
    let mut expected = names.to_vec();
    stored.sort_unstable();
    expected.sort_unstable();
    assert_eq!(stored, expected);
}

#[test]
fn more_than_a_gibibyte_is_refused_with_the_largest_file_named() {
    let case = Case::new();
    case.write("small", "x");
    let sparse = File::create(case.path("weights.bin")).expect("a file");
    sparse.set_len(walk::CAP).expect("a sparse file");
    let error = case.snapshots().take().expect_err("it is too large");
    assert!(matches!(&error, Error::TooLarge { total, .. } if *total == walk::CAP + 1), "{error:?}");
    assert!(error.to_string().contains("weights.bin"), "{error}");
    case.write(".gitignore", "*.bin\n");
    assert!(case.snapshots().take().is_ok());
}

#[test]
fn an_unreadable_file_is_named() {
    let case = Case::new();
    case.write("secret", "x");
    fs::set_permissions(case.path("secret"), fs::Permissions::from_mode(0o000)).expect("unreadable");
    match case.snapshots().take() {
        // Root reads everything.
        Ok(_) => assert!(rustix::process::geteuid().is_root()),
        Err(error) => assert!(format!("{error:?}").contains("secret"), "{error:?}"),
    }
}

#[test]
fn two_at_once_get_the_same_commit() {
    let case = Case::new();
    for n in 0..200 {
        case.write(format!("d{}/f{n}", n % 7), n.to_string());
    }
    let commits: HashSet<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| case.take().to_string())).collect();
        threads.into_iter().map(|thread| thread.join().expect("it ends well")).collect()
    });
    assert_eq!(commits.len(), 1, "{commits:?}");
}

#[test]
fn a_git_that_was_killed_does_not_block_the_next_snapshot() {
    let case = Case::new();
    case.write("a", "a");
    case.take();
    fs::write(case.snapshots().index().with_extension("lock"), "half").expect("a file");
    case.write("a", "b");
    assert_eq!(case.content(&case.take(), "a"), b"b");
}

#[test]
fn a_push_is_remembered_for_its_server_and_project_only() {
    let case = Case::new();
    case.write("a", "a");
    let (commit, snapshots) = (case.take(), case.snapshots());
    let endpoint = |url| Endpoint::try_new(url, "kat_x").expect("an endpoint");
    let (here, there) = (endpoint("http://127.0.0.1:1"), endpoint("http://127.0.0.1:2"));
    let project = ProjectId::generate();
    assert!(!snapshots.is_pushed(&commit, &here, project));
    git::put(&snapshots.pushed_file(&here, project), commit.as_str()).expect("a file");
    assert!(snapshots.is_pushed(&commit, &here, project));
    assert!(!snapshots.is_pushed(&commit, &there, project));
    assert!(!snapshots.is_pushed(&commit, &here, ProjectId::generate()));
}
