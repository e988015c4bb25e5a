//! In which order events go into the feed: each once, those of one aggregate
//! without a hole, whatever order they came in. Pure; the use case asks owners
//! for what is missing and comes again.
//!
//! ```text
//!   known 3     came 6, 5, 2     ->  missing 4       ->  asked, 4 comes
//!   known 3     came 6, 5, 2, 4  ->  append 4, 5, 6      (2 is known: left out)
//! ```

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::event::{FeedEvent, Place};

/// What of an aggregate's events lies before one that came and is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Missing {
    /// The aggregate.
    pub subject: String,
    /// The noun in event types.
    pub entity: String,
    /// The highest sequence that is known; 0 where none is.
    pub after: u64,
}

/// Events of a batch that are new, by aggregate, each aggregate's in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// In which order aggregates were heard of: one entry an event that came.
    arrivals: Vec<String>,
    queues: HashMap<String, BTreeMap<Place, FeedEvent>>,
}

impl Batch {
    /// A batch of what came.
    pub fn new(events: Vec<FeedEvent>) -> Self {
        let mut batch = Self::default();
        batch.add(events);
        batch
    }

    /// Adds more, such as what an owner was asked for.
    pub fn add(&mut self, events: Vec<FeedEvent>) {
        for event in events {
            self.arrivals.push(event.subject().to_owned());
            self.queues.entry(event.subject().to_owned()).or_default().insert(event.place, event);
        }
    }

    /// The aggregates of which something came.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        self.queues.keys().map(String::as_str)
    }

    /// Leaves out what the feed has already.
    pub fn forget_known(&mut self, known: &HashMap<String, Place>) {
        for (subject, queue) in &mut self.queues {
            if let Some(last) = known.get(subject) {
                queue.retain(|place, _| place > last);
            }
        }
        self.queues.retain(|_, queue| !queue.is_empty());
    }

    /// Leaves out an aggregate: its events come again later.
    pub fn forget(&mut self, subject: &str) {
        self.queues.remove(subject);
    }

    /// The holes, before or between what came.
    pub fn missing(&self, known: &HashMap<String, Place>) -> Vec<Missing> {
        let hole = |(subject, queue): (&String, &BTreeMap<Place, FeedEvent>)| {
            let mut last = known.get(subject).copied();
            for (place, event) in queue {
                if is_hole(last, *place) {
                    let after = last.filter(|last| last.incarnation == place.incarnation);
                    let entity = event.entity().to_owned();
                    return Some(Missing {
                        subject: subject.clone(),
                        entity,
                        after: after.map_or(0, |last| last.sequence),
                    });
                }
                last = Some(*place);
            }
            None
        };
        self.queues.iter().filter_map(hole).collect()
    }

    /// All events: aggregates as they were heard of, each one's in order.
    pub fn into_ordered(self) -> Vec<FeedEvent> {
        let mut queues: HashMap<String, VecDeque<FeedEvent>> =
            self.queues.into_iter().map(|(subject, queue)| (subject, queue.into_values().collect())).collect();
        let mut ordered = Vec::new();
        for subject in self.arrivals {
            ordered.extend(queues.get_mut(&subject).and_then(VecDeque::pop_front));
        }
        ordered
    }
}

/// Whether something lies between. After a restore from backup counting goes
/// on from an earlier version, so nothing can be said across incarnations.
fn is_hole(last: Option<Place>, next: Place) -> bool {
    match last {
        Some(last) if last.incarnation == next.incarnation => next.sequence > last.sequence + 1,
        Some(_) => false,
        None => next.sequence > 1,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use katonic_proto::envelope::Envelope;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn event(subject: &str, incarnation: u32, sequence: u64) -> FeedEvent {
        let envelope = Envelope {
            specversion: "1.0".to_owned(),
            id: format!("{subject}.{incarnation}.{sequence:020}"),
            source: format!("/katonic/ins_x/metadata/{incarnation}"),
            event_type: "io.katonic.project.pushed.v1".to_owned(),
            subject: subject.to_owned(),
            time: "2026-01-02T03:04:05Z".to_owned(),
            sequence: format!("{sequence:020}"),
            partitionkey: subject.to_owned(),
            traceparent: None,
            datacontenttype: "application/json".to_owned(),
            data: json!({}),
        };
        FeedEvent::try_from(envelope).expect("ours")
    }

    fn known(subject: &str, incarnation: u32, sequence: u64) -> HashMap<String, Place> {
        HashMap::from([(subject.to_owned(), Place { incarnation, sequence })])
    }

    fn sequences(batch: Batch) -> Vec<u64> {
        batch.into_ordered().iter().map(|event| event.place.sequence).collect()
    }

    #[test]
    fn a_hole_is_asked_for_and_then_filled() {
        let known = known("a", 1, 3);
        let mut batch = Batch::new([6, 5, 2].map(|n| event("a", 1, n)).to_vec());
        batch.forget_known(&known);
        let hole = Missing { subject: "a".to_owned(), entity: "project".to_owned(), after: 3 };
        assert_eq!(batch.missing(&known), [hole]);
        batch.add(vec![event("a", 1, 4), event("a", 1, 5)]);
        assert_eq!(batch.missing(&known), []);
        assert_eq!(sequences(batch), [4, 5, 6]);
    }

    #[test]
    fn a_higher_incarnation_may_count_on_from_a_lower_version() {
        let known = known("a", 1, 9);
        let mut batch = Batch::new(vec![event("a", 1, 8), event("a", 2, 6)]);
        batch.forget_known(&known);
        assert_eq!(batch.missing(&known), []);
        assert_eq!(sequences(batch), [6]);
    }

    #[test]
    fn aggregates_keep_the_order_in_which_they_came() {
        let batch = Batch::new(vec![event("a", 1, 1), event("b", 1, 1), event("a", 1, 2)]);
        let order: Vec<String> = batch.into_ordered().iter().map(|event| event.subject().to_owned()).collect();
        assert_eq!(order, ["a", "b", "a"]);
    }

    proptest! {
        #[test]
        fn whatever_order_and_repetition_everything_new_comes_once_in_order(
            came in prop::collection::vec((0..3_usize, 1..20_u64), 0..80),
            last in 0..10_u64,
        ) {
            let names = ["a", "b", "c"];
            let known: HashMap<_, _> =
                names.map(|name| (name.to_owned(), Place { incarnation: 1, sequence: last })).into();
            let mut batch = Batch::new(came.iter().map(|(name, n)| event(names[*name], 1, *n)).collect());
            batch.forget_known(&known);
            for missing in batch.missing(&known) {
                batch.add((missing.after + 1..20).map(|n| event(&missing.subject, 1, n)).collect());
            }
            prop_assert_eq!(batch.missing(&known), vec![]);
            let ordered = batch.into_ordered();
            for (at, name) in names.iter().enumerate() {
                let seen: Vec<u64> =
                    ordered.iter().filter(|e| e.subject() == *name).map(|e| e.place.sequence).collect();
                let highest = came.iter().filter(|(n, _)| *n == at).map(|(_, n)| *n).max().unwrap_or(0);
                // What the owner has beyond what came may be there too.
                prop_assert!(seen.len() as u64 >= highest.saturating_sub(last));
                prop_assert!(seen.iter().zip(last + 1..).all(|(seen, wanted)| *seen == wanted), "{:?}", seen);
            }
        }
    }
}
