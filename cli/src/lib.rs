//! `katonic`, the command line of the platform.
//!
//! ```text
//!  args ──> commands ──> client ──gRPC──> gateway          config: which gateway, which token
//!               │  └───> git ────smart HTTP──> gateway     snapshot, results: files in and out
//!               ├──────> platform: `up`, `down`, `status` of this machine's installation
//!               ├──────> doctor: what is wrong with any of it
//!               └──────> parameters: what a folder declares, held against what is given
//! ```
//!
//! It has no powers that the public API lacks: everything but `up`, `down`,
//! `status` and `doctor` goes through the gateway with the user's own token. It keeps no
//! state that matters; its cache may be deleted at any time, and a killed
//! `katonic` never changes what a job does.
#![warn(missing_docs)]

pub mod args;
pub mod backoff;
pub mod cache;
pub mod client;
pub mod commands;
mod comparison;
pub mod compatibility;
pub mod config;
mod differences;
pub mod doctor;
pub mod execution;
pub mod exit;
pub mod failure;
pub mod git;
pub mod identity;
pub mod interrupt;
pub mod log_writer;
pub mod output;
pub mod pages;
mod parameters;
pub mod party;
pub mod platform;
pub mod progress;
pub mod project;
pub mod results;
pub mod resume;
pub mod rpc_error;
pub mod snapshot;
pub mod text;
