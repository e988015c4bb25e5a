//! What becomes of a consumed message, and the one map from kinds of failure to
//! it (DESIGN B3).

use katonic_domain::error::{Classified, ErrorKind};

/// What becomes of a consumed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is handled, or there was nothing to do: what came of it is committed.
    Ack,
    /// It comes again after a while; given up in the end.
    Retry {
        /// Why, for the log and for whoever looks at parked messages.
        reason: String,
    },
    /// It can never be handled as it is: it waits for a person.
    Park {
        /// Why, for whoever looks at parked messages.
        reason: String,
    },
}

impl Verdict {
    /// What an error of the handler means for the message.
    pub fn of(error: &(impl Classified + ?Sized)) -> Self {
        let reason = format!("{}: {}", error.reason(), error.public_message());
        match Class::of(error.kind()) {
            Class::Done => Self::Ack,
            Class::Transient => Self::Retry { reason },
            Class::Permanent => Self::Park { reason },
        }
    }

    /// Acknowledged, or what the error means.
    pub fn from_result<T, E: Classified>(result: Result<T, E>) -> Self {
        result.map_or_else(|error| Self::of(&error), |_| Self::Ack)
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Retry { .. } => "retry",
            Self::Park { .. } => "park",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Done,
    Transient,
    Permanent,
}

impl Class {
    const fn of(kind: ErrorKind) -> Self {
        match kind {
            // The effect of an event has an id derived from it: it happened on an earlier delivery.
            ErrorKind::AlreadyExists => Self::Done,
            ErrorKind::Conflict
            | ErrorKind::Stale
            | ErrorKind::Exhausted
            | ErrorKind::QuotaExceeded
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::Timeout => Self::Transient,
            // Keys of internal tokens change under way.
            ErrorKind::Unauthenticated => Self::Transient,
            ErrorKind::NotFound
            | ErrorKind::Invalid
            | ErrorKind::FailedPrecondition
            | ErrorKind::Denied
            | ErrorKind::Internal
            | ErrorKind::TooLarge => Self::Permanent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_caller_may_repeat_is_delivered_again() {
        for kind in ErrorKind::ALL.into_iter().filter(|kind| kind.retryable()) {
            assert_eq!(Class::of(kind), Class::Transient, "{kind:?}");
        }
    }

    #[test]
    fn a_fault_of_ours_waits_for_a_person() {
        assert_eq!(Class::of(ErrorKind::Internal), Class::Permanent);
    }
}
