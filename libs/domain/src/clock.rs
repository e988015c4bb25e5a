//! Time as a port: services take a [`Clock`], so that a test decides what time it is.
//!
//! Wall-clock time is only ever shown and compared with stored deadlines of the
//! same machine; durations that decide (timeouts, leases) are counted on
//! monotonic clocks by whoever waits (DESIGN X6).

pub use jiff::Timestamp;

/// Where the present time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present time.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
