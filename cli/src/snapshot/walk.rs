//! Which files of a folder a snapshot holds.
//!
//! Regular files and symbolic links (never followed), hidden ones too, less
//! what `.gitignore` files, `.git/info/exclude` and the user's global ignore
//! file leave out. In a Git working tree the `.gitignore` files above the
//! folder count as well, up to the tree's root. Whatever is called `.git` is
//! left out at every depth: the files of a nested repository are plain data.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use ignore::{Walk, WalkBuilder};

use super::{Error, is_git_dir_name};

/// How many bytes of files a snapshot may hold.
pub const CAP: u64 = 1 << 30;

/// The files of a folder, as paths relative to it.
#[derive(Debug, Default)]
pub struct Listing {
    paths: Vec<OsString>,
    total: u64,
    largest: (u64, PathBuf),
}

impl Listing {
    /// The paths.
    pub fn paths(&self) -> impl Iterator<Item = &[u8]> {
        self.paths.iter().map(|path| path.as_bytes())
    }

    /// The paths, each ended by a NUL.
    pub fn nul_separated(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for path in self.paths() {
            bytes.extend_from_slice(path);
            bytes.push(0);
        }
        bytes
    }

    fn add(&mut self, path: &Path, size: u64) {
        self.total += size;
        if size > self.largest.0 {
            self.largest = (size, path.to_owned());
        }
        self.paths.push(path.into());
    }
}

/// What of `folder` a snapshot is taken of, folders included.
pub fn entries(folder: &Path) -> Walk {
    let in_working_tree = folder.ancestors().any(|ancestor| ancestor.join(".git").exists());
    WalkBuilder::new(folder)
        .standard_filters(false)
        .git_ignore(true)
        .git_exclude(true)
        .git_global(true)
        .parents(in_working_tree)
        .require_git(in_working_tree)
        .follow_links(false)
        .filter_entry(|entry| entry.depth() == 0 || !is_git_dir_name(entry.file_name()))
        .build()
}

/// Lists the files of `folder`; refuses more than [`CAP`] bytes.
pub fn list(folder: &Path) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    for entry in entries(folder) {
        let entry = entry.map_err(Error::Walk)?;
        let kind = entry.file_type();
        if !kind.is_some_and(|kind| kind.is_file() || kind.is_symlink()) {
            continue;
        }
        let size = entry.metadata().map_err(Error::Walk)?.len();
        if let Ok(path) = entry.path().strip_prefix(folder) {
            listing.add(path, size);
        }
    }
    if listing.total > CAP {
        let (largest_size, largest) = listing.largest;
        return Err(Error::TooLarge { total: listing.total, largest, largest_size });
    }
    Ok(listing)
}
