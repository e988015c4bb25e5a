//! Opening what user code may have made: never through a link, never outside
//! its folder, never waiting for a pipe.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

const PLAIN: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOFOLLOW).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Opens a folder whose parent is none of the user's choosing.
pub fn open_folder(path: &Path) -> io::Result<File> {
    Ok(openat(CWD, path, PLAIN | OFlags::DIRECTORY, Mode::empty())?.into())
}

/// Opens something below a folder, without following any link. A pipe or
/// device does not block; the caller looks at what it got.
pub fn open_below(folder: &File, path: impl rustix::path::Arg, flags: OFlags) -> io::Result<File> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    Ok(openat2(folder, path, flags | PLAIN, Mode::empty(), resolve)?.into())
}

/// Opens a regular file below a folder.
pub fn open_file_below(folder: &File, path: impl rustix::path::Arg) -> io::Result<File> {
    regular(open_below(folder, path, OFlags::empty())?)
}

/// Opens a regular file whose folder is none of the user's choosing.
pub fn open_file(path: &Path) -> io::Result<File> {
    regular(openat(CWD, path, PLAIN, Mode::empty())?.into())
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Reads a file of at most `cap` bytes; `None` where there is none.
pub fn read_capped(path: &Path, cap: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match open_file(path) {
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_folders_and_pipes_are_refused_without_waiting() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").expect("written");
        std::fs::create_dir(path("folder")).expect("made");
        symlink("file", path("link")).expect("linked");
        symlink("folder", path("folder-link")).expect("linked");
        rustix::fs::mknodat(CWD, path("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).expect("made");
        assert_eq!(read_capped(&path("file"), 4).expect("read"), Some(b"text".to_vec()));
        assert_eq!(read_capped(&path("none"), 4).expect("looked"), None);
        assert!(read_capped(&path("file"), 3).is_err(), "over the cap");
        for name in ["folder", "link", "pipe"] {
            assert!(read_capped(&path(name), 4).is_err(), "{name} was read");
        }
        assert!(open_folder(&path("folder-link")).is_err());
        let root = open_folder(folder.path()).expect("a folder");
        for name in ["../file", "/etc/hostname", "folder-link/x", "pipe"] {
            assert!(open_file_below(&root, name).is_err(), "{name} was opened");
        }
    }
}
