//! How urgent an execution is: three steps, because more are only inflated.

use serde::{Deserialize, Serialize};

/// Which executions of a tier are admitted first; a higher one compares greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Priority {
    /// After all others.
    Low,
    /// Where nothing was said.
    #[default]
    Normal,
    /// Before all others.
    High,
}

impl Priority {
    /// Every priority, lowest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// As people read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}
