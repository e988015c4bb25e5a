//! katonic-log-streamer
