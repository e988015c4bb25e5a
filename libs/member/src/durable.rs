//! Small files that are there whole or not at all.
//!
//! A crash leaves at most a file whose name starts with a dot, which nobody reads
//! and the directory's removal takes along.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Writes a file so that it appears under its name with all its content, and
/// stays there after a power loss. An older one is replaced.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    replace(path, content, true)?;
    sync_folder(split(path)?.0)
}

/// As [`write_whole`], for what a power loss makes pointless: it ends the
/// process that the file speaks of. Saves two waits for the disk.
pub fn write_visible(path: &Path, content: &[u8]) -> io::Result<()> {
    replace(path, content, false)
}

fn replace(path: &Path, content: &[u8], durable: bool) -> io::Result<()> {
    let (folder, name) = split(path)?;
    let beside = folder.join(format!(".{name}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
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

/// Reads a file of at most `cap` bytes; `None` where there is none.
pub fn read_capped(path: &Path, cap: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    file.take(cap + 1).read_to_end(&mut content)?;
    if content.len() as u64 > cap {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than its cap"));
    }
    Ok(Some(content))
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

    #[test]
    fn a_file_is_replaced_whole_and_created_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("go");
        write_whole(&path, b"one").expect("written");
        write_whole(&path, b"two").expect("replaced");
        assert_eq!(read_capped(&path, 3).expect("read"), Some(b"two".to_vec()));
        assert!(!create_once(&path, b"three").expect("looked"), "there was one");
        assert!(read_capped(&path, 2).is_err(), "over the cap");
        assert_eq!(read_capped(&folder.path().join("none"), 3).expect("looked"), None);
    }
}
