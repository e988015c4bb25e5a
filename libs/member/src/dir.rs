//! One member's directory, and the folder of them all.
//!
//! Creation is atomic: a directory is filled under a name that starts with a
//! dot, then renamed. Removal is the reverse, so that nobody ever sees half.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    durable::{Readers, create_once, sync_folder, write_visible_for, write_whole, write_whole_for},
    exit::{ContainerEnd, Exit, Launched, Stop},
    hostile::read_capped,
    launch::{Launch, RunAs},
    liveness::{AgentLock, Liveness, ShimLock, liveness},
    remove::remove_folder,
    time::UnixNanos,
};

/// A command and its environment fit in far less.
const FILE_CAP: u64 = 1024 * 1024;
/// What a shim in a container may only read.
const ORDERS: &str = "orders";
/// What it writes, with its user's rights.
const ANSWERS: &str = "answers";

/// What can go wrong with a member directory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of it cannot be read or written.
    #[error("cannot access {path} of a member")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of it is not what it should be.
    #[error("{path} of a member is damaged")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The name cannot be a member directory's.
    #[error("`{0}` is no name of a member directory")]
    Name(String),
}

/// A result of this module.
pub type Result<T> = std::result::Result<T, Error>;

/// The folder of all members of one machine.
#[derive(Debug, Clone)]
pub struct Members {
    root: PathBuf,
}

impl Members {
    /// Opens it, making it where there is none.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        DirBuilder::new().recursive(true).mode(0o700).create(&root).map_err(at(&root))?;
        Ok(Self { root })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// All members, in order of name.
    pub fn list(&self) -> Result<Vec<MemberDir>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(at(&self.root))? {
            let entry = entry.map_err(at(&self.root))?;
            let name = entry.file_name();
            let visible = name.to_str().is_some_and(|name| !name.starts_with('.'));
            if visible && entry.file_type().map_err(at(&self.root))?.is_dir() {
                found.push(MemberDir { path: entry.path() });
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// The member of that name (`MemberId::container_name`), whether or not there is one.
    pub fn member(&self, name: &str) -> Result<MemberDir> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return Err(Error::Name(name.to_owned()));
        }
        Ok(MemberDir { path: self.root.join(name) })
    }

    /// Makes a member's directory, durable before this returns: the shim may be
    /// started on it. One that is there already is left as it is.
    pub fn create(&self, name: &str, launch: &Launch, ticket: &str) -> Result<MemberDir> {
        self.fill(name, |draft| {
            DirBuilder::new().mode(0o700).create(draft.spool()).map_err(at(&draft.path))?;
            draft.prepare(launch, ticket)
        })
    }

    /// As [`Self::create`], for a shim in a container that reads `inside` and
    /// runs as the launch's user.
    pub fn create_contained(&self, name: &str, launch: &Launch, inside: &Launch, ticket: &str) -> Result<MemberDir> {
        self.fill(name, |draft| {
            for folder in [draft.path.join(ORDERS), draft.path.join(ANSWERS)] {
                DirBuilder::new().create(&folder).map_err(at(&folder))?;
                // Whatever the umask; the folder around them is closed to all.
                fs::set_permissions(&folder, Permissions::from_mode(0o755)).map_err(at(&folder))?;
            }
            DirBuilder::new().mode(0o700).create(draft.spool()).map_err(at(&draft.path))?;
            draft.put("orders/launch.json", inside, |path, content| write_whole_for(Readers::All, path, content))?;
            if let Some(RunAs { uid, gid }) = launch.run_as {
                for folder in [draft.path.join(ANSWERS), draft.spool()] {
                    chown(&folder, Some(uid), Some(gid)).map_err(at(&folder))?;
                }
            }
            draft.prepare(launch, ticket)
        })
    }

