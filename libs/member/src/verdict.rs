//! How a member ended whose shim ran in a container.
//!
//! The engine decides why and when: what is paid for hangs on it. The shim's record, its spool and all else among the
//! answers may be user code's: what agrees tells more, what cannot be read is as
//! if it were not there.

use crate::{
    dir::MemberDir,
    exit::{ContainerEnd, Exit, ExitReason},
    spool::{Reader, Seq},
};

/// At once, of a spool whose end is looked for.
const READ_BYTES: usize = 1024 * 1024;

/// The exit record of a container that is over.
pub fn verdict(member: &MemberDir, end: ContainerEnd) -> Exit {
    let reason = end.reason();
    let started = member.went().filter(|_| reason.can_have_run());
    if let Some(record) = member.shim_exit().ok().flatten().filter(|record| end.agrees(record)) {
        // What it says that it used might be anything: what was measured from outside stands.
        return Exit { reason, started, ended: end.seen, used: None, ..record };
    }
    // One line more than there is: readers see a gap.
    let last_seq = readable(member).map(Seq::next).or(member.may_go().then_some(Seq::FIRST));
    Exit {
        reason,
        exit_code: (reason == ExitReason::Completed).then_some(0),
        signal: None,
        last_seq,
        started,
        ended: end.seen,
        used: None,
    }
}

/// The last line of the spool that can be read.
fn readable(member: &MemberDir) -> Option<Seq> {
    let mut reader = Reader::open(member.spool(), Seq::FIRST);
    while reader.read(READ_BYTES).is_ok_and(|records| !records.is_empty()) {}
    reader.next_seq().previous()
}
