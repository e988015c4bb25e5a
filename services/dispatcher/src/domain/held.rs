//! Who of the queue waits for others to end, and who in vain.
//!
//! An end is for ever: what is known of one stays known while somebody waits
//! who named it, however often the queue is read again.
//!
//! Must hold: who leaves leaves nothing behind.

use std::collections::{BTreeMap, BTreeSet};

use katonic_domain::ExecutionId;

use crate::domain::{
    dependency::{Condition, Dependency},
    phase::Phase,
};

/// Who waits for others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// By whom each is waited for, and how it is to end for them.
    dependents: BTreeMap<ExecutionId, BTreeMap<ExecutionId, Condition>>,
    /// How those of them ended that have.
    ended: BTreeMap<ExecutionId, Phase>,
    /// What each still waits for.
    open: BTreeMap<ExecutionId, BTreeSet<ExecutionId>>,
    /// Who waits in vain, and for what.
    hopeless: BTreeMap<ExecutionId, ExecutionId>,
}

impl Held {
    /// Lets one in that waits for others.
    pub fn insert(&mut self, id: ExecutionId, after: &[Dependency]) {
        for Dependency { execution, condition } in after {
            self.dependents.entry(*execution).or_default().insert(id, *condition);
            let ended = self.ended.get(execution).copied();
            if ended.is_some_and(|phase| condition.is_met_by(phase)) {
                continue;
            }
            self.open.entry(id).or_default().insert(*execution);
            if ended.is_some() {
                self.hopeless.entry(id).or_insert(*execution);
            }
        }
    }

    /// Takes one out, with what it waited for.
    pub fn remove(&mut self, id: ExecutionId, after: &[Dependency]) {
        self.open.remove(&id);
        self.hopeless.remove(&id);
        for Dependency { execution, .. } in after {
            let Some(dependents) = self.dependents.get_mut(execution) else { continue };
            dependents.remove(&id);
            if dependents.is_empty() {
                self.dependents.remove(execution);
                self.ended.remove(execution);
            }
        }
    }

    /// Sees where one is. Answers who waits for nothing any more; none where that is no news to anybody.
    pub fn see(&mut self, id: ExecutionId, phase: Phase) -> Option<Vec<ExecutionId>> {
        let dependents = self.dependents.get(&id).filter(|_| phase.is_last())?;
        if self.ended.insert(id, phase).is_some() {
            return None;
        }
        let mut free = Vec::new();
        for (dependent, condition) in dependents {
            if !condition.is_met_by(phase) {
                self.hopeless.entry(*dependent).or_insert(id);
                continue;
            }
            let Some(open) = self.open.get_mut(dependent) else { continue };
            open.remove(&id);
            if open.is_empty() {
                self.open.remove(dependent);
                free.push(*dependent);
            }
        }
        Some(free)
    }

    /// Whether one still waits for another.
    pub fn holds(&self, id: ExecutionId) -> bool {
        self.open.contains_key(&id)
    }

    /// Who still waits for others.
    pub fn ids(&self) -> impl Iterator<Item = ExecutionId> {
        self.open.keys().copied()
    }

    /// Who waits in vain, each with the one that did not end as it was to.
    pub fn hopeless(&self) -> impl Iterator<Item = (ExecutionId, ExecutionId)> {
        self.hopeless.iter().map(|(id, failed)| (*id, *failed))
    }

    /// How those ended that somebody waits for.
    pub const fn ended(&self) -> &BTreeMap<ExecutionId, Phase> {
        &self.ended
    }

    /// Of one and what it waits for: those that somebody waits for and that are not known to have ended.
    pub fn unknown(&self, id: ExecutionId) -> impl Iterator<Item = ExecutionId> {
        let own = self.dependents.contains_key(&id).then_some(id);
        let open = self.open.get(&id).into_iter().flatten().copied();
        own.into_iter().chain(open).filter(|id| !self.ended.contains_key(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::dependency::tests::on;

    fn ids<const N: usize>() -> [ExecutionId; N] {
        std::array::from_fn(|_| ExecutionId::generate())
    }

    fn hopeless(held: &Held) -> Vec<(ExecutionId, ExecutionId)> {
        held.hopeless().collect()
    }

    #[test]
    fn one_waits_until_the_last_has_ended() {
        let [own, first, second] = ids();
        let mut held = Held::default();
        held.insert(own, &[on(first), on(second)]);
        assert!(held.holds(own));
        assert_eq!(held.see(first, Phase::Succeeded), Some(vec![]));
        assert_eq!(held.unknown(own).collect::<Vec<_>>(), [second]);
        assert_eq!(held.see(second, Phase::Succeeded), Some(vec![own]));
        assert!(!held.holds(own));
        assert_eq!(held.see(second, Phase::Succeeded), None, "it comes twice to no effect");
    }

    #[test]
    fn an_attempt_that_is_followed_by_another_is_no_end() {
        let [own, retried] = ids();
        let mut held = Held::default();
        held.insert(own, &[on(retried)]);
        for phase in [Phase::Starting, Phase::Running, Phase::Finishing, Phase::Queued] {
            assert_eq!(held.see(retried, phase), None, "{phase:?}");
        }
        assert_eq!((hopeless(&held), held.unknown(retried).collect::<Vec<_>>()), (vec![], vec![retried]));
        assert_eq!(held.see(retried, Phase::Succeeded), Some(vec![own]));
    }

    #[test]
    fn who_waits_for_success_waits_in_vain_after_any_other_end_and_who_waits_for_an_end_does_not() {
        let [strict, patient, failed] = ids();
        let mut held = Held::default();
        held.insert(strict, &[on(failed)]);
        held.insert(patient, &[Dependency { condition: Condition::Ended, ..on(failed) }]);
        assert_eq!(held.see(failed, Phase::Stopped), Some(vec![patient]));
        assert!(held.holds(strict), "it never gets a place");
        assert_eq!(hopeless(&held), [(strict, failed)]);
    }

    #[test]
    fn an_end_is_remembered_for_who_comes_later() {
        let [first, met, vain, succeeded, failed] = ids();
        let mut held = Held::default();
        held.insert(first, &[on(succeeded), on(failed)]);
        held.see(succeeded, Phase::Succeeded);
        held.see(failed, Phase::Failed);
        held.insert(met, &[on(succeeded)]);
        held.insert(vain, &[on(failed)]);
        assert_eq!((held.holds(met), held.holds(vain)), (false, true));
        assert_eq!(held.hopeless().map(|(id, _)| id).collect::<BTreeSet<_>>(), BTreeSet::from([first, vain]));
    }

    #[test]
    fn a_failure_goes_down_a_chain_as_each_ends() {
        let [first, second, third] = ids();
        let mut held = Held::default();
        held.insert(second, &[on(first)]);
        held.insert(third, &[on(second)]);
        held.see(first, Phase::Failed);
        assert_eq!(hopeless(&held), [(second, first)]);
        held.remove(second, &[on(first)]);
        held.see(second, Phase::Failed);
        assert_eq!(hopeless(&held), [(third, second)]);
        held.remove(third, &[on(second)]);
        assert_eq!(held, Held::default());
    }

    #[test]
    fn what_nobody_waits_for_is_not_remembered() {
        let mut held = Held::default();
        assert_eq!(held.see(ExecutionId::generate(), Phase::Failed), None);
        assert_eq!(held, Held::default());
    }
}
