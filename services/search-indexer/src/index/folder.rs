//! The index' folder: one subfolder an index, and a file that names the present one.
//!
//! ```text
//!  <dir>/current      "1-7"
//!  <dir>/1-7/         format 1, the seventh that was made
//!  <dir>/1-8/         being built beside it
//! ```
//! A crash while one is built leaves a subfolder that nobody names: it is removed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::fields::FORMAT;

const CURRENT: &str = "current";

/// The folder of a replica's indexes.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at a path, made where there is none.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// The present index' subfolder, if there is one of this format.
    ///
    /// # Errors
    /// The system's.
    pub fn current(&self) -> io::Result<Option<PathBuf>> {
        match fs::read_to_string(self.0.join(CURRENT)) {
            Ok(name) => Ok(number(name.trim()).map(|_| self.0.join(name.trim())).filter(|path| path.is_dir())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A subfolder for another index, empty.
    ///
    /// # Errors
    /// The system's.
    pub fn next(&self) -> io::Result<PathBuf> {
        let highest = self.subfolders()?.iter().filter_map(|path| number(path.file_name()?.to_str()?)).max();
        let path = self.0.join(format!("{FORMAT}-{}", highest.unwrap_or(0) + 1));
        fs::create_dir(&path)?;
        Ok(path)
    }

    /// Names a subfolder as the present index', and removes all others.
    ///
    /// # Errors
    /// The system's.
    pub fn choose(&self, index: &Path) -> io::Result<()> {
        let name = index.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (new, current) = (self.0.join("current.new"), self.0.join(CURRENT));
        fs::write(&new, name)?;
        fs::File::open(&new)?.sync_all()?;
        fs::rename(new, current)?;
        fs::File::open(&self.0)?.sync_all()?;
        for other in self.subfolders()? {
            if other != index {
                fs::remove_dir_all(other)?;
            }
        }
        Ok(())
    }

    fn subfolders(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.is_dir() {
                found.push(path);
            }
        }
        Ok(found)
    }
}

/// The number in the name of an index of this format.
fn number(name: &str) -> Option<u64> {
    let (format, number) = name.split_once('-')?;
    if format == FORMAT.to_string() { number.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_is_found_again_and_all_else_is_removed() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(root.path().join("search")).expect("made");
        assert_eq!(folder.current().expect("read"), None);
        let (first, second) = (folder.next().expect("made"), folder.next().expect("made"));
        assert_ne!(first, second);
        folder.choose(&second).expect("chosen");
        assert_eq!(folder.current().expect("read"), Some(second));
        assert!(!first.exists());
    }

    #[test]
    fn an_index_of_another_format_is_none() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(root.path().to_owned()).expect("made");
        fs::create_dir(root.path().join("0-3")).expect("made");
        fs::write(root.path().join(CURRENT), "0-3").expect("written");
        assert_eq!(folder.current().expect("read"), None);
    }
}
