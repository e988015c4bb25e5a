//! The `[store]` section: which database, and how patient the relay is.

use std::time::Duration;

use katonic_domain::Secret;
use serde::{Deserialize, Serialize};

/// Where the database is. Its URI holds a password, so it is never printed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `mongodb://user:password@host:port/?…`; a single-machine store wants `directConnection=true`.
    pub uri: Secret<String>,
    /// The service's own database.
    pub database: String,
    /// How old an unpublished event is when the sweeper takes it. Default 5000.
    #[serde(default = "sweep_after_ms")]
    pub sweep_after_ms: u64,
    /// How often the sweeper looks. Default 1000.
    #[serde(default = "sweep_every_ms")]
    pub sweep_every_ms: u64,
    /// How long a lease's counter must stand still before another takes it over. Default 6000.
    #[serde(default = "lease_term_ms")]
    pub lease_term_ms: u64,
}

impl StoreConfig {
    /// A database with the default patience.
    pub fn new(uri: impl Into<String>, database: impl Into<String>) -> Self {
        Self {
            uri: Secret::new(uri.into()),
            database: database.into(),
            sweep_after_ms: sweep_after_ms(),
            sweep_every_ms: sweep_every_ms(),
            lease_term_ms: lease_term_ms(),
        }
    }

    pub(crate) const fn sweep_after(&self) -> Duration {
        Duration::from_millis(self.sweep_after_ms)
    }

    pub(crate) const fn sweep_every(&self) -> Duration {
        Duration::from_millis(self.sweep_every_ms)
    }

    pub(crate) const fn lease_term(&self) -> Duration {
        Duration::from_millis(self.lease_term_ms)
    }
}

const fn sweep_after_ms() -> u64 {
    5_000
}

const fn sweep_every_ms() -> u64 {
    1_000
}

const fn lease_term_ms() -> u64 {
    6_000
}
