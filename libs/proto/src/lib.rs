//! katonic-proto
