//! Following an execution's log: what is there, then what comes, across attempts,
//! until it has ended (DESIGN L5).
//!
//! Nothing is pushed: each part is read when the viewer took the one before,
//! so a slow viewer costs nothing but its position. Being woken is an
//! optimisation; a timer asks again in any case.

use std::{pin::pin, time::Duration};

use async_stream::try_stream;
use futures::{Stream, StreamExt as _};
use katonic_domain::{MemberId, ProjectId};
use tokio::time::{Instant, sleep};

use crate::{
    domain::{Position, Record, Seq},
    error::Error,
    usecases::{
        lost::Lost,
        read::{Depth, Found, Reader},
    },
};

/// One answer holds about this much.
const PART_WEIGHT: usize = 256 << 10;
/// How often to ask for what no wake-up tells: appends at another replica.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// How long the log of a member that may no longer report is left open before it counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// A member of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// Which.
    pub id: MemberId,
    /// Whether it may still run or report.
    pub open: bool,
}

/// An execution as the dispatcher sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionView {
    /// Its project.
    pub project: ProjectId,
    /// Its members so far, in order of attempt and index.
    pub members: Vec<MemberView>,
    /// Whether no member will follow.
    pub ended: bool,
}

impl ExecutionView {
    fn index_of(&self, member: &MemberId) -> Option<usize> {
        self.members.iter().position(|view| view.id == *member)
    }

    fn may_report(&self, member: &MemberId) -> bool {
        self.index_of(member).is_some_and(|index| self.members[index].open)
    }

    fn start_of(&self, index: usize) -> Option<Position> {
        self.members.get(index).map(|view| Position { member: view.id.clone(), next: Seq::FIRST })
    }
}

/// A part of what is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// Records of one member.
    Records {
        /// The records.
        records: Vec<Record>,
        /// Where to go on after them.
        after: Position,
    },
    /// The execution has ended and its log is complete.
    Ended {
        /// Where the end is; `None` where there never was a member.
        at: Option<Position>,
    },
}

/// Follows logs.
#[derive(Clone)]
pub struct Follower {
    reader: Reader,
    lost: Lost,
}

impl Follower {
    /// Follows what `reader` reads.
    pub const fn new(reader: Reader, lost: Lost) -> Self {
        Self { reader, lost }
    }

    /// Follows from `start`, or from the first member's first record.
    /// `views` answers the execution as it is, then every change, until it has ended.
    pub fn follow<V>(self, start: Option<Position>, views: V) -> impl Stream<Item = Result<Followed, Error>>
    where
        V: Stream<Item = Result<ExecutionView, Error>> + Send,
    {
        try_stream! {
            let mut views = pin!(views);
            let mut view = changed(&mut views).await?;
            let mut position = start;
            if position.as_ref().is_some_and(|at| view.index_of(&at.member).is_none()) {
                Err(Error::NoSuchMember)?;
            }
            let mut patience = Patience::default();
            loop {
                let Some(at) = position.clone().or_else(|| view.start_of(0)) else {
                    if view.ended {
                        yield Followed::Ended { at: None };
                        return;
                    }
                    view = changed(&mut views).await?;
                    continue;
                };
                let found = self.reader.read(&at.member, at.next, PART_WEIGHT, patience.depth()).await?;
                let not_yet = found == Found::NotYet;
                let over = match found {
                    Found::Records(records) => {
                        let next = records.last().map_or(at.next, |record| record.last().next());
                        let after = Position { member: at.member, next };
                        position = Some(after.clone());
                        patience = Patience::default();
                        yield Followed::Records { records, after };
                        continue;
                    }
                    Found::End => true,
                    Found::NotOpened => !view.may_report(&at.member),
                    Found::NotYet => false,
                };
                if over {
                    let next = view.index_of(&at.member).and_then(|index| view.start_of(index + 1));
                    patience = Patience::default();
                    match next {
                        Some(next) => position = Some(next),
                        None if view.ended => {
                            yield Followed::Ended { at: Some(at) };
                            return;
                        }
                        None => {
                            position = Some(at);
                            view = changed(&mut views).await?;
                        }
                    }
                    continue;
                }
                let may_report = view.may_report(&at.member);
                if not_yet && !may_report && patience.is_over() {
                    self.lost.close(&at.member, view.project).await?;
                }
                position = Some(at.clone());
                let next = tokio::select! {
                    () = self.reader.news(&at.member, at.next) => {
                        patience.woken();
                        None
                    }
                    next = changed(&mut views), if !view.ended => Some(next),
                    () = sleep(ASK_AGAIN) => {
                        patience.asked(may_report);
                        None
                    }
                };
                if let Some(next) = next {
                    view = next?;
                }
            }
        }
    }
}

async fn changed<V>(views: &mut std::pin::Pin<&mut V>) -> Result<ExecutionView, Error>
where
    V: Stream<Item = Result<ExecutionView, Error>>,
{
    // The stream of views ends only after one that says that the execution has ended.
    views.next().await.unwrap_or(Err(Error::NoSuchExecution))
}

/// How long nothing came of a member that may no longer report, and whether to
/// look further than this replica.
#[derive(Debug, Default)]
struct Patience {
    since: Option<Instant>,
    thorough: bool,
}

impl Patience {
    const fn depth(&self) -> Depth {
        if self.thorough { Depth::Full } else { Depth::Live }
    }

    fn woken(&mut self) {
        self.thorough = false;
    }

    fn asked(&mut self, may_report: bool) {
        // Silence of one that may report is no sign of anything.
        self.since = if may_report { None } else { self.since.or_else(|| Some(Instant::now())) };
        self.thorough = true;
    }

    fn is_over(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= LOST_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_counts_only_once_the_member_may_report_no_more() {
        let mut patience = Patience::default();
        patience.asked(true);
        sleep(2 * LOST_AFTER).await;
        patience.asked(false);
        assert!(!patience.is_over(), "it was silent while it ran");
        sleep(LOST_AFTER).await;
        patience.asked(false);
        assert!(patience.is_over());
    }
}
