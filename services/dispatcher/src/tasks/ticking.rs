//! Launches what schedules are due for, as it becomes due.

use std::{sync::Arc, time::Duration};

use katonic_domain::Clock;
use katonic_service::Shutdown;
use tokio::sync::Notify;
use tracing::warn;

use crate::usecases::tick::{Round, Ticks};

/// How often one looks, whatever is due: another replica may have made a schedule.
const LOOK: Duration = Duration::from_secs(15);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Ticks for one term of leadership.
#[derive(Clone)]
pub struct Ticking {
    /// Who launches.
    pub ticks: Ticks,
    /// Told when a schedule has changed.
    pub changed: Arc<Notify>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Ticking {
    /// Ticks until the term ends.
    pub async fn run(self, term: Shutdown) {
        while !term.is_cancelled() {
            let pause = match self.ticks.round().await {
                Ok(round) => self.until(round),
                Err(error) => {
                    warn!(error = %katonic_service::runtime::chain(&error), "schedules cannot be read and are again");
                    PAUSE
                }
            };
            tokio::select! {
                () = term.cancelled() => {}
                () = self.changed.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn until(&self, round: Round) -> Duration {
        if round.undecided {
            return PAUSE;
        }
        let next = round.next.map(|next| next.duration_since(self.clock.now()));
        next.map_or(LOOK, |next| Duration::try_from(next).unwrap_or_default().min(LOOK))
    }
}
