//! How long to wait before a write is tried again that somebody outran.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// With jitter, from 1 ms to 64 ms, about two seconds in all: many times what
/// fifty writers of one document need.
pub(crate) fn delays() -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(1))
        .with_max_delay(Duration::from_millis(64))
        .with_max_times(40)
        .with_jitter()
        .build()
}
