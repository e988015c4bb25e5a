//! Who waits for a folder is told when something in it changes (inotify).
//!
//! It is a hint: waiters look again by themselves after a while, so that a lost
//! event costs a second and nothing else.

use std::{
    collections::HashMap,
    io,
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use rustix::{fs::inotify, io::Errno};
use tokio::sync::Notify;
use tracing::error;

type Waiters = Mutex<HashMap<i32, Arc<Notify>>>;

/// Watches folders.
#[derive(Debug)]
pub struct Watcher {
    inotify: Arc<OwnedFd>,
    waiters: Arc<Waiters>,
}

/// One folder that is watched, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    descriptor: i32,
    changed: Arc<Notify>,
    inotify: Arc<OwnedFd>,
    waiters: Arc<Waiters>,
}

impl Watcher {
    /// Starts the thread that reads events; it lives as long as the process.
    pub fn start() -> io::Result<Self> {
        let inotify = Arc::new(inotify::init(inotify::CreateFlags::CLOEXEC)?);
        let watcher = Self { inotify: Arc::clone(&inotify), waiters: Arc::default() };
        let waiters = Arc::clone(&watcher.waiters);
        thread::Builder::new().name("inotify".to_owned()).spawn(move || {
            let error = read(&inotify, &waiters);
            error!(%error, "changes of members are seen late");
        })?;
        Ok(watcher)
    }

    /// Watches for files that appear under their name.
    pub fn watch_folder(&self, folder: &Path) -> io::Result<Watch> {
        self.watch(folder, inotify::WatchFlags::MOVED_TO)
    }

    /// Watches for files that appear or grow.
    pub fn watch_spool(&self, folder: &Path) -> io::Result<Watch> {
        self.watch(folder, inotify::WatchFlags::CREATE | inotify::WatchFlags::MODIFY)
    }

    fn watch(&self, folder: &Path, flags: inotify::WatchFlags) -> io::Result<Watch> {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let flags = flags | inotify::WatchFlags::ONLYDIR | inotify::WatchFlags::DONT_FOLLOW;
        let descriptor = inotify::add_watch(&self.inotify, folder, flags)?;
        let changed = Arc::new(Notify::new());
        waiters.insert(descriptor, Arc::clone(&changed));
        Ok(Watch { descriptor, changed, inotify: Arc::clone(&self.inotify), waiters: Arc::clone(&self.waiters) })
    }
}

impl Watch {
    /// Waits for a change since this was last asked.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.descriptor);
        // The folder may be gone, and the watch with it.
        let _ = inotify::remove_watch(&self.inotify, self.descriptor);
    }
}

/// Tells of events until that fails.
fn read(inotify: &OwnedFd, waiters: &Waiters) -> Errno {
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut events = inotify::Reader::new(inotify, &mut buffer);
    loop {
        match events.next() {
            Ok(event) => tell(waiters, event.wd(), event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW)),
            Err(Errno::INTR) => {}
            Err(error) => return error,
        }
    }
}

fn tell(waiters: &Waiters, descriptor: i32, all: bool) {
    let waiters = waiters.lock().unwrap_or_else(PoisonError::into_inner);
    if all {
        waiters.values().for_each(|waiter| waiter.notify_one());
    } else if let Some(waiter) = waiters.get(&descriptor) {
        waiter.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_appears_or_grows_is_told_of() {
        let folder = tempfile::tempdir().expect("a folder");
        let watcher = Watcher::start().expect("a watcher");
        let spool = watcher.watch_spool(folder.path()).expect("watched");
        std::fs::write(folder.path().join("1.log"), "x").expect("written");
        spool.changed().await;
        drop(spool);
        let files = watcher.watch_folder(folder.path()).expect("watched");
        katonic_member::write_whole(&folder.path().join("exit.json"), b"{}").expect("written");
        files.changed().await;
    }
}
