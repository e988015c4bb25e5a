//! The folder that one stands in, as `katonic run` would send it.
//!
//! The walk is the snapshot's own, and ends early in a folder that has no end.

use std::{
    env, fs,
    path::{Component, Path, PathBuf},
};

use crate::{
    commands::run::current_folder,
    project::{self, ProjectRef},
    snapshot::walk,
};

/// Files after which the walk is given up: more than any project has.
const MOST_FILES: usize = 200_000;
/// How many files of a kind are remembered by name.
const NAMED: usize = 5;

/// What was seen of a folder.
#[derive(Default)]
pub struct Folder {
    /// Where it is; none where it is gone.
    pub path: Option<PathBuf>,
    /// The user's own folder, or the root of everything.
    pub is_home: bool,
    /// Files that would be sent.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The largest of them.
    pub largest: (u64, PathBuf),
    /// Whether there are more files than were looked at.
    pub endless: bool,
    /// Files that look like secrets.
    pub secrets: Vec<PathBuf>,
    /// Folders of tools and caches, which nobody means to send.
    pub rubbish: Vec<PathBuf>,
    /// Links to what is not sent along.
    pub links_out: Vec<PathBuf>,
    /// The project that belongs to it, or why none does.
    pub project: Option<Result<ProjectRef, project::Error>>,
    /// Whether a file names that project.
    pub is_tied: bool,
}

impl Folder {
    /// Looks at the current folder.
    pub fn gather() -> Self {
        let Ok(path) = current_folder() else { return Self::default() };
        let home = env::var_os("HOME").map(PathBuf::from).and_then(|home| home.canonicalize().ok());
        let mut folder = Self {
            is_home: path == Path::new("/") || home.is_some_and(|home| home == path),
            project: Some(project::of_folder(None, &path)),
            is_tied: project::ties(&path),
            ..Self::default()
        };
        folder.walk(&path);
        folder.path = Some(path);
        folder
    }

    fn walk(&mut self, root: &Path) {
        for entry in walk::entries(root).flatten() {
            if self.files >= MOST_FILES {
                self.endless = true;
                return;
            }
            let Ok(path) = entry.path().strip_prefix(root) else { continue };
            let Some(kind) = entry.file_type() else { continue };
            if kind.is_file() {
                self.file(path, entry.metadata().map_or(0, |data| data.len()));
            } else if kind.is_symlink() && leads_out(root, entry.path()) {
                remember(&mut self.links_out, path);
            } else if kind.is_dir() {
                self.folder(path);
            }
        }
    }

    /// Of many folders of one name, the first stands for all.
    fn folder(&mut self, path: &Path) {
        let name = path.file_name();
        let is_new = self.rubbish.iter().all(|known| known.file_name() != name);
        if is_new && name.is_some_and(|name| is_rubbish(&name.to_string_lossy())) {
            remember(&mut self.rubbish, path);
        }
    }

    fn file(&mut self, path: &Path, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
        if bytes > self.largest.0 {
            self.largest = (bytes, path.to_owned());
        }
        if path.file_name().is_some_and(|name| is_secret(&name.to_string_lossy())) {
            remember(&mut self.secrets, path);
        }
    }
}

fn remember(list: &mut Vec<PathBuf>, path: &Path) {
    if list.len() < NAMED {
        list.push(path.to_owned());
    }
}

/// Names under which people keep keys, passwords and tokens.
fn is_secret(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        ".netrc",
        ".pgpass",
        ".pypirc",
        "credentials.json",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        "id_rsa",
        "kubeconfig",
    ];
    const ENDINGS: [&str; 4] = [".key", ".p12", ".pfx", ".keystore"];
    let name = name.to_ascii_lowercase();
    let environment = name == ".env" || (name.starts_with(".env.") && !name.ends_with("example"));
    environment || NAMES.contains(&name.as_str()) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Folders that a tool can make again.
fn is_rubbish(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "__pycache__",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        ".venv",
        "node_modules",
        "venv",
    ];
    NAMES.contains(&name)
}

/// Whether a link's target lies outside the folder: jobs find nothing there.
fn leads_out(root: &Path, link: &Path) -> bool {
    let Ok(target) = fs::read_link(link) else { return false };
    let from = link.parent().unwrap_or(root);
    !plain(&from.join(target)).starts_with(root)
}

/// A path without `.` and `..`, whether or not anything is there.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [".env", ".env.production", "id_rsa", "server.KEY", "credentials.json"] {
            assert!(is_secret(name), "{name}");
        }
        for name in [".env.example", "id_rsa.pub", "keys.py", "environment.yml"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
