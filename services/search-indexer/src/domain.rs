//! What an event of the feed is, in which order events go into it, and who may see one.

pub mod event;
pub mod order;
pub mod visible;

pub use event::{Cursor, FeedEvent, Place};
pub use visible::{Projects, Visible};
