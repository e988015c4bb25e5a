//! The PATH that a command gets: the installation's, less the folders that its
//! user cannot reach (X7). A root's own interpreters under /root are such: left
//! in, they would be found first and then fail with "permission denied".

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
};

/// Who wants to reach a folder; it has no other groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walker {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Walker {
    /// The folders of `path` that this user can search, in their order.
    pub fn reachable(self, path: &OsStr) -> String {
        let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute() && self.reaches(folder));
        // What came out of a PATH has no `:` in it and can be joined again.
        std::env::join_paths(folders).unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether this user can search a folder: each part of its real path, by mode bits.
    fn reaches(self, folder: &Path) -> bool {
        let Ok(real) = fs::canonicalize(folder) else { return false };
        let mut walked = PathBuf::new();
        real.components().all(|part| {
            walked.push(part);
            matches!(part, Component::RootDir | Component::Normal(_)) && self.searches(&walked)
        })
    }

    fn searches(self, folder: &Path) -> bool {
        let Ok(metadata) = fs::metadata(folder) else { return false };
        // The kernel looks at one class only: the first that fits.
        let bit = if metadata.uid() == self.uid {
            0o100
        } else if metadata.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        metadata.is_dir() && metadata.mode() & bit != 0
    }
}

/// The first program of that name in a PATH.
pub fn find(path: &OsStr, program: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|folder| folder.join(program))
        .find(|file| fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0))
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    const STRANGER: Walker = Walker { uid: 299_999, gid: 299_999 };

    #[test]
    fn folders_behind_a_closed_door_are_left_out() {
        let root = tempfile::tempdir_in("/tmp").expect("a folder");
        fs::set_permissions(root.path(), Permissions::from_mode(0o755)).expect("opened");
        let (open, closed) = (root.path().join("open"), root.path().join("closed/bin"));
        for folder in [&open, &closed] {
            fs::create_dir_all(folder).expect("made");
            fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("opened");
        }
        fs::set_permissions(root.path().join("closed"), Permissions::from_mode(0o700)).expect("closed");
        let missing = root.path().join("missing");
        let path = std::env::join_paths([&closed, &open, &missing, Path::new("bin")]).expect("a PATH");
        assert_eq!(STRANGER.reachable(&path), open.to_string_lossy());

        let owner = fs::metadata(root.path()).expect("its owner");
        let own = Walker { uid: owner.uid(), gid: owner.gid() };
        assert!(own.reachable(&path).contains("closed/bin"), "its owner reaches it");
    }

    #[test]
    fn a_link_to_a_closed_folder_is_closed() {
        let root = tempfile::tempdir_in("/tmp").expect("a folder");
        fs::set_permissions(root.path(), Permissions::from_mode(0o755)).expect("opened");
        let closed = root.path().join("closed");
        fs::create_dir(&closed).expect("made");
        fs::set_permissions(&closed, Permissions::from_mode(0o700)).expect("closed");
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&closed, &link).expect("linked");
        assert_eq!(STRANGER.reachable(link.as_os_str()), "");
    }
}
