//! The part of a project document that follows its repository (DESIGN W5).
//!
//! Refs are the truth and cannot be written together with the document. So a
//! push leaves a mark here before it starts; afterwards the document is read,
//! then the refs, then the heads are written if nobody recorded in between.
//! `recorded` counts recordings: what is written was read after the recording
//! before it, so heads never go back in time.
//!
//! Pure: no IO.

use std::{collections::BTreeMap, fmt, str::FromStr};

use katonic_domain::{CommitId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Branches that a project document keeps; more are in the repository only.
pub const MOST_HEADS: usize = 64;

/// One push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PushId(Uuid);

impl PushId {
    /// A new one.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for PushId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A branch and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Full ref name, such as `refs/heads/main`.
    #[serde(rename = "ref")]
    pub name: String,
    /// The commit.
    pub commit: CommitId,
}

/// How many recordings a reader had seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seen(u64);

/// What a recording came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Heads moved: a fact for the world.
    Heads,
    /// They stand where they stood.
    Nothing,
}

/// Another recording came in between: read again and repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the heads were recorded by somebody else meanwhile")]
pub struct Moved;

/// A project's files, as its document knows them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Files {
    /// The branches, by name.
    #[serde(default)]
    heads: Vec<Head>,
    #[serde(default)]
    recorded: Seen,
    /// Pushes under way or left behind, and when each started.
    #[serde(default)]
    push_pending: BTreeMap<PushId, Timestamp>,
    /// The earliest of these, for the sweeper's index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending_since: Option<Timestamp>,
}

impl Files {
    /// The branches, by name.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// What to hand to [`Files::record`] after the refs were read.
    pub const fn seen(&self) -> Seen {
        self.recorded
    }

    /// Notes that a push starts.
    pub fn begin(&mut self, push: PushId, now: Timestamp) {
        self.push_pending.insert(push, now);
        self.note_oldest();
    }

    /// Takes over the refs as they were read after `seen`, and forgets `pushes`.
    ///
    /// # Errors
    /// [`Moved`], and nothing changed.
    pub fn record(&mut self, seen: Seen, pushes: &[PushId], heads: &[Head]) -> Result<Change, Moved> {
        if self.recorded != seen {
            return Err(Moved);
        }
        for push in pushes {
            self.push_pending.remove(push);
        }
        self.note_oldest();
        self.recorded = Seen(seen.0 + 1);
        let heads = &heads[..heads.len().min(MOST_HEADS)];
        if self.heads == heads {
            return Ok(Change::Nothing);
        }
        self.heads = heads.to_vec();
        Ok(Change::Heads)
    }

    /// The pushes that started before a time.
    pub fn overdue(&self, before: Timestamp) -> Vec<PushId> {
        self.push_pending.iter().filter(|(_, start)| **start < before).map(|(push, _)| *push).collect()
    }

    fn note_oldest(&mut self) {
        self.pending_since = self.push_pending.values().min().copied();
    }
}

impl FromStr for PushId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(name: &str, digit: char) -> Head {
        Head { name: name.to_owned(), commit: digit.to_string().repeat(40).parse().expect("a commit id") }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_push_is_pending_until_it_is_recorded() {
        let mut files = Files::default();
        let (first, second) = (PushId::generate(), PushId::generate());
        files.begin(first, at(10));
        files.begin(second, at(20));
        assert_eq!(files.overdue(at(15)), [first]);
        assert_eq!(files.pending_since, Some(at(10)));
        let main = [head("refs/heads/main", 'a')];
        assert_eq!(files.record(files.seen(), &[first], &main), Ok(Change::Heads));
        assert_eq!(files.heads(), main);
        assert_eq!((files.overdue(at(99)), files.pending_since), (vec![second], Some(at(20))));
        assert_eq!(files.record(files.seen(), &[second], &main), Ok(Change::Nothing));
        assert_eq!((files.overdue(at(99)), files.pending_since), (vec![], None));
    }

    #[test]
    fn refs_that_were_read_before_another_recording_are_refused() {
        let mut files = Files::default();
        let slow = files.seen();
        let fresh = [head("refs/heads/main", 'b')];
        assert_eq!(files.record(files.seen(), &[], &fresh), Ok(Change::Heads));
        let before = files.clone();
        assert_eq!(files.record(slow, &[], &[head("refs/heads/main", 'a')]), Err(Moved));
        assert_eq!(files, before);
    }

    #[test]
    fn a_recording_without_change_still_makes_older_readings_stale() {
        let mut files = Files::default();
        let slow = files.seen();
        assert_eq!(files.record(files.seen(), &[], &[]), Ok(Change::Nothing));
        assert_eq!(files.record(slow, &[], &[]), Err(Moved));
    }

    #[test]
    fn at_most_sixty_four_branches_are_kept() {
        let many: Vec<Head> = (0..100).map(|n| head(&format!("refs/heads/b{n:03}"), 'c')).collect();
        let mut files = Files::default();
        assert_eq!(files.record(files.seen(), &[], &many), Ok(Change::Heads));
        assert_eq!(files.heads(), &many[..MOST_HEADS]);
        assert_eq!(files.record(files.seen(), &[], &many), Ok(Change::Nothing));
    }

    #[test]
    fn it_survives_its_stored_form() {
        let mut files = Files::default();
        files.begin(PushId::generate(), at(10));
        let _change = files.record(files.seen(), &[], &[head("refs/heads/v1.0", 'd')]);
        let stored = serde_json::to_string(&files).expect("it serialises");
        assert_eq!(serde_json::from_str::<Files>(&stored).expect("it parses"), files);
    }
}