    fn fill(&self, name: &str, fill: impl FnOnce(&MemberDir) -> Result<()>) -> Result<MemberDir> {
        let member = self.member(name)?;
        if member.exists() {
            return Ok(member);
        }
        let draft = MemberDir { path: self.root.join(format!(".{name}.new")) };
        draft.remove_tree()?;
        DirBuilder::new().mode(0o700).create(&draft.path).map_err(at(&draft.path))?;
        fill(&draft)?;
        match fs::rename(&draft.path, &member.path) {
            // Somebody else made it meanwhile.
            Err(_) if member.exists() => draft.remove_tree()?,
            renamed => renamed.map_err(at(&member.path))?,
        }
        sync_folder(&self.root).map_err(at(&self.root))?;
        Ok(member)
    }

    /// Removes what a crash left half removed.
    pub fn sweep(&self) -> Result<()> {
        for entry in fs::read_dir(&self.root).map_err(at(&self.root))? {
            let path = entry.map_err(at(&self.root))?.path();
            let gone = path.extension().is_some_and(|extension| extension == "gone");
            if gone {
                MemberDir { path }.remove_tree()?;
            }
        }
        Ok(())
    }

    /// Takes the right to serve this folder, or `None` where another agent has it.
    pub fn lock_for_agent(&self) -> Result<Option<AgentLock>> {
        let path = self.agent_file();
        AgentLock::acquire(&path).map_err(at(&path))
    }

    /// Whether an agent serves this folder.
    pub fn agent(&self) -> Result<Liveness> {
        let path = self.agent_file();
        liveness(&path).map_err(at(&path))
    }

    fn agent_file(&self) -> PathBuf {
        self.root.join(".agent")
    }
}

/// The directory of one member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MemberDir {
    path: PathBuf,
}

impl MemberDir {
    /// The directory at a path, as a shim is given it.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name, the container name.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether there is one.
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Whether its shim runs in a container, with its user's rights: what it
    /// wrote may be anything then.
    pub fn is_contained(&self) -> bool {
        self.path.join(ORDERS).is_dir()
    }

    /// The folder of what is written for the shim.
    pub fn orders(&self) -> PathBuf {
        if self.is_contained() { self.path.join(ORDERS) } else { self.path.clone() }
    }

    /// The folder of what the shim writes.
    pub fn answers(&self) -> PathBuf {
        if self.is_contained() { self.path.join(ANSWERS) } else { self.path.clone() }
    }

    /// The folder of the spool.
    pub fn spool(&self) -> PathBuf {
        self.answers().join("spool")
    }

    /// A file or folder that only the agent uses.
    pub fn agent_file(&self, name: &str) -> PathBuf {
        self.path.join(format!("agent-{name}"))
    }

    /// What to run.
    pub fn launch(&self) -> Result<Option<Launch>> {
        self.read("launch.json")
    }

    /// What to run, as its shim is told: with the paths that it sees.
    pub fn launch_for_shim(&self) -> Result<Option<Launch>> {
        read(&self.orders().join("launch.json"))
    }

    /// The launch ticket.
    pub fn ticket(&self) -> Result<Option<String>> {
        self.text("ticket")
    }

    /// The nonce that the agent claims with.
    pub fn nonce(&self) -> Result<Option<String>> {
        self.text("nonce")
    }

    /// Stores the nonce; durable when this returns.
    pub fn set_nonce(&self, nonce: &str) -> Result<()> {
        let path = self.path.join("nonce");
        write_whole(&path, nonce.as_bytes()).map_err(at(&path))
    }

    /// Whether user code may start.
    pub fn may_go(&self) -> bool {
        self.orders().join("go").exists()
    }

    /// When user code was let go, as the machine has it: out of a container's reach.
    pub fn went(&self) -> Option<UnixNanos> {
        let went = fs::metadata(self.orders().join("go")).and_then(|go| go.modified()).ok()?;
        Some(went.into())
    }

    /// Lets user code start: the claim is held and the files are there.
    pub fn go(&self) -> Result<()> {
        let path = self.orders().join("go");
        write_visible_for(self.readers(), &path, b"").map_err(at(&path))
    }

    /// The order to end, if there is one.
    pub fn stop(&self) -> Result<Option<Stop>> {
        read(&self.orders().join("stop.json"))
    }

