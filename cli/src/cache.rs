//! Where `katonic` keeps what only saves time: under the user's cache folder,
//! readable by the user alone. Everything in it may be deleted at any time.

use std::{
    env, fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::failure::Explain;

/// Why there is no cache folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither variable names a folder.
    #[error("neither XDG_CACHE_HOME nor HOME names a folder for the cache")]
    NoHome,
    /// It cannot be made.
    #[error("cannot make the cache folder {}", path.display())]
    Make {
        /// The folder.
        path: PathBuf,
        #[source]
        /// Why.
        source: io::Error,
    },
    /// Somebody else could change what is in it.
    #[error("the cache folder {} belongs to another user", .0.display())]
    Foreign(PathBuf),
}

impl Explain for Error {
    fn next_step(&self) -> String {
        "set XDG_CACHE_HOME to a folder of your own that can be written".to_owned()
    }
}

/// Whether a cache could be kept; nothing is made.
pub fn check() -> Result<(), Error> {
    let base = base(env::var_os("XDG_CACHE_HOME").map(PathBuf::from), env::var_os("HOME").map(PathBuf::from))?;
    let path = base.join("katonic");
    if fs::metadata(&path).is_ok_and(|data| data.uid() != rustix::process::geteuid().as_raw()) {
        return Err(Error::Foreign(path));
    }
    let there = path.ancestors().find(|place| place.symlink_metadata().is_ok()).unwrap_or(Path::new("/"));
    let usable = if there.is_dir() {
        rustix::fs::access(there, rustix::fs::Access::WRITE_OK).map_err(io::Error::from)
    } else {
        Err(io::ErrorKind::NotADirectory.into())
    };
    usable.map_err(|source| Error::Make { path, source })
}

/// A folder of the cache for one `kind` of thing, told apart by `key`; made if need be.
pub fn folder(kind: &str, key: &[u8]) -> Result<PathBuf, Error> {
    let base = base(env::var_os("XDG_CACHE_HOME").map(PathBuf::from), env::var_os("HOME").map(PathBuf::from))?;
    let digest = hex::encode(&Sha256::digest(key)[..16]);
    private_folder(&base.join("katonic").join(kind).join(digest))
}

fn base(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf, Error> {
    // The XDG specification: a relative path is to be ignored.
    let absolute = |path: &PathBuf| path.is_absolute();
    xdg.filter(absolute).or_else(|| home.filter(absolute).map(|home| home.join(".cache"))).ok_or(Error::NoHome)
}

fn private_folder(path: &Path) -> Result<PathBuf, Error> {
    let failed = |source| Error::Make { path: path.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let owner = fs::metadata(path).map_err(failed)?.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return Err(Error::Foreign(path.to_owned()));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_follows_the_xdg_specification() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(base(path("/c"), path("/h")).ok(), path("/c"));
        assert_eq!(base(path("relative"), path("/h")).ok(), path("/h/.cache"));
        assert_eq!(base(None, path("/h")).ok(), path("/h/.cache"));
        assert!(matches!(base(path(""), None), Err(Error::NoHome)));
    }

    #[test]
    fn a_cache_folder_is_private() {
        let root = tempfile::tempdir().expect("a folder");
        let made = private_folder(&root.path().join("a/b")).expect("it can be made");
        assert_eq!(fs::metadata(made).expect("it is there").mode() & 0o777, 0o700);
    }
}
