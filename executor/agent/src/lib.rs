//! katonic-agent
