//! katonic-dispatcher
