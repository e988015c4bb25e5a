//! Open streams end when the right to read them does (DESIGN I3).

use std::{future::Future, pin::pin, time::Duration};

use async_stream::try_stream;
use futures::{Stream, StreamExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How long a decision of metadata is remembered, and how often an open stream asks again.
pub const DECISION_LIFETIME: Duration = Duration::from_secs(2);

/// Passes on `items` and asks `may_go_on` every [`DECISION_LIFETIME`]: its error ends the stream.
pub fn rechecked<T, E, S, C, F>(items: S, may_go_on: C) -> impl Stream<Item = Result<T, E>>
where
    S: Stream<Item = Result<T, E>>,
    C: Fn() -> F,
    F: Future<Output = Result<(), E>>,
{
    try_stream! {
        let mut items = pin!(items);
        let mut recheck = interval_at(Instant::now() + DECISION_LIFETIME, DECISION_LIFETIME);
        recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let item = tokio::select! {
                biased;
                _ = recheck.tick() => None,
                item = items.next() => Some(item),
            };
            match item {
                None => may_go_on().await?,
                Some(None) => break,
                Some(Some(item)) => yield item?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::stream;
    use tokio_stream::wrappers::IntervalStream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_the_right_to_read_it_does() {
        let every_second = IntervalStream::new(tokio::time::interval(Duration::from_secs(1)));
        let asked = Cell::new(0);
        let may_go_on = || {
            asked.set(asked.get() + 1);
            std::future::ready(if asked.get() < 3 { Ok(()) } else { Err("revoked") })
        };
        let items: Vec<_> = rechecked(every_second.map(|_| Ok(())), may_go_on).collect().await;
        assert_eq!((asked.get(), items.last()), (3, Some(&Err("revoked"))));
        assert!(items.len() > 5, "{items:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_is_asked_about_too() {
        let silent = stream::pending::<Result<(), &str>>();
        let items: Vec<_> = rechecked(silent, || std::future::ready(Err("revoked"))).collect().await;
        assert_eq!(items, [Err("revoked")]);
    }
}
