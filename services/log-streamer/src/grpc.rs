//! The RPCs: who calls, what they ask, what they get; decisions lie in the use cases.

mod convert;
mod ingest_service;
mod log_service;

pub use ingest_service::IngestRpc;
pub use log_service::LogRpc;
