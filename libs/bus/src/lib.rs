//! katonic-bus
