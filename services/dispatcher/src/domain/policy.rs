//! What metadata says about tiers and limits, as this service keeps it: one row
//! for each of metadata's aggregates, and only what is higher is taken (B2).

use katonic_domain::{Limit, LimitScope, Name};
use serde::{Deserialize, Serialize};

use crate::domain::limits::Limits;

/// What one aggregate of metadata says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// How many members may hold a tier.
    Tier {
        /// The tier.
        name: Name,
        /// How many.
        max_running: u32,
    },
    /// What a scope may.
    Limit {
        /// Whose.
        scope: LimitScope,
        /// What.
        limit: Limit,
    },
}

/// How new it is: events of a later incarnation are later, whatever their sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seen {
    /// Of the installation.
    pub incarnation: u32,
    /// Of the aggregate.
    pub sequence: u64,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The aggregate's id.
    pub id: String,
    /// How new it is.
    pub seen: Seen,
    /// What it says.
    pub rule: Rule,
}

impl Policy {
    /// Takes what is newer. Answers whether that was news.
    pub fn advance(&mut self, other: &Self) -> bool {
        let news = other.seen > self.seen;
        if news {
            self.clone_from(other);
        }
        news
    }
}

/// The limits that rows come to.
pub fn limits<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> Limits {
    let mut limits = Limits::default();
    for policy in policies {
        match &policy.rule {
            Rule::Tier { name, max_running } => limits.set_tier(name.clone(), *max_running),
            Rule::Limit { scope, limit } => limits.set(*scope, *limit),
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(incarnation: u32, sequence: u64, max_running: u32) -> Policy {
        let rule = Rule::Tier { name: "a".parse().expect("a name"), max_running };
        Policy { id: "tir_1".into(), seen: Seen { incarnation, sequence }, rule }
    }

    #[test]
    fn only_what_is_newer_is_taken() {
        let mut row = policy(1, 2, 20);
        for old in [policy(1, 2, 0), policy(1, 1, 0), policy(0, 9, 0)] {
            assert!(!row.advance(&old));
        }
        assert!(row.advance(&policy(1, 3, 30)));
        assert!(row.advance(&policy(2, 1, 40)), "a restore raises the incarnation");
        assert_eq!(limits([&row]).of_tier(&"a".parse().expect("a name"), 1), 40);
    }
}
