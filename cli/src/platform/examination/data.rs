//! The data directory: where it lies, who may read it, what is missing of it.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, StatVfsMountFlags, access, statfs, statvfs};

use crate::platform::{home::Home, installation::Installation, secrets::Secrets};

/// What was seen of a data directory.
pub struct DataDirectory {
    /// Where it is, or would be.
    pub root: PathBuf,
    /// Its owner and permission bits, where it is there.
    pub owner_and_mode: Option<(u32, u32)>,
    /// The folder on the way to where jobs work that is closed to other users.
    pub closed: Option<PathBuf>,
    /// What it lies on.
    pub place: Option<Place>,
    /// Files with secrets that others may read, and their permission bits.
    pub open_secrets: Vec<(PathBuf, u32)>,
    /// Secrets without which an installation is not whole.
    pub lost_secrets: Vec<PathBuf>,
    /// Why a file of it cannot be understood.
    pub damage: Vec<String>,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What kind.
    pub kind: Filesystem,
    /// Whether we can write there.
    pub is_writable: bool,
    /// Bytes that are free for us.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Files that can still be made.
    pub free_files: u64,
    /// Files in all; 0 where it does not count them.
    pub total_files: u64,
}

/// A kind of file system, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filesystem {
    /// Gone with the machine's next start.
    Memory(&'static str),
    /// On another machine.
    Network(&'static str),
    /// Anything else.
    Disk,
}

impl DataDirectory {
    pub(super) fn look(home: &Home) -> Self {
        let root = home.root().to_owned();
        let owner_and_mode = fs::metadata(&root).ok().map(|data| (data.uid(), data.mode() & 0o777));
        let is_root = rustix::process::geteuid().is_root();
        Self {
            owner_and_mode,
            closed: if is_root { closed_above(home.work()) } else { None },
            place: Place::of(&root),
            open_secrets: open_files(&[root.join("secrets"), home.keys(), root.join("config")]),
            lost_secrets: lost_secrets(home),
            damage: damage(home),
            root,
        }
    }
}

impl Place {
    /// Where a path lies, or would lie.
    fn of(path: &Path) -> Option<Self> {
        let there = path.ancestors().find(|place| place.exists())?;
        let (kind, room) = (statfs(there).ok()?, statvfs(there).ok()?);
        let read_only = room.f_flag.contains(StatVfsMountFlags::RDONLY);
        Some(Self {
            kind: Filesystem::of(kind.f_type),
            is_writable: !read_only && access(there, Access::WRITE_OK).is_ok(),
            free_bytes: room.f_bavail * room.f_frsize,
            total_bytes: room.f_blocks * room.f_frsize,
            free_files: room.f_favail,
            total_files: room.f_files,
        })
    }
}

impl Filesystem {
    /// By the kernel's magic numbers (statfs(2)).
    const fn of(magic: i64) -> Self {
        match magic {
            0x0102_1994 => Self::Memory("tmpfs"),
            0x8584_58f6 => Self::Memory("ramfs"),
            0x6969 => Self::Network("NFS"),
            0x517b | 0xff53_4d42 | 0xfe53_4d42 => Self::Network("SMB"),
            0x0102_1997 => Self::Network("9P"),
            0x00c3_6400 => Self::Network("Ceph"),
            _ => Self::Disk,
        }
    }
}

/// The first folder on the way to `folder`, itself included, that is closed to other users.
pub fn closed_folder(folder: &Path) -> Option<PathBuf> {
    let is_closed = |place: &&Path| fs::metadata(place).is_ok_and(|data| data.mode() & 0o001 == 0);
    folder.ancestors().filter(is_closed).last().map(Path::to_owned)
}

fn closed_above(work: &Path) -> Option<PathBuf> {
    closed_folder(work.parent()?)
}

/// Files and folders that users other than the owner may read or write.
fn open_files(folders: &[PathBuf]) -> Vec<(PathBuf, u32)> {
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let inside = entries.map(|entry| entry.path());
    let all = folders.iter().cloned().chain(inside);
    let mut open: Vec<(PathBuf, u32)> = all
        .filter_map(|path| Some((path.clone(), fs::symlink_metadata(&path).ok()?.mode() & 0o777)))
        .filter(|(_, mode)| mode & 0o077 != 0)
        .collect();
    open.sort();
    open.dedup();
    open
}

/// A secret of an installation is never made again: what it protects would be lost.
fn lost_secrets(home: &Home) -> Vec<PathBuf> {
    if !home.installation_file().exists() {
        return Vec::new();
    }
    let needed = [home.passwords_file(), home.admin_token_file(), home.blob_key_file()];
    let mut lost: Vec<PathBuf> = needed.into_iter().filter(|path| !path.exists()).collect();
    let mut pairs = fs::read_dir(home.keys()).into_iter().flatten().flatten();
    if !pairs.any(|entry| entry.file_name().to_string_lossy().ends_with(".key.pem")) {
        lost.push(home.keys());
    }
    lost
}

fn damage(home: &Home) -> Vec<String> {
    let installation = Installation::load(home).err();
    let secrets = Secrets::load(home).err();
    let client = if home.client_file().exists() { home.access().err() } else { None };
    let errors = installation.into_iter().chain(secrets).chain(client);
    errors.filter(|error| !matches!(error, crate::platform::Error::NoPlatform(_))).map(|error| error.chain()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_known_by_their_numbers() {
        assert_eq!(Filesystem::of(0x0102_1994), Filesystem::Memory("tmpfs"));
        assert_eq!(Filesystem::of(0x6969), Filesystem::Network("NFS"));
        assert_eq!(Filesystem::of(0xef53), Filesystem::Disk);
    }
}
