//! Where members run. The reconciler knows this trait and nothing of a
//! backend's insides; every backend keeps to the same promises:
//!
//! - `ensure` is idempotent: a member that is there, in whatever state, is left
//!   as it is, and one whose shim died before it was claimed is started again;
//! - `observe` tells presence from what the kernel or the engine says, never
//!   from what an agent says or does not say;
//! - `delete` may be repeated, and answers only when nothing is left;
//! - what is there and unknown to us is reported and never touched.

use std::{io, net::SocketAddr, ops::Range};

use katonic_domain::{
    MemberId,
    error::{Classified, ErrorKind},
};
use tokio::sync::mpsc;

use crate::{
    domain::{execution::Execution, member::Member},
    reconcile::plan::Presence,
};

pub mod docker;
pub mod process;

/// Processes and threads that one member may have; a fork bomb ends here.
const MAX_PROCESSES: u64 = 4096;

/// Why a backend could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The member's directory cannot be made, read or removed.
    #[error("the member's directory cannot be used")]
    Directory(#[from] katonic_member::Error),
    /// The shim cannot be started.
    #[error("the shim cannot be started")]
    Spawn(#[source] io::Error),
    /// What a member left behind cannot be removed.
    #[error("what the member left cannot be removed")]
    Remove(#[source] io::Error),
    /// The environment's parts cannot be read.
    #[error("the environment cannot be read")]
    Environment(#[source] io::Error),
    /// The container engine does not answer, or cannot do it.
    #[error("the container engine could not do it")]
    Engine(#[source] Box<bollard::errors::Error>),
    /// A container with a member's name was made by somebody else.
    #[error("there is a container `{0}` that is not this installation's")]
    Foreign(String),
    /// The image is not on the machine and cannot be pulled.
    #[error("the image is not there and cannot be pulled")]
    Image(#[source] Box<bollard::errors::Error>),
    /// The image's name means another image by now.
    #[error("the image that was pinned is gone, and its name means another")]
    ImageChanged,
    /// The work on another thread was cut off.
    #[error("the backend is shutting down")]
    Interrupted,
}

impl Error {
    fn engine(error: bollard::errors::Error) -> Self {
        Self::Engine(Box::new(error))
    }

    /// Whether the image that was pinned is missing, so that trying again soon does not help.
    pub const fn lacks_image(&self) -> bool {
        matches!(self, Self::Image(_) | Self::ImageChanged)
    }
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Directory(_) => "MEMBER_DIRECTORY",
            Self::Spawn(_) => "SHIM_START",
            Self::Remove(_) => "MEMBER_REMOVE",
            Self::Environment(_) => "ENVIRONMENT",
            Self::Engine(_) => "ENGINE",
            Self::Foreign(_) => "FOREIGN_CONTAINER",
            Self::Image(_) | Self::ImageChanged => "IMAGE_UNAVAILABLE",
            Self::Interrupted => "SHUTTING_DOWN",
        }
    }

    fn public_message(&self) -> String {
        "the backend could not do it".to_owned()
    }
}

/// What a backend needs to make a member.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// What to run.
    pub execution: &'a Execution,
    /// As which member.
    pub member: &'a Member,
    /// What its agent claims it with.
    pub ticket: &'a str,
}

/// Something with our layout that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its container name.
    pub name: String,
    /// The member that it says to be, where it says so legibly.
    pub member: Option<MemberId>,
}

/// Where members run.
#[async_trait::async_trait]
pub trait Backend: Send + Sync + 'static {
    /// User ids that it gives to members, one each; none where all share one.
    fn identities(&self) -> Option<Range<u32>>;

    /// What the environment is made of, as `sha256:…`; pinned at submit.
    async fn environment_digest(&self) -> Result<String, Error>;

    /// Makes the member be there, inert until it is claimed.
    async fn ensure(&self, order: Order<'_>) -> Result<(), Error>;

    /// Whether one member is there.
    async fn observe(&self, member: &MemberId) -> Result<Presence, Error>;

    /// Everything there is with our layout, whether or not we know it.
    async fn observe_all(&self) -> Result<Vec<Found>, Error>;

    /// Members whose presence changed, as it happens; hints that may be lost.
    /// There is one reader: a second call answers none.
    fn watch(&self) -> Option<mpsc::Receiver<MemberId>>;

    /// Ends and removes what is left of a closed member.
    async fn delete(&self, member: &Member) -> Result<(), Error>;

    /// Where a port of a member can be reached from here.
    fn endpoint(&self, member: &MemberId, port: u16) -> Option<SocketAddr>;

    /// What `explain` says about it, such as limits that are not enforced.
    fn remarks(&self) -> Vec<(String, String)>;
}
