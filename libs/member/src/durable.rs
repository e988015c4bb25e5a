//! Small files that are there whole or not at all.
//!
//! A crash leaves at most a file whose name starts with a dot, which nobody reads
//! and the directory's removal takes along.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// Writes a file so that it appears under its name with all its content, and
/// stays there after a power loss. An older one is replaced.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    write_whole_for(Readers::Owner, path, content)
}

/// Who may read a file, beside what its folder allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever wrote it.
    Owner,
    /// Whoever reaches its folder.
    All,
}

/// As [`write_whole`], for these readers.
pub(crate) fn write_whole_for(readers: Readers, path: &Path, content: &[u8]) -> io::Result<()> {
    replace(readers, path, content, true)?;
    sync_folder(split(path)?.0)
}

/// As [`write_whole`], for what a power loss makes pointless: it ends the
/// process that the file speaks of. Saves two waits for the disk.
pub fn write_visible(path: &Path, content: &[u8]) -> io::Result<()> {
    write_visible_for(Readers::Owner, path, content)
}

/// As [`write_visible`], for these readers.
pub(crate) fn write_visible_for(readers: Readers, path: &Path, content: &[u8]) -> io::Result<()> {
    replace(readers, path, content, false)
}

fn replace(readers: Readers, path: &Path, content: &[u8], durable: bool) -> io::Result<()> {
    let (folder, name) = split(path)?;
    let beside = folder.join(format!(".{name}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    if readers == Readers::All {
        // Whatever the umask.
        file.set_permissions(Permissions::from_mode(0o644))?;
    }
    file.write_all(content)?;
    if durable {
        file.sync_all()?;
    }
    fs::rename(&beside, path)
}

/// Creates a file that must not be there yet; false where it is.
pub(crate) fn create_once(path: &Path, content: &[u8]) -> io::Result<bool> {
    let (folder, _) = split(path)?;
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    };
    file.write_all(content)?;
    file.sync_all()?;
    sync_folder(folder)?;
    Ok(true)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn split(path: &Path) -> io::Result<(&Path, &str)> {
    let name = path.file_name().and_then(|name| name.to_str());
    path.parent()
        .zip(name)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a file name in a folder is needed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::read_capped;

    #[test]
    fn a_file_is_replaced_whole_and_created_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("go");
        write_whole(&path, b"one").expect("written");
        write_whole(&path, b"two").expect("replaced");
        assert_eq!(read_capped(&path, 3).expect("read"), Some(b"two".to_vec()));
        assert!(!create_once(&path, b"three").expect("looked"), "there was one");
    }
}
