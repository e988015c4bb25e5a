//! The real `katonic`, run as a person runs it, wherever no platform is needed.
//! What needs one is in `integration-tests`.

mod completions;
mod man;
mod manners;
mod sandbox;
