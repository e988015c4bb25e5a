//! Listening to the engine: an end is written down for its agent, and said to
//! the reconciler, as it happens. Both are hints: whoever looks by the clock
//! finds the same. A stream that breaks, as when the engine starts anew, is
//! followed by a look at everything and another stream.

use std::{sync::Weak, time::Duration};

use bollard::models::EventMessage;
use futures::{TryStreamExt, pin_mut};
use katonic_domain::MemberId;
use katonic_service::runtime::chain;
use tokio::sync::mpsc;
use tracing::debug;

use super::Inner;
use crate::backend::Error;

/// What changes a member's presence.
const ENDS: [&str; 3] = ["die", "oom", "destroy"];
/// Before the engine is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens for as long as the backend is used.
pub(super) async fn run(inner: Weak<Inner>, gone: mpsc::Sender<MemberId>) {
    while let Some(inner) = inner.upgrade() {
        if let Err(error) = listen(&inner, &gone).await {
            // An engine that is away fails every look of the reconciler, which says so.
            debug!(error = %chain(&error), "the engine is not heard");
        }
        drop(inner);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(inner: &Inner, gone: &mpsc::Sender<MemberId>) -> Result<(), Error> {
    let events = inner.engine.events().await?;
    pin_mut!(events);
    // What ended while nobody listened. The stream is opened meanwhile.
    let missed = async {
        for found in inner.engine.list(&inner.labels).await? {
            if let Some(member) = found.member {
                tell(inner, gone, member).await?;
            }
        }
        Ok::<_, Error>(())
    };
    let stream = async {
        while let Some(event) = events.try_next().await? {
            if let Some(member) = ended(inner, event) {
                tell(inner, gone, member).await?;
            }
        }
        Ok::<_, Error>(())
    };
    tokio::try_join!(missed, stream).map(|_| ())
}

async fn tell(inner: &Inner, gone: &mpsc::Sender<MemberId>, member: MemberId) -> Result<(), Error> {
    match inner.settle(&member).await {
        // Somebody's container of our name: the reconciler says so.
        Err(Error::Foreign(_)) => {}
        settled => drop(settled?),
    }
    // Nobody may be interested yet, or any more.
    let _ = gone.try_send(member);
    Ok(())
}

fn ended(inner: &Inner, event: EventMessage) -> Option<MemberId> {
    let action = event.action?;
    ENDS.contains(&action.as_str()).then_some(())?;
    inner.labels.member(&event.actor?.attributes?)
}
