//! The search-indexer on a real store and with a real owner of aggregates: how
//! the feed is filled and followed, and that search finds what a plain filter
//! over the owner's store finds.

mod brute;
mod filling;
mod following;
mod harness;
mod owner;
mod searching;
mod things;
