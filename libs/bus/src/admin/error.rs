//! What can go wrong with the broker's management API.

use katonic_domain::error::{Classified, ErrorKind};

/// Why a call to the management API failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The base address is not an HTTP address.
    #[error("the broker's management address is not valid")]
    Config(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A name that cannot be one segment of a path: empty, `.`, `..`, over 255 bytes or with control characters.
    #[error("not a name that the broker can be asked about")]
    Name,
    /// The broker cannot be reached or broke off.
    #[error("the broker's management is not reachable")]
    Unreachable(#[source] reqwest::Error),
    /// The broker answered that it cannot now.
    #[error("the broker's management is not available (HTTP {0})")]
    Unavailable(u16),
    /// The login is wrong or lacks the right.
    #[error("the broker's management refuses the login (HTTP {0})")]
    Login(u16),
    /// There is none of that name.
    #[error("the broker has none of that name")]
    NotFound,
    /// The broker will not do it, mostly as one of that name is there with other properties.
    #[error("the broker's management refused the request (HTTP {status}): {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The broker's words, for the log.
        detail: String,
    },
    /// The answer is not what the API promises.
    #[error("the broker's management gave an answer that cannot be read")]
    Answer(#[source] reqwest::Error),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable(_) | Self::Unavailable(_) => ErrorKind::Unavailable,
            Self::Name => ErrorKind::Invalid,
            Self::NotFound => ErrorKind::NotFound,
            Self::Refused { .. } => ErrorKind::FailedPrecondition,
            Self::Config(_) | Self::Login(_) | Self::Answer(_) => ErrorKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Unavailable(_) => "BROKER_UNAVAILABLE",
            Self::Name => "BROKER_NAME_INVALID",
            Self::NotFound => "BROKER_OBJECT_NOT_FOUND",
            Self::Refused { .. } => "BROKER_REFUSED",
            Self::Config(_) => "BROKER_CONFIG",
            Self::Login(_) => "BROKER_LOGIN",
            Self::Answer(_) => "BROKER_ANSWER",
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Refused { .. } => "the message broker refused the request".to_owned(),
            Self::Unreachable(_) | Self::Unavailable(_) => "the message broker is not reachable".to_owned(),
            Self::Config(_) | Self::Login(_) | Self::Answer(_) => "the message broker is not set up".to_owned(),
            Self::Name | Self::NotFound => self.to_string(),
        }
    }
}
