//! The port between the store that has aggregates and the RPC that shows them
//! to those who project them (`katonic.aggregate.v1`): neither knows the other.

use futures::{future::BoxFuture, stream::BoxStream};
use katonic_domain::error::Classified;

/// Why an owner cannot show its aggregates now.
pub type Error = Box<dyn Classified + Send + Sync>;

/// An aggregate and the sequence of its newest event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The aggregate's id.
    pub id: String,
    /// How many events it has had.
    pub version: u64,
}

/// The aggregates of one entity.
pub trait Aggregates: Send + Sync {
    /// The noun in event types, such as `execution`.
    fn entity(&self) -> &'static str;

    /// Events of an aggregate after a version, oldest first, as `CloudEvents`
    /// in JSON; also those that wait to be published.
    fn events<'a>(&'a self, id: &'a str, after: u64, limit: usize) -> BoxFuture<'a, Result<Vec<String>, Error>>;

    /// Every aggregate, in portions of at most `portion`, in no order.
    fn walk(&self, portion: usize) -> BoxStream<'static, Result<Vec<Standing>, Error>>;
}
