//! Launches what schedules are due for. A time that is due is one job, however
//! often it is launched: its idempotency key is made of schedule and time. A
//! crash between the launch and its record launches it again, to no effect.

use std::sync::Arc;

use katonic_domain::{
    Clock, ExecutionId, Timestamp,
    error::{Classified, ErrorKind},
};
use katonic_store::Idempotency;
use tracing::{instrument, warn};

use crate::{
    domain::schedule::{Fate, Overlap, Schedule, Tick},
    error::Error,
    store::{Repository, TICKED},
    usecases::{
        stop::Stop,
        submit::{Submit, Submitter},
    },
};

/// Launches what is due.
#[derive(Clone)]
pub struct Ticks {
    /// What is kept.
    pub repository: Repository,
    /// Who launches.
    pub submit: Submit,
    /// Who stops what is replaced.
    pub stop: Stop,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What there is to do after a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// When something is due next; none where nothing ever is.
    pub next: Option<Timestamp>,
    /// Whether something that is due could not be decided.
    pub undecided: bool,
}

impl Ticks {
    /// Decides all that is due now. One schedule that cannot be decided holds up no other.
    pub async fn round(&self) -> Result<Round, Error> {
        let now = self.clock.now();
        let mut round = Round { next: None, undecided: false };
        for stored in self.repository.active_schedules().await? {
            let schedule = stored.state;
            if let Err(error) = self.decide(&schedule, now).await {
                warn!(schedule.id = %schedule.id, error = %katonic_service::runtime::chain(&error), "a schedule waits");
                round.undecided = true;
            }
            round.next = round.next.into_iter().chain(schedule.next(now)).min();
        }
        Ok(round)
    }

    async fn decide(&self, schedule: &Schedule, now: Timestamp) -> Result<(), Error> {
        let mut launched = schedule.launched;
        for at in schedule.due(now) {
            let fate = self.launch(schedule, launched, at).await?;
            let decide = |schedule: &mut Schedule| {
                Ok::<_, Error>(schedule.decide(Tick { at, fate: fate.clone() }).then_some(TICKED))
            };
            launched = self.repository.schedules().update(&schedule.id, decide).await?.state.launched;
        }
        Ok(())
    }

    #[instrument(skip_all, fields(schedule.id = %schedule.id, due = %at))]
    async fn launch(&self, schedule: &Schedule, before: Option<ExecutionId>, at: Timestamp) -> Result<Fate, Error> {
        if let Some(running) = self.running(before).await? {
            match schedule.plan.overlap {
                Overlap::Forbid => return Ok(Fate::Overlapped),
                Overlap::Allow => {}
                Overlap::Replace => self.replace(running).await?,
            }
        }
        let mut form = schedule.plan.job.clone();
        form.schedule = Some(schedule.id);
        let submitter = Submitter { user: schedule.owner, project: schedule.project };
        let submitted = match form.check() {
            Ok(job) => self.submit.job(submitter, job, Some(key(schedule, at))).await,
            Err(wrong) => Err(wrong.into()),
        };
        match submitted {
            Ok(accepted) => Ok(Fate::Launched(accepted.stored.state.id)),
            Err(error) if may_pass(error.kind()) => Err(error),
            Err(error) => Ok(Fate::Refused(error.reason().to_owned())),
        }
    }

    async fn running(&self, before: Option<ExecutionId>) -> Result<Option<ExecutionId>, Error> {
        let Some(id) = before else { return Ok(None) };
        Ok((!self.repository.execution(id).await?.state.phase.is_last()).then_some(id))
    }

    async fn replace(&self, running: ExecutionId) -> Result<(), Error> {
        match self.stop.execution(running, false).await {
            // It ends by itself.
            Ok(_) | Err(Error::OutcomeFixed) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether it may go another time: nothing was decided by it.
const fn may_pass(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Internal | ErrorKind::Exhausted | ErrorKind::Conflict
    )
}

fn key(schedule: &Schedule, at: Timestamp) -> Idempotency {
    Idempotency { digest: format!("{}/{}", schedule.id, at.as_second()), body_hash: String::new() }
}
