//! Results out of real repositories with the real git.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::snapshot::Snapshots;

/// An execution that was given one folder and left another.
struct Case {
    root: tempfile::TempDir,
    repository: Repository,
    source: Source,
}

impl Case {
    /// `given` and `left` are what fills the folder before and after.
    fn new(given: impl FnOnce(&Path), left: impl FnOnce(&Path)) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let work = root.path().join("work");
        fs::create_dir(&work).expect("a folder");
        let dir = root.path().join("repository");
        let snapshots = Snapshots::kept_in(&work, dir.clone()).expect("a repository");
        given(&work);
        let input = snapshots.take().expect("a snapshot");
        left(&work);
        let results = snapshots.take().expect("a snapshot").expect("there are files");
        let (project, execution) = (ProjectId::generate(), ExecutionId::generate());
        let source = Source { project, execution, attempt: 1, input, results };
        let repository = Repository::open(dir).expect("a repository");
        Self { root, repository, source }
    }

    fn target(&self) -> PathBuf {
        self.root.path().join("into")
    }

    fn pull(&self, force: bool) -> Result<Pulled, Error> {
        let changes = changes(&self.repository, &self.source)?;
        place::place(&self.repository, &self.source, &changes, &self.target(), force)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.target().join(path)).expect("it is there")
    }

    fn put(&self, path: &str, content: &str) {
        write(&self.target(), path, content);
    }
}

fn write(folder: &Path, path: &str, content: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder");
    fs::write(path, content).expect("a file");
}

fn paths(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

fn ordinary() -> Case {
    Case::new(
        |work| {
            write(work, "train.py", "code");
            write(work, "notes", "old");
            write(work, "old", "x");
        },
        |work| {
            write(work, "out/model.bin", "model");
            write(work, "notes", "new");
            fs::remove_file(work.join("old")).expect("removed");
        },
    )
}

#[test]
fn what_was_made_or_changed_is_brought_and_nothing_else() {
    let case = ordinary();
    let pulled = case.pull(false).expect("it works");
    assert_eq!(pulled.written, paths(&["notes", "out/model.bin"]));
    assert_eq!(pulled.deleted, paths(&["old"]));
    assert_eq!([case.read("notes"), case.read("out/model.bin")], ["new", "model"]);
    let mut names: Vec<_> =
        fs::read_dir(case.target()).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    names.sort();
    assert_eq!(names, [case.target().join("notes"), case.target().join("out")]);
}

#[test]
fn pulling_again_changes_nothing() {
    let case = ordinary();
    case.pull(false).expect("it works");
    let again = case.pull(false).expect("it works");
    assert_eq!(again.written, paths(&[]));
    assert_eq!(again.unchanged, paths(&["notes", "out/model.bin"]));
}

#[test]
fn a_file_that_is_still_as_given_is_replaced() {
    let case = ordinary();
    case.put("notes", "old");
    case.put("old", "x");
    case.pull(false).expect("it works");
    assert_eq!([case.read("notes"), case.read("old")], ["new", "x"]);
}

#[test]
fn a_file_that_was_changed_here_stops_everything_unless_forced() {
    let case = ordinary();
    case.put("notes", "mine");
    let error = case.pull(false).expect_err("it is in the way");
    assert!(matches!(&error, Error::Conflicts { count: 1, .. }), "{error:?}");
    assert_eq!(case.read("notes"), "mine");
    assert!(!case.target().join("out").exists());
    case.pull(true).expect("it is forced");
    assert_eq!(case.read("notes"), "new");
}

#[test]
fn links_and_modes_arrive() {
    let case = Case::new(
        |work| write(work, "a", "a"),
        |work| {
            symlink("/etc/passwd", work.join("link")).expect("a link");
            write(work, "run", "#!");
            fs::set_permissions(work.join("run"), fs::Permissions::from_mode(0o755)).expect("executable");
        },
    );
    case.pull(false).expect("it works");
    assert_eq!(fs::read_link(case.target().join("link")).expect("a link"), Path::new("/etc/passwd"));
    assert_eq!(fs::metadata(case.target().join("run")).expect("a file").permissions().mode() & 0o111, 0o111);
}

#[test]
fn no_result_is_written_through_a_link() {
    let case = ordinary();
    let outside = case.root.path().join("outside");
    fs::create_dir_all(&outside).expect("a folder");
    fs::create_dir_all(case.target()).expect("a folder");
    symlink(&outside, case.target().join("out")).expect("a link");
    for force in [false, true] {
        assert!(matches!(case.pull(force), Err(Error::NotAFolder { .. })));
    }
    assert_eq!(fs::read_dir(outside).expect("a folder").count(), 0);
}

#[test]
fn without_an_input_everything_is_a_result() {
    let case = Case::new(|_| {}, |work| write(work, "new\nline", "x"));
    assert_eq!(case.pull(false).expect("it works").written, paths(&["new\nline"]));
}

#[test]
fn each_file_has_a_version_that_its_content_and_kind_decide() {
    let case = ordinary();
    let versions = versions::changed(&case.repository, &case.source).expect("it works");
    let names: Vec<&PathBuf> = versions.keys().collect();
    assert_eq!(names, [Path::new("notes"), Path::new("old"), Path::new("out/model.bin")]);
    assert_eq!(versions[Path::new("old")], "deleted");
    let again = ordinary();
    assert_eq!(versions::changed(&again.repository, &again.source).expect("it works"), versions);
    let other = Case::new(
        |_| {},
        |work| {
            write(work, "notes", "new");
            fs::set_permissions(work.join("notes"), fs::Permissions::from_mode(0o755)).expect("executable");
            symlink("notes", work.join("link")).expect("a link");
        },
    );
    let other = versions::changed(&other.repository, &other.source).expect("it works");
    assert_eq!(other[Path::new("notes")], format!("{} executable", versions[Path::new("notes")]));
    assert!(other[Path::new("link")].ends_with(" link"), "{other:?}");
}
