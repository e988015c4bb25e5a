//! The dispatcher: executions from submit to their last phase.
//!
//! ```text
//!   SubmitJob ─► QUEUED ─ admission (lease, one transaction) ─► STARTING + members
//!                                                                   │ reconcile: ensure
//!      agent ◄── member directory ◄── backend ◄─────────────────────┘
//!        │ Claim, ReportCheckpoints, ReportUsage, ReportExit, ReportFinished
//!        └──────────────► RUNNING ─► FINISHING ─► SUCCEEDED | FAILED | STOPPED
//!                                                      │ reconcile: delete, release
//! ```
//!
//! What must hold:
//! - the store is the truth about intent, the backend about what runs; every
//!   event and wake-up is a hint (G1);
//! - what was accepted runs or ends with a stated reason, each state has a
//!   deadline (G2, `reconcile::plan`);
//! - user code starts at most once per attempt and member (M2, `domain::member`);
//! - the dispatcher owns no process's lifetime: killed at any point, the next
//!   one adopts what runs (G3, `backend`).
//!
//! Layers, each only on those before it: `domain` ← `store`, `snapshot` ←
//! `usecases`, `reconcile` ← `grpc`, `tasks` ← `app`.
#![warn(missing_docs)]

pub mod app;
pub mod backend;
pub mod changes;
pub mod clients;
pub mod config;
pub mod domain;
pub mod error;
pub mod grpc;
pub mod metrics;
pub mod policies;
pub mod reconcile;
pub mod snapshot;
pub mod store;
pub mod tasks;
pub mod tickets;
pub mod usecases;
pub mod waiting;
