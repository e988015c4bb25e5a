//! katonic-testkit