    /// Orders the shim to end, or never to start. The first order stands.
    pub fn order_stop(&self, stop: &Stop) -> Result<()> {
        if self.stop()?.is_some() {
            return Ok(());
        }
        let readers = self.readers();
        put(&self.orders().join("stop.json"), stop, |path, content| write_visible_for(readers, path, content))
    }

    fn readers(&self) -> Readers {
        if self.is_contained() { Readers::All } else { Readers::Owner }
    }

    /// Takes the shim's lock, or `None` where another shim holds it.
    pub fn lock_for_shim(&self) -> Result<Option<ShimLock>> {
        let path = self.answers().join("lock");
        ShimLock::acquire(&path).map_err(at(&path))
    }

    /// Whether its shim lives. Of one in a container it is only a hint: user
    /// code can do away with the lock.
    pub fn liveness(&self) -> Result<Liveness> {
        let path = self.answers().join("lock");
        liveness(&path).map_err(at(&path))
    }

    /// Takes the one right to start user code; false where it is taken.
    pub fn start_once(&self) -> Result<bool> {
        let path = self.answers().join("started");
        let now = UnixNanos::now().get().to_string();
        create_once(&path, now.as_bytes()).map_err(at(&path))
    }

    /// Whether the right to start user code is taken.
    pub fn is_started(&self) -> bool {
        self.answers().join("started").exists()
    }

    /// When the command started to run.
    pub fn launched(&self) -> Result<Option<Launched>> {
        read(&self.answers().join("launched.json"))
    }

    /// Says that the command runs.
    pub fn set_launched(&self, launched: Launched) -> Result<()> {
        put(&self.answers().join("launched.json"), &launched, |path, content| {
            write_visible_for(Readers::Owner, path, content)
        })
    }

    /// How it ended: the record that decides.
    pub fn exit(&self) -> Result<Option<Exit>> {
        self.read("exit.json")
    }

    /// Says how it ended; durable when this returns.
    pub fn set_exit(&self, exit: &Exit) -> Result<()> {
        self.write("exit.json", exit)
    }

    /// What the shim says about the end; the same record, but for one in a container.
    pub fn shim_exit(&self) -> Result<Option<Exit>> {
        read(&self.answers().join("exit.json"))
    }

    /// Says, as the shim, how it ended; durable when this returns.
    pub fn set_shim_exit(&self, exit: &Exit) -> Result<()> {
        put(&self.answers().join("exit.json"), exit, write_whole)
    }

    /// What the engine says about the end of its container.
    pub fn container_end(&self) -> Result<Option<ContainerEnd>> {
        self.read("container-end.json")
    }

    /// Says that its container is over.
    pub fn set_container_end(&self, end: &ContainerEnd) -> Result<()> {
        self.write("container-end.json", end)
    }

