//! The platform under test, and the ways in which users reach it.
//!
//! One platform is started by the real `katonic up` for the whole run, in a
//! data directory of its own; tests share it and keep apart by projects of
//! their own. Tests that kill or stop parts take it alone.

pub mod cli;
pub mod following;
pub mod guide;
pub mod otlp;
pub mod parts;
pub mod platform;
pub mod projections;
pub mod python;
pub mod rest;
pub mod rpc;
pub mod users;
pub mod wait;

pub use platform::Platform;
