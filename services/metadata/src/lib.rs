//! katonic-metadata

pub mod git;
