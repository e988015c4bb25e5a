//! The real `katonic`, run as a person runs it, wherever no platform is needed.
//! What needs one is in `integration-tests`.

mod answering;
mod completions;
mod doctor_connection;
mod doctor_data;
mod doctor_folder;
mod doctor_machine;
mod doctor_token;
mod man;
mod manners;
mod sandbox;
mod version;
