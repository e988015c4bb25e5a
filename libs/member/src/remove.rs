//! Removing folders that user code may have filled.
//!
//! ```text
//!   root/a/b/c   ──►   root/b/c        each folder in the root gives its own folders
//!                      root/1 (was b)  to the root, and is then empty
//! ```
//! So neither depth nor the number of open files has a bound to run into:
//! `std::fs::remove_dir_all` holds a folder open for each level that it is in.

use std::{
    ffi::{CStr, CString},
    fs::{self, File},
    io,
    os::fd::AsFd,
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, CWD, Dir, DirEntry, FileType, Mode, OFlags, RenameFlags, chmodat, fchmod, openat, renameat_with,
        statat, unlinkat,
    },
    io::Errno,
    path::Arg,
};

/// Names that are held in memory at once.
const MOST: usize = 4_096;
const OPEN: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Removes a folder with all that is in it, however deep, and though it may be
/// closed against its owner. No link is followed; one that is gone is fine.
///
/// # Errors
/// The system's. What is left can be removed by another call.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    let root = match open(CWD, path) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    let mut fresh = 0;
    loop {
        let folders = empty(&root)?;
        if folders.is_empty() {
            break;
        }
        for name in folders {
            dissolve(&root, &name, &mut fresh)?;
        }
    }
    match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes a folder of the root, whose own folders become the root's.
fn dissolve(root: &File, name: &CStr, fresh: &mut u64) -> Result<(), Errno> {
    let folder = open(root, name)?;
    loop {
        let inner = empty(&folder)?;
        if inner.is_empty() {
            return unlinkat(root, name, AtFlags::REMOVEDIR);
        }
        for name in inner {
            // Whose parent changes must be writable.
            open(&folder, &name)?;
            raise(&folder, &name, root, fresh)?;
        }
    }
}

fn raise(folder: &File, name: &CStr, root: &File, fresh: &mut u64) -> Result<(), Errno> {
    loop {
        *fresh += 1;
        match renameat_with(folder, name, root, fresh.to_string(), RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => {}
            renamed => return renamed,
        }
    }
}

/// Opens a folder to be emptied: open to its owner from now on.
fn open(parent: impl AsFd, name: impl Arg + Copy) -> Result<File, Errno> {
    let opened = match openat(parent.as_fd(), name, OPEN, Mode::empty()) {
        Err(Errno::ACCESS) => {
            chmodat(parent.as_fd(), name, Mode::RWXU, AtFlags::empty())?;
            openat(parent.as_fd(), name, OPEN, Mode::empty())
        }
        opened => opened,
    }?;
    fchmod(&opened, Mode::RWXU)?;
    Ok(opened.into())
}

/// Removes what is no folder; answers some of the folders.
fn empty(folder: &File) -> Result<Vec<CString>, Errno> {
    let mut folders = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if is_folder(folder, &entry)? {
            folders.push(name.to_owned());
        } else {
            unlinkat(folder, name, AtFlags::empty())?;
        }
        if folders.len() == MOST {
            break;
        }
    }
    Ok(folders)
}

fn is_folder(parent: &File, entry: &DirEntry) -> Result<bool, Errno> {
    let kind = match entry.file_type() {
        FileType::Unknown => {
            FileType::from_raw_mode(statat(parent, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?.st_mode)
        }
        known => known,
    };
    Ok(kind.is_dir())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use rustix::fs::mkdirat;

    use super::*;

    #[test]
    fn closed_folders_are_removed_and_links_are_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (attempt, outside) = (folder.path().join("attempt"), folder.path().join("outside"));
        fs::create_dir_all(attempt.join("closed/inner/most")).expect("folders");
        fs::create_dir_all(attempt.join("1/1/1")).expect("folders named as the fresh ones are");
        fs::create_dir(&outside).expect("a folder");
        fs::write(outside.join("file"), "kept").expect("written");
        symlink(&outside, attempt.join("link")).expect("linked");
        symlink(&outside, attempt.join("closed/inner/link")).expect("linked");
        for closed in ["closed/inner", "closed"] {
            fs::set_permissions(attempt.join(closed), fs::Permissions::from_mode(0)).expect("closed");
        }
        remove_folder(&attempt).expect("removed");
        remove_folder(&attempt).expect("removed again");
        assert!(!attempt.exists() && outside.join("file").exists());
    }

    #[test]
    fn no_depth_is_too_deep() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("deep");
        fs::create_dir(&deep).expect("made");
        let mut at = open(CWD, &deep).expect("opened");
        for _ in 0..5_000 {
            mkdirat(&at, "d", Mode::RWXU).expect("made");
            at = open(&at, c"d").expect("opened");
        }
        remove_folder(&deep).expect("removed");
        assert!(!deep.exists());
    }
}
