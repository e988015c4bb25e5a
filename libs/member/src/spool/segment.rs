//! Names of segment files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::Seq;

/// What every segment starts with.
pub(super) const MAGIC: &[u8; 8] = b"KSPOOL1\n";

/// The segment that starts with a sequence.
pub(super) fn path(folder: &Path, first: Seq) -> PathBuf {
    folder.join(format!("{:020}.log", first.get()))
}

/// The first sequences of all segments, in order.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Seq>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let first = name.to_str().and_then(|name| name.strip_suffix(".log")).and_then(|digits| digits.parse().ok());
        found.extend(first.and_then(Seq::new));
    }
    found.sort_unstable();
    Ok(found)
}
