//! Steps on the way of an attempt. They are set on the member as they are
//! reported and copied by the execution's next write (X3), so readers merge both.

use katonic_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// A step, in the order in which they are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// The admission leader has seen it.
    Acknowledged,
    /// It fits into its tier.
    QuotaChecked,
    /// What it needs on the backend is made.
    ResourcesCreated,
    /// It is known where it runs.
    NodeAssigned,
    /// Its working folder is there.
    VolumesMounted,
    /// Its environment is there.
    ImagesPulled,
    /// Its input files are there.
    FilesPrepared,
    /// Its command was started.
    UserCodeLaunched,
    /// It can be reached.
    Available,
    /// Its results are saved.
    ResultsSaved,
    /// Its working folder is gone.
    VolumesReleased,
    /// What it needed on the backend is gone.
    ResourcesDeleted,
}

/// A step that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Which.
    pub kind: Kind,
    /// When.
    pub at: Timestamp,
}

/// Both lists as one, in the order of the steps: of a step that both have, the earlier time holds.
pub fn merge(ours: &[Checkpoint], theirs: &[Checkpoint]) -> Vec<Checkpoint> {
    let mut merged: Vec<Checkpoint> = ours.iter().chain(theirs).copied().collect();
    merged.sort_by_key(|checkpoint| (checkpoint.kind, checkpoint.at));
    merged.dedup_by_key(|checkpoint| checkpoint.kind);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 4] = [Kind::Acknowledged, Kind::FilesPrepared, Kind::UserCodeLaunched, Kind::ResultsSaved];

    fn at(kind: Kind, second: i64) -> Checkpoint {
        Checkpoint { kind, at: Timestamp::from_second(second).expect("a time") }
    }

    #[test]
    fn the_earlier_time_of_a_step_holds() {
        let merged = merge(&[at(Kind::FilesPrepared, 5)], &[at(Kind::FilesPrepared, 3), at(Kind::Acknowledged, 4)]);
        assert_eq!(merged, [at(Kind::Acknowledged, 4), at(Kind::FilesPrepared, 3)]);
    }

    #[test]
    fn merging_is_idempotent_and_commutative() {
        let ours: Vec<_> = KINDS.into_iter().map(|kind| at(kind, 10)).collect();
        let theirs: Vec<_> = KINDS.into_iter().rev().map(|kind| at(kind, 9)).collect();
        let merged = merge(&ours, &theirs);
        assert_eq!(merged, merge(&theirs, &ours));
        assert_eq!(merged, merge(&merged, &ours));
    }
}
