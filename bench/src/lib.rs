//! katonic-bench
