//! Tests of the real binaries; see tests/all.
