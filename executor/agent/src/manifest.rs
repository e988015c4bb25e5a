//! How the files were when user code started: what tells at the end, without
//! starting Git, whether anything changed.
//!
//! A file is the same if kind, size, inode, modification and change time are;
//! user code cannot set the last. One that differs may still hold the same
//! bytes: that shows when it is written to a tree.
//!
//! On disk: `tree NUL`, then `kind size inode mtime ctime path NUL` for each.

use std::collections::BTreeMap;

use rustix::fs::{FileType, Stat};

/// What tells one version of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// What it is.
    pub kind: FileKind,
    /// Bytes.
    pub size: u64,
    inode: u64,
    modified_nanos: i128,
    changed_nanos: i128,
}

/// What results can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// One that its owner may execute.
    Executable,
    /// A symbolic link.
    Link,
}

impl Stamp {
    /// Of what was found; `None` for what results do not hold.
    pub fn of(stat: &Stat) -> Option<Self> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if stat.st_mode & 0o100 != 0 => FileKind::Executable,
            FileType::RegularFile => FileKind::Regular,
            FileType::Symlink => FileKind::Link,
            _ => return None,
        };
        Some(Self {
            kind,
            size: u64::try_from(stat.st_size).ok()?,
            inode: stat.st_ino,
            modified_nanos: i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec),
            changed_nanos: i128::from(stat.st_ctime) * 1_000_000_000 + i128::from(stat.st_ctime_nsec),
        })
    }
}

/// Path below the work folder, as the file system has it.
pub type Path = Vec<u8>;

/// All files at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The root tree that they came from; empty where there was none.
    pub tree: String,
    /// The files.
    pub files: BTreeMap<Path, Stamp>,
}

/// What differs between two moments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// No longer there.
    pub removed: Vec<Path>,
    /// New, or perhaps changed.
    pub written: Vec<(Path, Stamp)>,
}

impl Changes {
    /// Whether nothing differs.
    pub const fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.written.is_empty()
    }
}

impl Manifest {
    /// What differs now.
    pub fn changes(&self, now: &BTreeMap<Path, Stamp>) -> Changes {
        let removed = self.files.keys().filter(|path| !now.contains_key(*path)).cloned().collect();
        let differs = |(path, stamp): &(&Path, &Stamp)| self.files.get(*path) != Some(*stamp);
        let written = now.iter().filter(differs).map(|(path, stamp)| (path.clone(), *stamp)).collect();
        Changes { removed, written }
    }

    /// The form on disk.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.tree.clone().into_bytes();
        bytes.push(0);
        for (path, stamp) in &self.files {
            let kind = match stamp.kind {
                FileKind::Regular => 'f',
                FileKind::Executable => 'x',
                FileKind::Link => 'l',
            };
            let Stamp { size, inode, modified_nanos, changed_nanos, .. } = stamp;
            bytes.extend(format!("{kind} {size} {inode} {modified_nanos} {changed_nanos} ").into_bytes());
            bytes.extend(path);
            bytes.push(0);
        }
        bytes
    }

    /// Reads the form on disk.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut parts = bytes.strip_suffix(b"\0")?.split(|byte| *byte == 0);
        let tree = String::from_utf8(parts.next()?.to_vec()).ok()?;
        let files = parts.map(decode_file).collect::<Option<_>>()?;
        Some(Self { tree, files })
    }
}

fn decode_file(line: &[u8]) -> Option<(Path, Stamp)> {
    let mut fields = line.splitn(6, |byte| *byte == b' ');
    let mut text = || str::from_utf8(fields.next()?).ok();
    let kind = match text()? {
        "f" => FileKind::Regular,
        "x" => FileKind::Executable,
        "l" => FileKind::Link,
        _ => return None,
    };
    let stamp = Stamp {
        kind,
        size: text()?.parse().ok()?,
        inode: text()?.parse().ok()?,
        modified_nanos: text()?.parse().ok()?,
        changed_nanos: text()?.parse().ok()?,
    };
    Some((fields.next()?.to_vec(), stamp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::btree_map, prelude::*};

    fn stamp(size: u64) -> Stamp {
        Stamp { kind: FileKind::Regular, size, inode: 1, modified_nanos: -5, changed_nanos: 7 }
    }

    proptest! {
        #[test]
        fn a_manifest_survives_its_file(names in btree_map(proptest::collection::vec(1..=255_u8, 1..20), any::<u64>(), 0..10)) {
            let files = names.into_iter().map(|(path, size)| (path, stamp(size))).collect();
            let manifest = Manifest { tree: "ab".repeat(20), files };
            prop_assert_eq!(Manifest::decode(&manifest.encode()), Some(manifest));
        }
    }

    #[test]
    fn changes_are_what_went_what_came_and_what_differs() {
        let files = |list: &[(&str, u64)]| -> BTreeMap<Path, Stamp> {
            list.iter().map(|(name, size)| (name.as_bytes().to_vec(), stamp(*size))).collect()
        };
        let before = Manifest { tree: String::new(), files: files(&[("gone", 1), ("same", 1), ("grown", 1)]) };
        assert!(before.changes(&before.files).is_empty());
        let changes = before.changes(&files(&[("same", 1), ("grown", 2), ("new", 1)]));
        assert_eq!(changes.removed, [b"gone".to_vec()]);
        assert_eq!(changes.written, [(b"grown".to_vec(), stamp(2)), (b"new".to_vec(), stamp(1))]);
    }
}
