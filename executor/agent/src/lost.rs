//! A shim that died: what it left is killed, and its spool and exit record are
//! completed in its stead, so that everything after it is as for any other.
//!
//! One in a container is over when the engine says so, and everything in the
//! container with it. Nothing is written among its answers, which may be
//! anything: the verdict names one line more than can be read, so that readers
//! see a gap.

use std::io;

use katonic_member::{
    Exit, ExitReason, Launch, Liveness, MemberDir, UnixNanos, Which, kill_all,
    spool::{GapReason, Writer},
    verdict,
};
use tracing::warn;

/// Only the one gap is written.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// Completes a member whose shim started user code and is gone. Does nothing
/// where the shim lives, or has ended as it should.
pub fn recover(member: &MemberDir, launch: &Launch) -> io::Result<()> {
    if member.is_contained() {
        return judge(member);
    }
    let Liveness::Gone(shim) = member.liveness().map_err(io::Error::other)? else { return Ok(()) };
    if !member.is_started() || has_ended(member)? {
        return Ok(());
    }
    // From here on no shim can come; one that was quicker holds it.
    let Some(_lock) = member.lock_for_shim().map_err(io::Error::other)? else { return Ok(()) };
    if has_ended(member)? {
        return Ok(());
    }
    let killed = match (launch.run_as, shim) {
        (Some(user), _) => kill_all(Which::User(user.uid))?,
        (None, Some(shim)) if shim.led_its_session()? => kill_all(Which::Session(shim.pid))?,
        (None, _) => 0,
    };
    warn!(killed, "the shim is lost");
    let mut spool = Writer::resume(member.spool(), SEGMENT_BYTES)?;
    spool.open_gap(GapReason::Lost);
    spool.flush()?;
    let launched = member.launched().map_err(io::Error::other)?;
    let exit = Exit {
        reason: ExitReason::ShimLost,
        exit_code: None,
        signal: None,
        last_seq: spool.last_seq(),
        started: launched.map(|launched| launched.time),
        ended: UnixNanos::now(),
        used: None,
    };
    member.set_exit(&exit).map_err(io::Error::other)
}

/// Writes the verdict over a container that is over.
fn judge(member: &MemberDir) -> io::Result<()> {
    let Some(end) = member.container_end().map_err(io::Error::other)? else { return Ok(()) };
    if has_ended(member)? {
        return Ok(());
    }
    let exit = verdict(member, end);
    if matches!(exit.reason, ExitReason::ShimLost | ExitReason::ContainerRemoved) {
        warn!(reason = ?exit.reason, "the shim is lost");
    }
    member.set_exit(&exit).map_err(io::Error::other)
}

fn has_ended(member: &MemberDir) -> io::Result<bool> {
    Ok(member.exit().map_err(io::Error::other)?.is_some())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use katonic_member::{
        ContainerEnd, Members,
        spool::{Content, Reader, Seq, Stream},
    };

    use super::*;

    fn launch() -> Launch {
        Launch {
            member_id: "exe_01h455vb4pex5vsknk084sn02q/1/main/0".into(),
            execution_id: "exe_01h455vb4pex5vsknk084sn02q".into(),
            project_id: "prj_01h455vb4pex5vsknk084sn02q".into(),
            attempt: 1,
            command: vec!["true".into()],
            variables: BTreeMap::new(),
            path: "/bin".into(),
            folder: "/nowhere".into(),
            run_as: None,
            timeout: Duration::from_secs(1),
            grace: Duration::ZERO,
            limits: Vec::new(),
            spool_limit_bytes: None,
            traceparent: None,
        }
    }

    #[test]
    fn a_lost_shim_leaves_a_gap_and_a_record() {
        let folder = tempfile::tempdir().expect("a folder");
        let members = Members::open(folder.path()).expect("members");
        let member = members.create("exe-1-1-main-0", &launch(), "kmt_1").expect("a member");
        recover(&member, &launch()).expect("nothing to do before a shim came");
        let lock = member.lock_for_shim().expect("asked").expect("free");
        assert!(member.start_once().expect("asked"));
        let mut spool = Writer::create(member.spool(), 1 << 20).expect("a spool");
        spool.line(Stream::Stdout, UnixNanos::new(1), b"a", false);
        spool.flush().expect("written");
        recover(&member, &launch()).expect("nothing to do while it lives");
        assert_eq!(member.exit().expect("read"), None);
        drop(lock);
        // The identity in the lock is this process: its session must not be hit.
        std::fs::write(member.path().join("lock"), "").expect("forgotten");
        recover(&member, &launch()).expect("recovered");
        recover(&member, &launch()).expect("again");
        let exit = member.exit().expect("read").expect("a record");
        assert_eq!((exit.reason, exit.last_seq), (ExitReason::ShimLost, Seq::new(2)));
        let records = Reader::open(member.spool(), Seq::FIRST).read(usize::MAX).expect("read");
        assert_eq!(records[1].content, Content::Gap { to: None, reason: GapReason::Lost });
    }

    fn contained(members: &Members) -> MemberDir {
        members.create_contained("exe-1-1-main-0", &launch(), &launch(), "kmt_1").expect("a member")
    }

    fn end(exit_code: Option<i64>) -> ContainerEnd {
        ContainerEnd { exit_code, out_of_memory: false, seen: UnixNanos::new(9) }
    }

    #[test]
    fn only_the_engine_ends_a_contained_member() {
        let folder = tempfile::tempdir().expect("a folder");
        let member = contained(&Members::open(folder.path()).expect("members"));
        member.go().expect("go");
        let forged = Exit {
            reason: ExitReason::Completed,
            exit_code: Some(0),
            signal: None,
            last_seq: None,
            started: None,
            ended: UnixNanos::new(1),
            used: None,
        };
        member.set_shim_exit(&forged).expect("written by user code");
        recover(&member, &launch()).expect("looked");
        assert_eq!(member.exit().expect("read"), None, "its shim's record ended it");
        member.set_container_end(&end(Some(ExitReason::ExitCode.shim_code().into()))).expect("written");
        recover(&member, &launch()).expect("judged");
        let exit = member.exit().expect("read").expect("a verdict");
        assert_eq!((exit.reason, exit.exit_code), (ExitReason::ExitCode, None));
        member.set_container_end(&end(None)).expect("written");
        recover(&member, &launch()).expect("again");
        assert_eq!(member.exit().expect("read"), Some(exit), "the first verdict stands");
    }

    #[test]
    fn answers_that_lead_elsewhere_are_as_if_they_were_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let member = contained(&Members::open(folder.path().join("members")).expect("members"));
        let other = folder.path().join("other");
        std::fs::create_dir(&other).expect("made");
        std::fs::write(other.join("00000000000000000001.log"), "of another member").expect("written");
        member.go().expect("go");
        std::fs::remove_dir(member.spool()).expect("removed");
        std::os::unix::fs::symlink(&other, member.spool()).expect("linked");
        std::os::unix::fs::symlink("/etc/hostname", member.answers().join("exit.json")).expect("linked");
        std::os::unix::fs::symlink("/etc/hostname", member.answers().join("launched.json")).expect("linked");
        member.set_container_end(&end(Some(137))).expect("written");
        recover(&member, &launch()).expect("judged");
        let exit = member.exit().expect("read").expect("a verdict");
        assert_eq!((exit.reason, exit.last_seq), (ExitReason::ShimLost, Some(Seq::FIRST)));
        assert!(Reader::remove_durable(&member.spool(), Seq::FIRST).is_err());
        assert!(other.join("00000000000000000001.log").exists(), "another's log was removed");
    }
}
