//! The logs that are open at this replica: their windows, and who waits for news of them.
//!
//! Readers and writers meet here only: a writer changes the window, which
//! moves the tip, which wakes readers. Everything here may vanish in a crash.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use katonic_domain::{MemberId, ProjectId};
use tokio::sync::{Mutex as Turn, watch};

use crate::domain::{Manifest, Record, Seq, Window};

/// Where a live log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// The next sequence that is wanted of the agent.
    pub next: Seq,
    /// Everything up to here is durable.
    pub durable: Seq,
    /// Whether a batch has to wait for the next segment.
    pub full: bool,
    /// Whether the log is closed.
    pub closed: bool,
}

/// One log that is open at this replica.
#[derive(Debug)]
pub struct LiveLog {
    member: MemberId,
    project: ProjectId,
    window: Mutex<Window>,
    tip: watch::Sender<Tip>,
    attached: AtomicUsize,
    /// Held while a batch is appended, so that Redis and the window see one order.
    pub(super) appending: Turn<()>,
    /// Held while a segment is cut, so that this replica never fences itself.
    pub(super) cutting: Turn<()>,
}

impl LiveLog {
    fn of(manifest: &Manifest) -> Self {
        let window = Window::after(manifest.durable_seq());
        Self {
            member: manifest.member().clone(),
            project: manifest.project(),
            tip: watch::Sender::new(tip(&window)),
            window: Mutex::new(window),
            attached: AtomicUsize::new(0),
            appending: Turn::default(),
            cutting: Turn::default(),
        }
    }

    /// Whose log it is.
    pub const fn member(&self) -> &MemberId {
        &self.member
    }

    /// Whose key seals it.
    pub const fn project(&self) -> ProjectId {
        self.project
    }

    /// Where it stands, and every later change.
    pub fn tip(&self) -> watch::Receiver<Tip> {
        self.tip.subscribe()
    }

    /// Whether an agent's stream is open: then nobody else is likely to write.
    pub fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Acquire) > 0
    }

    /// Buffered records from `seq` on, where it is in the window.
    pub fn records_from(&self, seq: Seq, weight: usize) -> Option<Vec<Record>> {
        self.window().records_from(seq, weight)
    }

    /// Changes the window and moves the tip with it.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Window) -> R) -> R {
        let mut window = self.window();
        let result = change(&mut window);
        let moved = tip(&window);
        // Sent under the lock, so that tips are never seen out of order.
        self.tip.send_if_modified(|tip| std::mem::replace(tip, moved) != moved);
        result
    }

    /// Waits until a batch may come in.
    pub(super) async fn room(&self) {
        // The sender lives as long as `self`, so this ends only by there being room.
        drop(self.tip().wait_for(|tip| !tip.full || tip.closed).await);
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tip(window: &Window) -> Tip {
    Tip { next: window.next(), durable: window.durable(), full: window.is_full(), closed: window.is_closed() }
}

/// An agent's stream is open while this lives.
#[derive(Debug)]
pub struct Attachment(Arc<LiveLog>);

impl Attachment {
    /// Attaches a stream to a log.
    pub fn to(log: Arc<LiveLog>) -> Self {
        log.attached.fetch_add(1, Ordering::AcqRel);
        Self(log)
    }

    /// The log.
    pub const fn log(&self) -> &Arc<LiveLog> {
        &self.0
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.0.attached.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The logs that are open at this replica.
#[derive(Debug)]
pub struct LiveLogs {
    logs: Mutex<HashMap<MemberId, Arc<LiveLog>>>,
    opened: watch::Sender<()>,
}

impl Default for LiveLogs {
    fn default() -> Self {
        Self { logs: Mutex::default(), opened: watch::Sender::new(()) }
    }
}

impl LiveLogs {
    /// The log of a member, if it is open here.
    pub fn get(&self, member: &MemberId) -> Option<Arc<LiveLog>> {
        self.logs().get(member).cloned()
    }

    /// The log of a manifest, and whether it was opened by this call.
    pub(super) fn get_or_open(&self, manifest: &Manifest) -> (Arc<LiveLog>, bool) {
        let mut logs = self.logs();
        if let Some(log) = logs.get(manifest.member()) {
            return (log.clone(), false);
        }
        let log = Arc::new(LiveLog::of(manifest));
        logs.insert(manifest.member().clone(), log.clone());
        drop(logs);
        self.opened.send_replace(());
        (log, true)
    }

    /// Forgets a log, if this is the one that is remembered.
    pub(crate) fn remove(&self, log: &Arc<LiveLog>) {
        let mut logs = self.logs();
        if logs.get(log.member()).is_some_and(|found| Arc::ptr_eq(found, log)) {
            logs.remove(log.member());
        }
    }

    /// Forgets a log that nobody but its cutter holds; whether it did.
    pub(crate) fn remove_unused(&self, log: &Arc<LiveLog>) -> bool {
        const MAP_AND_CUTTER: usize = 2;
        let mut logs = self.logs();
        let unused = Arc::strong_count(log) <= MAP_AND_CUTTER && log.change(|window| window.is_empty());
        if unused {
            logs.remove(log.member());
        }
        unused
    }

    /// Waits until a member's log has a record at `next`, or is closed. It may
    /// never happen here: the agent may be at another replica.
    pub async fn news(&self, member: &MemberId, next: Seq) {
        let mut opened = self.opened.subscribe();
        loop {
            if let Some(log) = self.get(member) {
                let mut tip = log.tip();
                // Whoever waits does not keep the log alive.
                drop(log);
                if tip.wait_for(|tip| tip.next > next || tip.closed).await.is_ok() {
                    return;
                }
            }
            // The registry outlives its waiters.
            drop(opened.changed().await);
        }
    }

    fn logs(&self) -> MutexGuard<'_, HashMap<MemberId, Arc<LiveLog>>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
