//! Segment files: their names, and finding, opening and removing them in a
//! folder that user code may write to.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Dir, unlinkat},
    io::Errno,
};

use super::Seq;
use crate::hostile::{open_file_below, open_folder};

/// What every segment starts with.
pub(super) const MAGIC: &[u8; 8] = b"KSPOOL1\n";

/// More than a full spool has: 1 GiB in segments of 4 MiB. What has more is none of ours.
const MAX_SEGMENTS: usize = 1_024;

/// The segment that starts with a sequence.
pub(super) fn path(folder: &Path, first: Seq) -> PathBuf {
    folder.join(name(first))
}

fn name(first: Seq) -> String {
    format!("{:020}.log", first.get())
}

/// Opens a segment to be read, of a folder that user code may write to.
pub(super) fn open(folder: &Path, first: Seq) -> io::Result<File> {
    open_file_below(&open_folder(folder)?, name(first))
}

/// Removes a segment; one that is gone is fine.
pub(super) fn remove(folder: &Path, first: Seq) -> io::Result<()> {
    match unlinkat(open_folder(folder)?, name(first), AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        removed => Ok(removed?),
    }
}

/// The first sequences of all segments, in order.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Seq>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(open_folder(folder)?)? {
        let entry = entry?;
        let name = entry.file_name().to_str().ok();
        let first = name.and_then(|name| name.strip_suffix(".log")).and_then(|digits| digits.parse().ok());
        found.extend(first.and_then(Seq::new));
        if found.len() > MAX_SEGMENTS {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
    found.sort_unstable();
    Ok(found)
}
