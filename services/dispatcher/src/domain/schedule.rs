//! A job that is launched again and again, by a timetable. What is due is a
//! pure function of what was decided and of the time; each time that is due is
//! decided once.

use jiff::SignedDuration;
use katonic_domain::{ExecutionId, Name, ProjectId, ScheduleId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::domain::{execution::Number, spec::JobForm, timetable::Timetable};

/// As late as this it still counts as in time: a restart of the platform takes less.
pub const IN_TIME: SignedDuration = SignedDuration::from_mins(2);
/// The most that is made up for.
pub const MOST_CAUGHT_UP: u32 = 100;

/// What happens where the execution before still runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Overlap {
    /// It is left out.
    #[default]
    Forbid,
    /// Both run.
    Allow,
    /// The one before is stopped.
    Replace,
}

/// What happens with what was due while nobody could launch it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CatchUp {
    /// Nothing.
    #[default]
    None,
    /// The latest is launched.
    Last,
    /// So many of the latest are launched, oldest first.
    All(u32),
}

/// What became of a time at which it was due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Fate {
    /// This was launched.
    Launched(ExecutionId),
    /// The execution before still ran.
    Overlapped,
    /// The launch was refused: the stable code.
    Refused(String),
}

/// A time at which it was due, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// When it was due.
    pub at: Timestamp,
    /// What became of it.
    pub fate: Fate,
}

/// What people may say and change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Unique in its project; never changes.
    pub name: Name,
    /// When it is due.
    pub timetable: Timetable,
    /// Where the one before still runs.
    pub overlap: Overlap,
    /// Where it was due and nobody could launch it.
    pub catch_up: CatchUp,
    /// Whether it rests.
    pub paused: bool,
    /// What is launched.
    pub job: JobForm,
}

/// A job that is launched by a timetable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The schedule.
    pub id: ScheduleId,
    /// Its project.
    pub project: ProjectId,
    /// Which of the project's.
    pub number: Number,
    /// In whose name it launches: who last said what.
    pub owner: UserId,
    /// What people said.
    pub plan: Plan,
    /// Rises with every change that people make.
    pub generation: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was taken away.
    pub deleted_at: Option<Timestamp>,
    /// All that was due until then is decided.
    pub decided_until: Timestamp,
    /// The latest of it.
    pub last: Option<Tick>,
    /// What it launched last, which may still run.
    pub launched: Option<ExecutionId>,
}

impl Schedule {
    /// One that was just made: nothing before it is due.
    pub fn new(id: ScheduleId, project: ProjectId, number: Number, owner: UserId, plan: Plan, now: Timestamp) -> Self {
        Self {
            id,
            project,
            number,
            owner,
            plan,
            generation: 1,
            created_at: now,
            deleted_at: None,
            decided_until: now,
            last: None,
            launched: None,
        }
    }

    /// Whether it launches anything.
    pub const fn is_active(&self) -> bool {
        !self.plan.paused && self.deleted_at.is_none()
    }

    /// What is to be launched at a time, oldest first. What else was due is left out.
    pub fn due(&self, now: Timestamp) -> Vec<Timestamp> {
        if !self.is_active() || now <= self.decided_until {
            return Vec::new();
        }
        let due = self.plan.timetable.until(now).take_while(|time| *time > self.decided_until);
        let mut launches: Vec<Timestamp> = match self.plan.catch_up {
            CatchUp::None => due.take(1).filter(|time| now.duration_since(*time) <= IN_TIME).collect(),
            CatchUp::Last => due.take(1).collect(),
            CatchUp::All(most) => due.take(usize::try_from(most).unwrap_or(usize::MAX)).collect(),
        };
        launches.reverse();
        launches
    }

    /// When it is due next after a time.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.plan.timetable.after(after).next()
    }

    /// Records what became of a time. Answers whether that was news.
    pub fn decide(&mut self, tick: Tick) -> bool {
        let news = tick.at > self.decided_until;
        if news {
            self.decided_until = tick.at;
            if let Fate::Launched(execution) = &tick.fate {
                self.launched = Some(*execution);
            }
            self.last = Some(tick);
        }
        news
    }

    /// Changes what people said; whoever does so launches it from now on. What was due before is not made up for
    /// where it rested or the timetable is another one.
    pub fn change(&mut self, plan: Plan, by: UserId, now: Timestamp) -> bool {
        if plan == self.plan {
            return false;
        }
        if self.plan.paused || plan.timetable != self.plan.timetable {
            self.decided_until = self.decided_until.max(now);
        }
        self.plan = plan;
        self.owner = by;
        self.generation += 1;
        true
    }

    /// Takes it away; its executions stay. Answers whether that was news.
    pub fn delete(&mut self, now: Timestamp) -> bool {
        let news = self.deleted_at.is_none();
        if news {
            self.deleted_at = Some(now);
            self.generation += 1;
        }
        news
    }
}

#[cfg(test)]
pub(crate) mod tests;
