//! katonic-testkit
pub mod broker;
