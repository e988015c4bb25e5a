//! katonic-store
