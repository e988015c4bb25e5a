//! When to write, when to block, when to give lines up (L2).
//!
//! A full spool blocks the command while the agent frees it; after 30 s in
//! which nothing was freed, or when the disk is full, lines are counted and
//! dropped until there is room, and a gap stands for them: log volume never
//! changes a workload's outcome.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use katonic_member::{
    Launch, MemberDir, UnixNanos,
    spool::{GapReason, Seq, Stream, Writer},
};
use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// Small enough that freeing one says that the agent advances, large enough
/// that a full spool is a few hundred files.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;
const SPOOL_LIMIT_BYTES: u64 = 1024 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a full disk is tried again.
const DISK_RETRY: Duration = Duration::from_secs(1);
/// Given back when the disk is full, for the last gap and the exit record.
const RESERVE_BYTES: u64 = 64 * 1024;
/// A batch is written when it has grown to this.
const BATCH_BYTES: usize = 256 * 1024;

/// The spool and its limit.
pub struct Spooler {
    writer: Writer,
    limit_bytes: u64,
    reserve: PathBuf,
    /// Since when nothing was freed of a spool that is full.
    full_since: Option<Instant>,
    disk_retry_at: Option<Instant>,
    draining: bool,
}

impl Spooler {
    /// Starts a member's spool.
    pub fn create(member: &MemberDir, launch: &Launch) -> io::Result<Self> {
        let limit_bytes = match launch.spool_limit_bytes {
            Some(limit) => limit,
            None => default_limit(member)?,
        };
        let reserve = member.path().join(".reserve");
        // Best effort: without it, a disk that is full to the end loses the last gap's frame.
        let _ = File::create(&reserve).and_then(|file| Ok(fallocate(file, FallocateFlags::empty(), 0, RESERVE_BYTES)?));
        Ok(Self {
            writer: Writer::create(member.spool(), SEGMENT_BYTES.min(limit_bytes / 8).max(1))?,
            limit_bytes,
            reserve,
            full_since: None,
            disk_retry_at: None,
            draining: false,
        })
    }

    /// Whether more output should be read.
    pub const fn accepts(&self) -> bool {
        self.full_since.is_none() || self.writer.is_dropping() || self.draining
    }

    /// Takes a line; it is on disk after [`Self::flush`].
    pub fn line(&mut self, stream: Stream, time: UnixNanos, data: &[u8], continued: bool) {
        self.writer.line(stream, time, data, continued);
        if self.writer.pending_bytes() >= BATCH_BYTES {
            self.flush(Instant::now());
        }
    }

    /// Says that lines of unknown number are missing at the end.
    pub fn open_gap(&mut self) {
        self.writer.open_gap(GapReason::Lost);
    }

    /// Writes what was taken, as far as there is room.
    pub fn flush(&mut self, now: Instant) {
        if self.disk_retry_at.is_some_and(|at| now < at) || self.is_full(now) {
            return;
        }
        match self.writer.flush() {
            Ok(()) => self.disk_retry_at = None,
            Err(_) => {
                self.writer.drop_pending(GapReason::Disk);
                self.disk_retry_at = Some(now + DISK_RETRY);
            }
        }
    }

    /// The agent has freed some of it.
    pub fn freed(&mut self, now: Instant) {
        if self.full_since.is_some() {
            self.full_since = Some(now);
        }
    }

    /// When [`Self::flush`] should be tried again, whatever happens until then.
    pub fn wake_at(&self) -> Option<Instant> {
        let patience = if self.writer.is_dropping() { None } else { self.full_since.map(|since| since + PATIENCE) };
        self.disk_retry_at.into_iter().chain(patience).min()
    }

    /// No more output will be written: what its pipes still hold (at most a few
    /// MiB) is taken whatever the limit.
    pub const fn drain(&mut self) {
        self.draining = true;
        self.full_since = None;
    }

