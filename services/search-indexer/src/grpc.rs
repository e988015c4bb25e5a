//! The RPCs: who calls, what they ask, what they get; decisions lie in the use cases.

mod feed_service;
mod search_service;

pub use feed_service::FeedRpc;
pub use search_service::SearchRpc;