    /// Takes that back: another container takes its place.
    pub fn clear_container_end(&self) -> Result<()> {
        let path = self.path.join("container-end.json");
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(at(&path)),
        }
    }

    /// Removes the directory: at once from sight, then from disk.
    pub fn remove(&self) -> Result<()> {
        let gone = Self { path: self.path.with_file_name(format!(".{}.gone", self.name())) };
        gone.remove_tree()?;
        match fs::rename(&self.path, &gone.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed.map_err(at(&self.path))?,
        }
        gone.remove_tree()
    }

    fn remove_tree(&self) -> Result<()> {
        remove_folder(&self.path).map_err(at(&self.path))
    }

    fn prepare(&self, launch: &Launch, ticket: &str) -> Result<()> {
        self.write("launch.json", launch)?;
        let path = self.path.join("ticket");
        write_whole(&path, ticket.as_bytes()).map_err(at(&path))
    }

    /// Reads one of its JSON files.
    pub fn read<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>> {
        read(&self.path.join(file))
    }

    /// Writes one of its JSON files, whole and durable.
    pub fn write<T: Serialize>(&self, file: &str, content: &T) -> Result<()> {
        self.put(file, content, write_whole)
    }

    fn put<T: Serialize>(
        &self,
        file: &str,
        content: &T,
        write: impl FnOnce(&Path, &[u8]) -> io::Result<()>,
    ) -> Result<()> {
        put(&self.path.join(file), content, write)
    }

    fn text(&self, file: &str) -> Result<Option<String>> {
        let path = self.path.join(file);
        let content = read_capped(&path, FILE_CAP).map_err(at(&path))?;
        Ok(content.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(content) = read_capped(path, FILE_CAP).map_err(at(path))? else { return Ok(None) };
    serde_json::from_slice(&content).map(Some).map_err(|source| Error::Damaged { path: path.to_owned(), source })
}

fn put<T: Serialize>(path: &Path, content: &T, write: impl FnOnce(&Path, &[u8]) -> io::Result<()>) -> Result<()> {
    let content = serde_json::to_vec(content);
    let content = content.map_err(|source| Error::Damaged { path: path.to_owned(), source })?;
    write(path, &content).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{exit::StopReason, launch::example};

    #[test]
    fn a_member_is_made_once_found_and_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let members = Members::open(folder.path().join("members")).expect("members");
        let member = members.create("exe-1-1-main-0", &example(), "kmt_1").expect("made");
        members.create("exe-1-1-main-0", &example(), "kmt_2").expect("left as it is");
        assert_eq!(member.ticket().expect("read"), Some("kmt_1".to_owned()));
        assert_eq!(member.launch().expect("read"), Some(example()));
        assert_eq!(members.list().expect("listed"), std::slice::from_ref(&member));
        assert!(member.start_once().expect("asked"));
        assert!(!member.start_once().expect("asked"), "user code started twice");
        member.remove().expect("removed");
        member.remove().expect("removed again");
        fs::create_dir(members.path().join(".exe-2.gone")).expect("left by a crash");
        members.sweep().expect("swept");
        assert!(!members.path().join(".exe-2.gone").exists());
        assert_eq!(members.list().expect("listed"), []);
    }

    #[test]
    fn the_first_stop_order_stands() {
        let folder = tempfile::tempdir().expect("a folder");
        let member = MemberDir::at(folder.path());
        let order = |reason| Stop { reason, message: String::new() };
        member.order_stop(&order(StopReason::User)).expect("written");
        member.order_stop(&order(StopReason::Abandoned)).expect("ignored");
        assert_eq!(member.stop().expect("read"), Some(order(StopReason::User)));
    }

    #[test]
    fn a_contained_member_keeps_what_user_code_must_not_reach_from_its_shim() {
        let folder = tempfile::tempdir().expect("a folder");
        let members = Members::open(folder.path()).expect("members");
        let launch = Launch { run_as: None, ..example() };
        let inside = Launch { folder: "/katonic/job".into(), ..launch.clone() };
        let member = members.create_contained("exe-1-1-main-0", &launch, &inside, "kmt_1").expect("made");
        assert!(member.is_contained());
        member.go().expect("written");
        member.order_stop(&Stop { reason: StopReason::User, message: String::new() }).expect("written");
        let names = |folder: PathBuf| {
            let entries = fs::read_dir(folder).expect("a folder");
            let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(member.orders()), ["go", "launch.json", "stop.json"]);
        assert_eq!(names(member.answers()), ["spool"]);
        for file in names(member.orders()) {
            let mode = fs::metadata(member.orders().join(file)).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o644, "its user must be able to read it");
        }
        assert_eq!(member.launch().expect("read"), Some(launch));
        assert_eq!(member.launch_for_shim().expect("read"), Some(inside));
        assert!(member.start_once().expect("asked") && member.is_started());
        assert_eq!(member.exit().expect("read"), None, "what the shim writes does not decide");
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let members = Members::open(folder.path()).expect("members");
        for name in ["", ".", "..", "a/b", ".agent", "a\0"] {
            assert!(members.member(name).is_err(), "{name:?} was taken");
        }
    }
}
