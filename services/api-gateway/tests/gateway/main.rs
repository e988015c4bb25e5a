//! The gateway before real owners of the contracts, over loopback: what comes
//! through the door, in which form, and what does not.

mod git;
mod grpc;
mod owners;
mod pages;
mod rest;
mod streams;
mod world;

/// How a test ends.
type Outcome = Result<(), Box<dyn std::error::Error>>;
