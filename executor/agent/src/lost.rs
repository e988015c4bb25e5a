//! A shim that died: what it left is killed, and its spool and exit record are
//! completed in its stead, so that everything after it is as for any other.

use std::io;

use katonic_member::{
    Exit, ExitReason, Launch, Liveness, MemberDir, UnixNanos, Which, kill_all,
    spool::{GapReason, Writer},
};
use tracing::warn;

/// Only the one gap is written.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// Completes a member whose shim started user code and is gone. Does nothing
/// where the shim lives, or has ended as it should.
pub fn recover(member: &MemberDir, launch: &Launch) -> io::Result<()> {
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

fn has_ended(member: &MemberDir) -> io::Result<bool> {
    Ok(member.exit().map_err(io::Error::other)?.is_some())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use katonic_member::{
        Members,
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
}
