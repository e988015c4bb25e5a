//! The RPCs: parse, use case, answer. Nothing is decided here but who may call.

mod batch;
pub mod convert;
pub mod execution_service;
pub mod member_service;
mod rerun;
mod schedule;
pub mod schedule_service;
mod usage;
