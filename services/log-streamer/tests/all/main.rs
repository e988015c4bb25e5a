//! The log-streamer's use cases on a real store, a real Redis and a real folder.

mod closing;
mod faults;
mod following;
mod harness;
mod ingesting;
