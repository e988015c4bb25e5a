//! The platform on one machine: `katonic up`, `down` and `status`; and what one in containers takes from here
//! (`containers`).
//!
//! ```text
//! up ──> supervise (stays, holds <home>/lock)
//!          ├─ keeper ──> store        ─ prepare: users
//!          ├─ keeper ──> epmd
//!          ├─ keeper ──> rabbitmq     ─ prepare: topology
//!          ├─ keeper ──> redis
//!          └─ keeper ──> metadata, git, dispatcher, log-streamer, search-indexer, api-gateway
//! ```
//! Must hold: everything listens on 127.0.0.1 only and demands a password
//! (DESIGN I4); whoever is killed, users' work goes on (G3); running any of the
//! three commands twice is harmless.

mod backend;
mod configuration;
mod containers;
mod down;
mod error;
mod examination;
mod files;
pub mod home;
mod installation;
mod jobs;
mod keeper;
mod launch;
mod layout;
mod lock;
mod note;
mod part;
mod prepare;
mod probe;
mod process;
mod rabbitmq;
mod redis;
mod secrets;
mod site;
mod state;
mod status;
mod stop;
mod store;
mod supervisor;
mod tools;
mod topology;
mod up;

pub use backend::Kind as BackendKind;
pub use containers::{ContainersCommand, containers};
pub use down::{DownArgs, down};
pub use error::Error;
pub use examination::{
    Agent, DataDirectory, Examination, Filesystem, Leftover, PartSeen, Place, Servers, closed_folder,
};
pub use home::{Home, LocalAccess};
pub use part::Part;
pub use status::{StatusArgs, status};
pub use supervisor::{SuperviseArgs, supervise};
pub use tools::missing as missing_programs;
pub use up::{UpArgs, up};
