//! katonic-shim
