//! What an execution waits for before it queues for a place: that earlier ones
//! of its project end as they are to. An execution names only such as are there
//! already, so that no two can wait for one another.

use std::collections::BTreeSet;

use katonic_domain::{ExecutionId, ProjectId};
use serde::{Deserialize, Serialize};

use crate::domain::{execution::Number, phase::Phase};

/// Of one execution.
pub const MOST: usize = 64;
/// Why more of them are refused.
pub const TOO_MANY: &str = "are more than 64";
/// What one takes of an event, at most.
const JSON_LEN: usize = 96;

/// How a dependency is to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Condition {
    /// Well.
    #[default]
    Succeeded,
    /// In whatever way.
    Ended,
}

impl Condition {
    /// Whether an execution in this phase has ended as it is to.
    pub const fn is_met_by(self, phase: Phase) -> bool {
        match self {
            Self::Succeeded => matches!(phase, Phase::Succeeded),
            Self::Ended => phase.is_last(),
        }
    }

    /// Whether an execution in this phase has ended, and never will as it is to.
    pub const fn is_failed_by(self, phase: Phase) -> bool {
        phase.is_last() && !self.is_met_by(phase)
    }
}

/// An earlier execution of the same project that another one waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The earlier one.
    pub execution: ExecutionId,
    /// How it is to end.
    pub condition: Condition,
}

/// An execution as those see it that wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Awaited {
    /// The execution.
    pub id: ExecutionId,
    /// Its project.
    pub project: ProjectId,
    /// Which of the project's.
    pub number: Number,
    /// Whether lists leave it out.
    #[serde(default)]
    pub archived: bool,
    /// Where it is.
    pub phase: Phase,
}

/// A dependency that has not ended as it is to, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// How it is to end.
    pub condition: Condition,
    /// The execution.
    pub awaited: Awaited,
}

/// The executions that they name.
pub fn ids(after: &[Dependency]) -> BTreeSet<ExecutionId> {
    after.iter().map(|dependency| dependency.execution).collect()
}

/// Whether an execution may have these.
pub fn check(after: &[Dependency]) -> Result<(), &'static str> {
    if after.len() > MOST {
        Err(TOO_MANY)
    } else if ids(after).len() < after.len() {
        Err("name an execution twice")
    } else {
        Ok(())
    }
}

/// How long they are in an event.
pub const fn json_len(after: &[Dependency]) -> usize {
    after.len() * JSON_LEN
}

/// Those that nobody in the project may wait for: none of its executions, or archived ones.
pub fn refused(after: &[Dependency], project: ProjectId, known: &[Awaited]) -> Vec<(ExecutionId, &'static str)> {
    let why = |id: ExecutionId| match known.iter().find(|one| one.id == id && one.project == project) {
        // Another project's is as if it were not there.
        None => Some("is no execution of this project"),
        Some(awaited) if awaited.archived => Some("is archived"),
        Some(_) => None,
    };
    after.iter().filter_map(|dependency| Some((dependency.execution, why(dependency.execution)?))).collect()
}

/// Those that have not ended as they are to, as far as is known of them.
pub fn open(after: &[Dependency], known: &[Awaited]) -> Vec<Open> {
    let open = after.iter().filter_map(|dependency| {
        let awaited = *known.iter().find(|one| one.id == dependency.execution)?;
        Some(Open { condition: dependency.condition, awaited })
    });
    open.filter(|open| !open.condition.is_met_by(open.awaited.phase)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One that is to succeed.
    pub(crate) fn on(execution: ExecutionId) -> Dependency {
        Dependency { execution, condition: Condition::Succeeded }
    }

    /// An execution of a project in a phase.
    pub(crate) fn awaited(project: ProjectId, phase: Phase) -> Awaited {
        Awaited { id: ExecutionId::generate(), project, number: Number(7), archived: false, phase }
    }

    #[test]
    fn only_an_end_meets_or_fails_a_condition() {
        for phase in Phase::ALL {
            let ended = [Condition::Succeeded, Condition::Ended].map(|condition| condition.is_met_by(phase));
            let failed = [Condition::Succeeded, Condition::Ended].map(|condition| condition.is_failed_by(phase));
            let expected = match phase {
                Phase::Succeeded => ([true, true], [false, false]),
                Phase::Failed | Phase::Stopped => ([false, true], [true, false]),
                // Also after an attempt that failed, while another one follows.
                Phase::Queued | Phase::Starting | Phase::Running | Phase::Finishing => ([false; 2], [false; 2]),
            };
            assert_eq!((ended, failed), expected, "{phase:?}");
        }
    }

    #[test]
    fn too_many_and_the_same_twice_are_refused() {
        let many: Vec<Dependency> = (0..=MOST).map(|_| on(ExecutionId::generate())).collect();
        assert_eq!(check(&many[1..]), Ok(()));
        assert_eq!(check(&many), Err("are more than 64"));
        let any = Dependency { condition: Condition::Ended, ..many[0] };
        assert_eq!(check(&[many[0], any]), Err("name an execution twice"));
    }

    #[test]
    fn another_projects_execution_is_as_one_that_is_not_there() {
        let project = ProjectId::generate();
        let own = awaited(project, Phase::Failed);
        let archived = Awaited { archived: true, ..awaited(project, Phase::Succeeded) };
        let foreign = Awaited { archived: true, ..awaited(ProjectId::generate(), Phase::Running) };
        let unknown = ExecutionId::generate();
        let after = [own.id, archived.id, foreign.id, unknown].map(on);
        let none = "is no execution of this project";
        let expected = [(archived.id, "is archived"), (foreign.id, none), (unknown, none)];
        assert_eq!(refused(&after, project, &[own, archived, foreign]), expected);
    }

    #[test]
    fn what_has_ended_as_it_is_to_is_not_open() {
        let project = ProjectId::generate();
        let all = [Phase::Succeeded, Phase::Failed, Phase::Running].map(|phase| awaited(project, phase));
        let after = all.map(|one| on(one.id));
        let left: Vec<ExecutionId> = open(&after, &all).iter().map(|open| open.awaited.id).collect();
        assert_eq!(left, [all[1].id, all[2].id]);
    }
}
