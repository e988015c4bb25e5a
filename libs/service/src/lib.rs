//! katonic-service
