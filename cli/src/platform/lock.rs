//! One supervisor a data directory: whoever holds the flock.
//!
//! The kernel drops it with its holder, however that ends; no child inherits it.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::{error::Error, home::Home};

/// The right to supervise; dropped with this value.
pub struct Lock {
    _held: File,
}

impl Lock {
    /// Takes the lock; `None` where a supervisor holds it.
    pub fn try_acquire(home: &Home) -> Result<Option<Self>, Error> {
        let path = home.lock_file();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(Error::file("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _held: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(Error::file("lock", &path)(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it_until_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(folder.path().to_owned());
        let held = Lock::try_acquire(&home).expect("an answer");
        assert!(held.is_some());
        assert!(Lock::try_acquire(&home).expect("an answer").is_none());
        drop(held);
        assert!(Lock::try_acquire(&home).expect("an answer").is_some());
    }
}
