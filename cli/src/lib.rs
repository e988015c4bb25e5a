//! katonic-cli
