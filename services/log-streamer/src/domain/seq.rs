//! The number of a record in its member's log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// 1, 2, 3 … across all streams of a member (DESIGN L1). The map from it to bytes never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(u64);

impl Seq {
    /// Before the first record: what an empty log has as its last.
    pub const ZERO: Self = Self(0);
    /// The first record's.
    pub const FIRST: Self = Self(1);

    /// Exact in Redis scripts and in JSON readers, which count in doubles; no log comes near it.
    pub const MAX: Self = Self(1 << 53);

    /// The sequence of a number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The one before it.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
