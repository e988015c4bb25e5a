//! Private files, written whole or not at all.
//!
//! A crash leaves the old content or the new, never a part: written beside,
//! synced, renamed. What holds a secret is 0600 from its first byte.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

use super::error::Error;

const PRIVATE_FILE: u32 = 0o600;

/// Makes a folder, and those above it, with this mode where it is missing.
pub fn make_dir(path: &Path, mode: u32) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(Error::file("make", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(Error::file("protect", path))
}

/// Replaces a file's content; nobody else may read it.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    let beside = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE_FILE).open(&beside)?;
        file.set_permissions(fs::Permissions::from_mode(PRIVATE_FILE))?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(Error::file("write", path))
}

/// Replaces a file's content by a value as JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::Damaged { path: path.to_owned(), source: Box::new(error) })?;
    text.push(b'\n');
    write_private(path, &text)
}

/// A file's text; `None` where there is no file.
pub fn read_text(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", path)(error)),
    }
}

/// A JSON file's value; `None` where there is no file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| Error::Damaged { path: path.to_owned(), source: Box::new(error) })
}

/// Removes a file that may be gone already.
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("remove", path)(error)),
        _ => Ok(()),
    }
}

/// A log is put aside when it has grown past this at a start of its part.
const LOG_LIMIT_BYTES: u64 = 16 << 20;

/// Opens a log to append to; a large one is first put aside as `<name>.old`.
pub fn open_log(path: &Path) -> Result<File, Error> {
    if fs::metadata(path).is_ok_and(|data| data.len() > LOG_LIMIT_BYTES) {
        fs::rename(path, path.with_extension("log.old")).map_err(Error::file("put aside", path))?;
    }
    OpenOptions::new().append(true).create(true).mode(PRIVATE_FILE).open(path).map_err(Error::file("open", path))
}

/// The last lines of a log, for an error's reader.
pub fn tail(path: &Path, lines: usize) -> Vec<String> {
    const WINDOW_BYTES: u64 = 16 << 10;
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(WINDOW_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(WINDOW_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_replaced_whole_and_closed_to_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        write_private(&path, b"a longer content").expect("written");
        write_private(&path, b"short").expect("replaced");
        assert_eq!(fs::read(&path).expect("read"), b"short");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, PRIVATE_FILE);
    }

    #[test]
    fn the_tail_is_the_last_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.log");
        fs::write(&path, "one\ntwo\nthree\n").expect("written");
        assert_eq!(tail(&path, 2), ["two", "three"]);
        assert_eq!(tail(&folder.path().join("none.log"), 2), Vec::<String>::new());
    }
}
