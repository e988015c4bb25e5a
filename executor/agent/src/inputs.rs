//! Preparing an attempt's folder: the input files, as they are in the commit,
//! owned by the attempt's user.
//!
//! Until it is ready the folder is closed to that user, so that nothing in it
//! can change under our hands. A crash leaves a folder without a manifest: it
//! is removed and made anew.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::{
        fd::AsFd,
        unix::{ffi::OsStringExt, fs::DirBuilderExt},
    },
    path::Path,
};

use katonic_domain::CommitId;
use katonic_member::{Launch, MemberDir, RunAs, hostile, remove_folder};
use rustix::fs::{AtFlags, Mode, OFlags, chownat, fchown, mkdirat, openat, symlinkat};
use rustix::process::{Gid, Uid};

use crate::{
    git::Repository,
    manifest::Manifest,
    results,
    tree::{Entry, Error, Kind, MAX_DEPTH, Objects},
};

/// Where the manifest is kept.
pub const MANIFEST: &str = "manifest";
/// A link longer than this cannot be made.
const MAX_LINK_BYTES: usize = 4095;

/// Makes the folder; does nothing where it is ready.
pub fn prepare(member: &MemberDir, launch: &Launch, files: Option<(&Repository, &CommitId)>) -> Result<(), Error> {
    let manifest_file = member.agent_file(MANIFEST);
    if manifest_file.exists() {
        return Ok(());
    }
    remove_folder(&launch.folder)?;
    if let Some(root) = launch.folder.parent() {
        DirBuilder::new().recursive(true).mode(0o711).create(root)?;
    }
    for folder in [&launch.folder, &launch.work_folder(), &launch.temporary_folder()] {
        DirBuilder::new().mode(0o700).create(folder)?;
    }
    let work = launch.work_folder();
    let tree = match files {
        Some((repository, commit)) => write(repository, commit, &work, launch.run_as)?,
        None => String::new(),
    };
    let manifest = Manifest { tree, files: results::scan(&hostile::open_folder(&work)?).map_err(io::Error::other)? };
    for folder in [&launch.temporary_folder(), &work] {
        give(&File::open(folder)?, launch.run_as)?;
    }
    katonic_member::write_whole(&manifest_file, &manifest.encode())?;
    // Last: from here on it is the user's.
    give(&File::open(&launch.folder)?, launch.run_as)?;
    Ok(())
}

fn write(repository: &Repository, commit: &CommitId, work: &Path, owner: Option<RunAs>) -> Result<String, Error> {
    let mut objects = Objects::open(repository)?;
    let root = objects.root(commit.as_str())?;
    let mut writer = Writer { objects, owner };
    writer.folder(&root, &File::open(work)?, 0)?;
    Ok(root)
}

struct Writer {
    objects: Objects,
    owner: Option<RunAs>,
}

impl Writer {
    fn folder(&mut self, tree: &str, folder: &File, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::Depth);
        }
        for entry in self.objects.tree(tree)? {
            match entry.kind {
                Kind::File => self.file(&entry, folder, 0o644)?,
                Kind::Executable => self.file(&entry, folder, 0o755)?,
                Kind::Link => self.link(&entry, folder)?,
                Kind::Folder => {
                    let inner = self.make(&entry, folder)?;
                    self.folder(&entry.object, &inner, depth + 1)?;
                }
                // An empty folder, as a clone without submodules has it.
                Kind::Submodule => drop(self.make(&entry, folder)?),
            }
        }
        Ok(())
    }

    fn make(&self, entry: &Entry, folder: &File) -> io::Result<File> {
        mkdirat(folder, entry.name.as_slice(), Mode::from_raw_mode(0o755))?;
        let made = hostile::open_below(folder, entry.name.as_slice(), OFlags::DIRECTORY)?;
        give(&made, self.owner)?;
        Ok(made)
    }

    fn file(&mut self, entry: &Entry, folder: &File, mode: u32) -> Result<(), Error> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = openat(folder, entry.name.as_slice(), flags, Mode::from_raw_mode(mode)).map_err(io::Error::from)?;
        let mut file = File::from(made);
        self.objects.blob(&entry.object, &mut file)?;
        file.flush()?;
        give(&file, self.owner)?;
        Ok(())
    }

    fn link(&mut self, entry: &Entry, folder: &File) -> Result<(), Error> {
        let mut target = Vec::new();
        self.objects.blob(&entry.object, &mut target)?;
        if target.is_empty() || target.len() > MAX_LINK_BYTES || target.contains(&0) {
            return Err(Error::Damaged(entry.object.clone()));
        }
        let target = std::ffi::OsString::from_vec(target);
        symlinkat(&target, folder, entry.name.as_slice()).map_err(io::Error::from)?;
        if let Some(owner) = self.owner {
            let (uid, gid) = ids(owner);
            chownat(folder, entry.name.as_slice(), uid, gid, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)?;
        }
        Ok(())
    }
}

fn give(file: &impl AsFd, owner: Option<RunAs>) -> io::Result<()> {
    let Some(owner) = owner else { return Ok(()) };
    let (uid, gid) = ids(owner);
    Ok(fchown(file, uid, gid)?)
}

fn ids(owner: RunAs) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))
}

/// What the files were when user code started.
pub fn manifest(member: &MemberDir) -> io::Result<Manifest> {
    let bytes = fs::read(member.agent_file(MANIFEST))?;
    Manifest::decode(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
