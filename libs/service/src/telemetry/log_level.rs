//! Which log lines a process writes, changeable while it runs.
//!
//! Must hold: what was asked for a while ends by itself, and with the process.
//! Below `info` only our own crates write, whatever a filter says: libraries
//! that speak HTTP or AMQP write headers and logins there.

use std::{
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use katonic_domain::{Clock, ErrorKind, SystemClock, Timestamp, error::Classified};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, filter_fn},
    reload,
};

use crate::runtime::spawn;

/// Room for a filter that names every crate of ours.
const MAX_FILTER_BYTES: usize = 1_024;

/// Why log lines stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not in the syntax of `RUST_LOG`.
    #[error("is not a filter such as `debug` or `info,katonic_store=debug`")]
    Filter,
    /// The subscriber is gone or broken.
    #[error("log lines can no longer be changed")]
    Gone(#[source] reload::Error),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Filter => ErrorKind::Invalid,
            Self::Gone(_) => ErrorKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Filter => "INVALID_ARGUMENT",
            Self::Gone(_) => "LOG_LEVEL_FIXED",
        }
    }
}

/// Which log lines are wanted, in the syntax of `RUST_LOG`: `info`, or
/// `info,katonic_store=debug`. A word alone is a level: `debgu` is no crate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn built(&self) -> EnvFilter {
        EnvFilter::new(&self.0)
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl FromStr for LogFilter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_directive = |part: &str| part.contains(['=', '[']) || part.trim().parse::<LevelFilter>().is_ok();
        let length = 1..=MAX_FILTER_BYTES;
        let taken = length.contains(&text.len()) && text.split(',').all(is_directive);
        if taken && EnvFilter::try_new(text).is_ok() { Ok(Self(text.to_owned())) } else { Err(Error::Filter) }
    }
}

impl TryFrom<String> for LogFilter {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<LogFilter> for String {
    fn from(filter: LogFilter) -> Self {
        filter.0
    }
}

/// What holds, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevelState {
    /// What holds now.
    pub filter: LogFilter,
    /// What holds unless somebody wanted another.
    pub configured: LogFilter,
    /// When that comes back; none: it holds.
    pub restore: Option<Timestamp>,
}

/// The process's log level. Clones are the same one.
#[derive(Debug, Clone)]
pub struct LogLevel(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    configured: LogFilter,
    filter: reload::Handle<EnvFilter, Registry>,
    wanted: Mutex<Wanted>,
}

#[derive(Debug, Default)]
struct Wanted {
    // Tells the task of an earlier wish that it is over.
    number: u64,
    now: Option<(LogFilter, Timestamp)>,
}

impl LogLevel {
    /// The level, and `lines` behind its filter.
    pub(super) fn of<L>(configured: &LogFilter, lines: L) -> (Self, impl Layer<Registry>)
    where
        L: Layer<Registry>,
    {
        let (filter, handle) = reload::Layer::new(configured.built());
        let inner = Inner { configured: configured.clone(), filter: handle, wanted: Mutex::default() };
        (Self(Arc::new(inner)), lines.with_filter(filter.and(filter_fn(may_be_written))))
    }

    /// What holds.
    pub fn state(&self) -> LogLevelState {
        self.0.state(&self.0.wanted())
    }

    /// Lets `filter` hold for `lifetime`, instead of whatever was wanted before.
    ///
    /// # Errors
    /// The subscriber is gone.
    pub fn set(&self, filter: LogFilter, lifetime: Duration) -> Result<LogLevelState, Error> {
        let mut wanted = self.0.wanted();
        self.0.filter.reload(filter.built()).map_err(Error::Gone)?;
        let restore = SystemClock.now().saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let number = wanted.number + 1;
        *wanted = Wanted { number, now: Some((filter, restore)) };
        let inner = Arc::clone(&self.0);
        spawn("log-level", async move {
            sleep(lifetime).await;
            inner.restore(|wanted| wanted.number == number)
        });
        Ok(self.0.state(&wanted))
    }

    /// Lets what is configured hold again.
    ///
    /// # Errors
    /// The subscriber is gone.
    pub fn restore(&self) -> Result<LogLevelState, Error> {
        self.0.restore(|_| true)?;
        Ok(self.state())
    }
}

impl Inner {
    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self, wanted: &Wanted) -> LogLevelState {
        let (filter, restore) = match &wanted.now {
            Some((filter, restore)) => (filter, Some(*restore)),
            None => (&self.configured, None),
        };
        LogLevelState { filter: filter.clone(), configured: self.configured.clone(), restore }
    }

    fn restore(&self, applies: impl Fn(&Wanted) -> bool) -> Result<(), Error> {
        let mut wanted = self.wanted();
        if applies(&wanted) {
            self.filter.reload(self.configured.built()).map_err(Error::Gone)?;
            wanted.now = None;
        }
        Ok(())
    }
}

fn may_be_written(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().starts_with("katonic")
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn taken(&self) -> String {
            let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
            String::from_utf8(bytes).expect("UTF-8")
        }
    }

    fn filter(text: &str) -> LogFilter {
        text.parse().expect("a filter")
    }

    fn capture(configured: &str) -> (LogLevel, Lines, tracing::subscriber::DefaultGuard) {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
        let (level, layer) = LogLevel::of(&filter(configured), layer);
        let guard = tracing::subscriber::set_default(Registry::default().with(layer));
        (level, lines, guard)
    }

    #[tokio::test(start_paused = true)]
    async fn a_level_holds_for_its_time_and_then_the_configured_one_does() {
        let (level, lines, _guard) = capture("info");
        tracing::debug!("before");
        assert_eq!(lines.taken(), "");
        let state = level.set(filter("debug"), Duration::from_secs(60)).expect("a subscriber");
        assert_eq!((state.filter.as_str(), state.configured.as_str()), ("debug", "info"));
        assert!(state.restore.is_some());
        tracing::debug!("meanwhile");
        assert!(lines.taken().contains("meanwhile"));
        sleep(Duration::from_secs(61)).await;
        tracing::debug!("after");
        assert_eq!(lines.taken(), "");
        assert_eq!(level.state().restore, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_wish_is_not_ended_by_an_earlier_one() {
        let (level, lines, _guard) = capture("info");
        level.set(filter("debug"), Duration::from_secs(10)).expect("a subscriber");
        level.set(filter("trace"), Duration::from_secs(100)).expect("a subscriber");
        sleep(Duration::from_secs(50)).await;
        tracing::trace!("still");
        assert!(lines.taken().contains("still"));
        level.restore().expect("a subscriber");
        tracing::debug!("no more");
        assert_eq!(lines.taken(), "");
    }

    #[tokio::test]
    async fn libraries_stay_silent_below_info() {
        let (level, lines, _guard) = capture("info");
        level.set(filter("trace"), Duration::from_secs(60)).expect("a subscriber");
        tracing::debug!(target: "h2::codec", "authorization: Bearer kat_secret");
        assert_eq!(lines.taken(), "");
        tracing::info!(target: "h2::codec", "connected");
        assert!(lines.taken().contains("connected"));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for bad in ["", "debgu", "info,loud", "katonic=loud", &"a=info,".repeat(500)] {
            assert!(bad.parse::<LogFilter>().is_err(), "{bad:?} was taken");
        }
        for good in ["debug", "info,katonic_store=debug", "off", "WARN", "[span]=trace"] {
            assert!(good.parse::<LogFilter>().is_ok(), "{good:?} was refused");
        }
    }
}
