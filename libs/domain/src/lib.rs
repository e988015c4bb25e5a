//! What every part of Katonic agrees on: ids, names, time and error kinds.
//!
//! Pure: no IO, no async, nothing of the wire or of the store. A type starts
//! beside its one user and moves here at the second.
#![warn(missing_docs)]

pub mod clock;
pub mod error;
pub mod id;
pub mod limit;
pub mod member;
pub mod metric;
pub mod name;
pub mod principal;
pub mod secret;
pub mod tag;
pub mod token;
pub mod typo;
pub mod usage;

pub use clock::{Clock, SystemClock, Timestamp};
pub use error::ErrorKind;
pub use id::{
    ExecutionId, GrantId, IdError, InstallationId, LimitId, OrganisationId, ProjectId, ScheduleId, SubscriptionId,
    TierId, TokenId, UserId,
};
pub use limit::{Limit, LimitScope};
pub use member::MemberId;
pub use name::{CommitId, Name};
pub use principal::{Principal, Scope};
pub use secret::Secret;
pub use tag::{Tag, Tags};
pub use token::AccessToken;
