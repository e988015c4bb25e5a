//! Where an execution is, and the only function that moves it on.
//!
//! ```text
//!            Admitted            Launched
//!   QUEUED ───────────► STARTING ───────────► RUNNING
//!     │                    │  OutcomeFixed       │ OutcomeFixed
//!     │ Refused            └───────┐   ┌─────────┘
//!     │ StopRequested              ▼   ▼
//!     │                          FINISHING ───TriedAgain───► QUEUED
//!     │                              │ Closed
//!     └──────────► SUCCEEDED │ FAILED │ STOPPED ◄──┘     (last phases)
//! ```
//!
//! A stop that is asked for while something runs changes the desired state, not
//! the phase: the phase follows what happened (M6). Which last phase it is
//! comes from the reason's class and from nothing else.

use serde::{Deserialize, Serialize};

use crate::domain::reason::{Class, Reason};

/// Where an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// Accepted; waits for admission.
    Queued,
    /// Admitted; its members are being made ready.
    Starting,
    /// User code runs.
    Running,
    /// The outcome is fixed; results and logs are being saved.
    Finishing,
    /// Ended well.
    Succeeded,
    /// Ended otherwise.
    Failed,
    /// Ended because a user asked for it.
    Stopped,
}

/// What happens to an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// It was given its place.
    Admitted,
    /// User code of the attempt started.
    Launched,
    /// A user asked it to stop.
    StopRequested,
    /// It will never be admitted, for this reason.
    Refused(Reason),
    /// How the attempt ended is decided.
    OutcomeFixed(Reason),
    /// Everything that was to be kept is kept.
    Closed(Reason),
    /// Everything of the attempt is kept, and another one follows.
    TriedAgain,
}

/// An event that cannot happen in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} cannot happen in phase {phase:?}")]
pub struct IllegalTransition {
    /// Where it is.
    pub phase: Phase,
    /// What was to happen.
    pub event: Event,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Starting, Self::Running, Self::Finishing, Self::Succeeded, Self::Failed, Self::Stopped];

    /// Whether nothing can happen to it any more.
    pub const fn is_last(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Stopped)
    }

    /// The last phase that a reason leads to.
    pub const fn last_of(reason: Reason) -> Self {
        match reason.class() {
            Class::Success => Self::Succeeded,
            Class::Stopped => Self::Stopped,
            Class::User | Class::Timeout | Class::Infrastructure => Self::Failed,
        }
    }
}

/// The phase after an event.
pub const fn transition(phase: Phase, event: Event) -> Result<Phase, IllegalTransition> {
    match (phase, event) {
        (Phase::Queued, Event::Admitted) => Ok(Phase::Starting),
        (Phase::Queued, Event::StopRequested) => Ok(Phase::Stopped),
        (Phase::Queued, Event::Refused(reason)) => Ok(Phase::last_of(reason)),
        (Phase::Starting, Event::Launched) => Ok(Phase::Running),
        (Phase::Starting, Event::StopRequested) => Ok(Phase::Starting),
        (Phase::Running, Event::StopRequested) => Ok(Phase::Running),
        (Phase::Starting | Phase::Running, Event::OutcomeFixed(_)) => Ok(Phase::Finishing),
        (Phase::Finishing, Event::Closed(reason)) => Ok(Phase::last_of(reason)),
        (Phase::Finishing, Event::TriedAgain) => Ok(Phase::Queued),
        (Phase::Queued, Event::Launched | Event::OutcomeFixed(_) | Event::Closed(_) | Event::TriedAgain)
        | (
            Phase::Starting | Phase::Running,
            Event::Admitted | Event::Refused(_) | Event::Closed(_) | Event::TriedAgain,
        )
        | (Phase::Running, Event::Launched)
        | (
            Phase::Finishing,
            Event::Admitted | Event::Launched | Event::StopRequested | Event::Refused(_) | Event::OutcomeFixed(_),
        )
        | (
            Phase::Succeeded | Phase::Failed | Phase::Stopped,
            Event::Admitted
            | Event::Launched
            | Event::StopRequested
            | Event::Refused(_)
            | Event::OutcomeFixed(_)
            | Event::Closed(_)
            | Event::TriedAgain,
        ) => Err(IllegalTransition { phase, event }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> Vec<Event> {
        let mut events = vec![Event::Admitted, Event::Launched, Event::StopRequested, Event::TriedAgain];
        for reason in Reason::ALL {
            events.extend([Event::Refused(reason), Event::OutcomeFixed(reason), Event::Closed(reason)]);
        }
        events
    }

    /// The drawing above, written a second time by its arrows.
    fn drawn(phase: Phase, event: Event) -> Option<Phase> {
        match event {
            Event::Admitted => (phase == Phase::Queued).then_some(Phase::Starting),
            Event::Launched => (phase == Phase::Starting).then_some(Phase::Running),
            Event::StopRequested => match phase {
                Phase::Queued => Some(Phase::Stopped),
                Phase::Starting | Phase::Running => Some(phase),
                _ => None,
            },
            Event::Refused(reason) => (phase == Phase::Queued).then(|| Phase::last_of(reason)),
            Event::OutcomeFixed(_) => [Phase::Starting, Phase::Running].contains(&phase).then_some(Phase::Finishing),
            Event::Closed(reason) => (phase == Phase::Finishing).then(|| Phase::last_of(reason)),
            Event::TriedAgain => (phase == Phase::Finishing).then_some(Phase::Queued),
        }
    }

    #[test]
    fn every_pair_is_as_drawn() {
        for phase in Phase::ALL {
            for event in events() {
                let expected = drawn(phase, event).ok_or(IllegalTransition { phase, event });
                assert_eq!(transition(phase, event), expected, "{phase:?} + {event:?}");
            }
        }
    }

    #[test]
    fn last_phases_are_left_by_nothing() {
        for phase in Phase::ALL.into_iter().filter(|phase| phase.is_last()) {
            assert!(events().into_iter().all(|event| transition(phase, event).is_err()));
        }
    }

    #[test]
    fn only_success_succeeds_and_only_a_stop_stops() {
        for reason in Reason::ALL {
            assert_eq!(Phase::last_of(reason) == Phase::Succeeded, reason == Reason::Completed);
            assert_eq!(Phase::last_of(reason) == Phase::Stopped, reason == Reason::StoppedByUser);
        }
    }
}
