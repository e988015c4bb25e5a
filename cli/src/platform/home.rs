//! The data directory of a one-machine installation: where everything lies.
//!
//! ```text
//! <home>/            0700, no user code traverses it
//!   installation.json  id, incarnation, ports, store engine: chosen once
//!   client.toml        where the gateway is, for the CLI
//!   lock               held by the supervisor as long as it lives
//!   secrets/           admin-token, passwords.json, blob.key, keys/<kid>.{key,pub}.pem
//!   config/            <part>.toml, one a service, with its own credentials only
//!   run/               identity of each process, the supervisor's state.json
//!   servers/           store, rabbitmq, redis
//!   log/               <part>.log
//!   repos/ blobs/ members/ search/ cache/git/
//! <work>/            0711, beside it: the folders in which users' code runs
//! ```

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{error::Error, files, part::Part};

/// Free space without which nothing is started: the store preallocates logs of 128 MiB, the broker stops below 48.
const NEEDED_MIB: u64 = 512;

/// The data directory and the work root beside it.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
    work: PathBuf,
}

/// Content of `client.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFile {
    /// Base URI of the gateway, such as `http://127.0.0.1:7400`.
    pub gateway: String,
}

/// What the CLI needs to talk to this machine's platform.
#[derive(Debug, Clone)]
pub struct LocalAccess {
    /// Base URI of the gateway.
    pub gateway: String,
    /// The local admin's token.
    pub token: String,
}

impl Home {
    /// `KATONIC_HOME`, else `/var/lib/katonic` as root, else `~/.local/share/katonic`.
    ///
    /// # Errors
    /// [`Error::NoHome`] where none of them is known.
    pub fn discover() -> Result<Self, Error> {
        if let Some(root) = env::var_os("KATONIC_HOME").filter(|value| !value.is_empty()) {
            let root = std::path::absolute(&root).map_err(Error::file("resolve", &root))?;
            return Ok(Self::at(root));
        }
        if rustix::process::geteuid().is_root() {
            return Ok(Self::at(PathBuf::from("/var/lib/katonic")));
        }
        let home = env::var_os("HOME").filter(|value| !value.is_empty()).ok_or(Error::NoHome)?;
        Ok(Self::at(PathBuf::from(home).join(".local/share/katonic")))
    }

    /// The data directory at a path; its work root is `<path>-work`.
    pub fn at(root: PathBuf) -> Self {
        let mut work = root.clone().into_os_string();
        work.push("-work");
        Self { root, work: work.into() }
    }

    /// Makes what is missing of it.
    pub(super) fn create(&self) -> Result<(), Error> {
        files::make_dir(&self.root, 0o700)?;
        for folder in
            ["secrets", "secrets/keys", "config", "run", "servers", "log", "repos", "blobs", "members", "search"]
        {
            files::make_dir(&self.root.join(folder), 0o700)?;
        }
        files::make_dir(&self.git_cache(), 0o700)?;
        files::make_dir(&self.work, 0o711)?;
        self.check_room()?;
        self.check_work_is_reachable()
    }

    fn check_room(&self) -> Result<(), Error> {
        let room = rustix::fs::statvfs(&self.root).map_err(|error| Error::file("look at", &self.root)(error.into()))?;
        let free_mib = (room.f_bavail * room.f_frsize) >> 20;
        if free_mib < NEEDED_MIB {
            return Err(Error::DiskFull { path: self.root.clone(), free_mib, needed_mib: NEEDED_MIB });
        }
        Ok(())
    }

    /// Only root runs jobs under other uids; for others every folder is their own.
    fn check_work_is_reachable(&self) -> Result<(), Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        for folder in self.work.ancestors().skip(1) {
            let mode = fs::metadata(folder).map_err(Error::file("look at", folder))?.permissions().mode();
            if mode & 0o001 == 0 {
                return Err(Error::WorkUnreachable { closed: folder.to_owned(), work: self.work.clone() });
            }
        }
        Ok(())
    }

    /// The gateway's address and the admin's token of the platform here.
    ///
    /// # Errors
    /// [`Error::NoPlatform`] where `katonic up` has never run here; unreadable files.
    pub fn access(&self) -> Result<LocalAccess, Error> {
        let missing = || Error::NoPlatform(self.root.clone());
        let path = self.client_file();
        let text = files::read_text(&path)?.ok_or_else(missing)?;
        let client: ClientFile =
            toml::from_str(&text).map_err(|error| Error::Damaged { path, source: Box::new(error) })?;
        let token = files::read_text(&self.admin_token_file())?.ok_or_else(missing)?;
        Ok(LocalAccess { gateway: client.gateway, token: token.trim().to_owned() })
    }

    /// The data directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where users' code runs.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// The local admin's token, mode 0600.
    pub fn admin_token_file(&self) -> PathBuf {
        self.root.join("secrets/admin-token")
    }

    /// Where the gateway is.
    pub fn client_file(&self) -> PathBuf {
        self.root.join("client.toml")
    }

    pub(super) fn installation_file(&self) -> PathBuf {
        self.root.join("installation.json")
    }

    pub(super) fn lock_file(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(super) fn passwords_file(&self) -> PathBuf {
        self.root.join("secrets/passwords.json")
    }

    pub(super) fn blob_key_file(&self) -> PathBuf {
        self.root.join("secrets/blob.key")
    }

    pub(super) fn keys(&self) -> PathBuf {
        self.root.join("secrets/keys")
    }

    pub(super) fn config(&self, part: Part) -> PathBuf {
        self.root.join("config").join(format!("{part}.toml"))
    }

    pub(super) fn server(&self, part: Part) -> PathBuf {
        self.root.join("servers").join(part.name())
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.root.join("log").join(format!("{name}.log"))
    }

    pub(super) fn identity(&self, name: &str) -> PathBuf {
        self.root.join("run").join(format!("{name}.json"))
    }

    pub(super) fn state_file(&self) -> PathBuf {
        self.root.join("run/state.json")
    }

    pub(super) fn repos(&self) -> PathBuf {
        self.root.join("repos")
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(super) fn search(&self) -> PathBuf {
        self.root.join("search")
    }

    pub(super) fn members(&self) -> PathBuf {
        self.root.join("members")
    }

    pub(super) fn git_cache(&self) -> PathBuf {
        self.root.join("cache/git")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_root_lies_beside_the_data_directory() {
        let home = Home::at(PathBuf::from("/srv/katonic"));
        assert_eq!(home.work(), Path::new("/srv/katonic-work"));
    }

    #[test]
    fn a_folder_without_a_platform_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(folder.path().join("none"));
        assert!(matches!(home.access(), Err(Error::NoPlatform(_))));
    }
}