    /// Writes the rest; answers the last sequence. What cannot be written even
    /// now is missing below that sequence, and the reader says so.
    pub fn finish(&mut self) -> Option<Seq> {
        if self.writer.flush().is_err() {
            // The space that was kept for this moment; if that fails too there is none.
            let _ = fs::remove_file(&self.reserve);
            self.writer.drop_pending(GapReason::Disk);
            let _ = self.writer.flush();
        }
        let _ = fs::remove_file(&self.reserve);
        self.writer.last_seq()
    }

    fn is_full(&mut self, now: Instant) -> bool {
        // Who has given lines up goes on when a segment was freed, not to block
        // again after the next few.
        let dropping = self.writer.is_dropping();
        let wanted = if dropping { self.limit_bytes / 8 } else { self.writer.pending_bytes() as u64 };
        if self.draining || self.writer.used_bytes() + wanted <= self.limit_bytes {
            self.full_since = None;
            return false;
        }
        let since = *self.full_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= PATIENCE {
            self.writer.drop_pending(GapReason::SpoolFull);
        }
        true
    }
}

/// 1 GiB or 5 % of the free disk, whichever is less, but one segment at least.
fn default_limit(member: &MemberDir) -> io::Result<u64> {
    let disk = statvfs(member.path())?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    Ok((free / 20).clamp(SEGMENT_BYTES, SPOOL_LIMIT_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use katonic_member::spool::{Content, Reader};

    const SECOND: Duration = Duration::from_secs(1);

    fn spooler(folder: &std::path::Path) -> Spooler {
        fs::create_dir(folder.join("spool")).expect("a folder");
        Spooler {
            writer: Writer::create(folder.join("spool"), 500).expect("a spool"),
            limit_bytes: 1_000,
            reserve: folder.join(".reserve"),
            full_since: None,
            disk_retry_at: None,
            draining: false,
        }
    }

    fn fill(spooler: &mut Spooler, now: Instant) -> u64 {
        let mut lines = 0;
        while spooler.accepts() && lines < 1_000 {
            spooler.line(Stream::Stdout, UnixNanos::new(1), &[b'x'; 100], false);
            spooler.flush(now);
            lines += 1;
        }
        lines
    }

    #[test]
    fn a_full_spool_blocks_and_goes_on_when_it_is_freed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spooler = spooler(folder.path());
        let now = Instant::now();
        let lines = fill(&mut spooler, now);
        assert!(lines < 20, "it took {lines} lines of 100 bytes");
        spooler.flush(now + 29 * SECOND);
        assert!(!spooler.accepts());
        Reader::remove_durable(&folder.path().join("spool"), Seq::new(lines - 1).expect("not 0")).expect("freed");
        spooler.freed(now + 29 * SECOND);
        spooler.flush(now + 31 * SECOND);
        assert!(spooler.accepts());
        assert_eq!(spooler.finish(), Seq::new(lines));
    }

    #[test]
    fn after_thirty_seconds_without_room_lines_become_a_gap() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spooler = spooler(folder.path());
        let now = Instant::now();
        let first_lost = fill(&mut spooler, now);
        spooler.flush(now + 30 * SECOND);
        assert!(spooler.accepts(), "the command runs on");
        spooler.line(Stream::Stderr, UnixNanos::new(1), b"lost", false);
        spooler.flush(now + 31 * SECOND);
        assert!(spooler.accepts(), "nothing was freed, and it still runs");
        spooler.drain();
        spooler.line(Stream::Stderr, UnixNanos::new(1), b"lost too", false);
        let last = spooler.finish().expect("lines");
        let records = Reader::open(folder.path().join("spool"), Seq::FIRST).read(usize::MAX).expect("read");
        let gap = records.last().expect("a gap");
        assert_eq!(gap.seq.get(), first_lost);
        assert_eq!(gap.content, Content::Gap { to: Some(last), reason: GapReason::SpoolFull });
    }
}
