//! The log-streamer on a real store, a real Redis and a real folder: its use
//! cases, and what agents call over gRPC.

mod closing;
mod faults;
mod following;
mod harness;
mod ingesting;
mod serving;
mod tidying;
