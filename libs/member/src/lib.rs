//! The member directory: all that backend, agent and shim have in common.
//!
//! A *member* is one process of one attempt of an execution. Its directory is
//! out of its user's reach and is the only state that the three parties share,
//! so that each of them may be killed at any point and find its way back:
//!
//! ```text
//!   members/                      0700, root's (or the one user's)
//!   ├── .agent                    flock: at most one agent serves this folder
//!   └── exe-<suffix>-1-main-0/    appears whole (rename), 0700
//!       ├── launch.json   backend  what to run, as whom, for how long
//!       ├── ticket        backend  good for one nonce (M2)
//!       ├── nonce         agent    before its first Claim
//!       ├── go            agent    files are there, the claim is held: run
//!       ├── stop.json     agent    deliver a stop, or never start
//!       ├── lock          shim     flock for life; who holds it
//!       ├── started       shim     O_EXCL: user code starts at most once
//!       ├── launched.json shim     the command runs
//!       ├── spool/        shim     numbered lines, CRC-framed, in segments;
//!       │                          the agent removes what is durable elsewhere
//!       └── exit.json     shim     how it ended; nothing comes after it
//!
//!   backend ──launch.json──▶ shim ──spool/, exit.json──▶ agent ──▶ services
//!                              ▲────go, stop.json──────────┘
//! ```
//!
//! In a container the shim has its user's rights, so that what it writes is
//! user code's to change. Its directory has two folders more, the only ones that
//! the container sees; everything else, and the exit record that decides, stays
//! out of its reach:
//!
//! ```text
//!   ├── launch.json, ticket, nonce   as above
//!   ├── orders/           read-only there: launch.json (with its paths), go, stop.json
//!   ├── answers/          lock, started, launched.json, spool/, exit.json: hostile input
//!   ├── container-end.json   backend  what the engine says
//!   └── exit.json         agent    the verdict over both
//! ```
//!
//! What must hold: a file other than the spool is written beside its name and
//! renamed, so that whoever sees it sees all of it. What decides (launch,
//! ticket, nonce, started, exit) is fsynced. Orders, `launched` and the spool
//! survive the death of any process, but not the loss of power, which ends the
//! attempt anyway (the exit record then names more lines than there are, and
//! the reader answers the difference as a gap).
#![warn(missing_docs)]

mod dir;
mod durable;
mod exit;
pub mod hostile;
mod launch;
mod liveness;
mod processes;
mod remove;
pub mod spool;
mod time;
mod verdict;

pub use dir::{Error, MemberDir, Members, Result};
pub use durable::{write_visible, write_whole};
pub use exit::{ContainerEnd, Exit, ExitReason, Launched, Stop, StopReason, Used};
pub use hostile::read_capped;
pub use launch::{Launch, Limit, Resource, RunAs, is_reserved};
pub use liveness::{AgentLock, Liveness, ProcessIdentity, ShimLock};
pub use processes::{Which, kill_all};
pub use remove::remove_folder;
pub use time::UnixNanos;
pub use verdict::verdict;
