//! katonic-blob
