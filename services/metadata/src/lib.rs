//! katonic-metadata
