//! The catalogue of events: every message that carries
//! `katonic.event.v1.aggregate`, and the facts published about it.

use std::sync::LazyLock;

use prost_reflect::MessageDescriptor;

use crate::{
    DESCRIPTOR_POOL,
    event::v1::Aggregate,
    options::{Extension, named},
};

static AGGREGATE: Extension = Extension::new(|| named("katonic.event.v1.aggregate"));

static CATALOGUE: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    DESCRIPTOR_POOL
        .all_messages()
        .filter_map(|payload| AGGREGATE.get(&payload.options()).map(|aggregate| Kind { aggregate, payload }))
        .collect()
});

/// An aggregate that publishes events, and their payload.
#[derive(Debug, Clone)]
pub struct Kind {
    /// Entity, exchange, facts and id field.
    pub aggregate: Aggregate,
    /// The message that every fact of it carries.
    pub payload: MessageDescriptor,
}

impl Kind {
    /// The event types, such as `io.katonic.project.created.v1`.
    pub fn types(&self) -> impl Iterator<Item = String> {
        self.aggregate.facts.iter().map(|fact| event_type(&self.aggregate.entity, fact))
    }
}

/// Every aggregate that publishes events.
pub fn catalogue() -> &'static [Kind] {
    &CATALOGUE
}

/// The aggregate that publishes an event type.
pub fn by_type(event_type: &str) -> Option<&'static Kind> {
    CATALOGUE.iter().find(|kind| kind.types().any(|t| t == event_type))
}

/// `io.katonic.<entity>.<fact>.v1`.
pub fn event_type(entity: &str, fact: &str) -> String {
    format!("io.katonic.{entity}.{fact}.v1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_aggregate_is_complete() {
        assert!(!catalogue().is_empty());
        for kind in catalogue() {
            let Aggregate { entity, exchange, facts, id_field } = &kind.aggregate;
            assert!(!entity.is_empty() && exchange.starts_with("katonic.") && !facts.is_empty());
            assert!(kind.payload.get_field_by_name(id_field).is_some(), "{entity}: no field {id_field:?}");
        }
    }
}
