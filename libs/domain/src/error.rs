//! The kinds of failure, one list for the whole platform.
//!
//! Every module's error enum answers `kind()`; three maps translate kinds
//! outward and nothing else does: gRPC status (`katonic_service::rpc`), RFC
//! 9457 problem (gateway) and consumer verdict (`katonic_bus`).

/// What sort of failure an error is, by what its receiver can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// There is none, or none that the caller may know of.
    NotFound,
    /// One of that identity or name is there already.
    AlreadyExists,
    /// The request is wrong whatever the state.
    Invalid,
    /// The object is in a state that does not allow it.
    FailedPrecondition,
    /// Somebody else changed it at the same time; read again and repeat.
    Conflict,
    /// The caller is known and may not do this.
    Denied,
    /// The caller is not known.
    Unauthenticated,
    /// A resource of the platform is used up.
    Exhausted,
    /// Cannot decide or store now; repeat later.
    Unavailable,
    /// Not done in time; it may still happen.
    Timeout,
    /// A fault of ours.
    Internal,
    /// The caller's etag is not the current one.
    Stale,
    /// A limit of the caller's project or user is reached.
    QuotaExceeded,
    /// Too many requests in too short a time.
    RateLimited,
    /// Larger than the stated cap.
    TooLarge,
}

impl ErrorKind {
    /// Every kind, for tests that walk the maps.
    pub const ALL: [Self; 15] = [
        Self::NotFound,
        Self::AlreadyExists,
        Self::Invalid,
        Self::FailedPrecondition,
        Self::Conflict,
        Self::Denied,
        Self::Unauthenticated,
        Self::Exhausted,
        Self::Unavailable,
        Self::Timeout,
        Self::Internal,
        Self::Stale,
        Self::QuotaExceeded,
        Self::RateLimited,
        Self::TooLarge,
    ];

    /// Whether repeating the same request later may succeed.
    pub const fn retryable(self) -> bool {
        match self {
            Self::Conflict | Self::Exhausted | Self::Unavailable | Self::Timeout | Self::RateLimited => true,
            Self::NotFound
            | Self::AlreadyExists
            | Self::Invalid
            | Self::FailedPrecondition
            | Self::Denied
            | Self::Unauthenticated
            | Self::Internal
            | Self::Stale
            | Self::QuotaExceeded
            | Self::TooLarge => false,
        }
    }
}

/// What every error that leaves a use case can say about itself.
pub trait Classified: std::error::Error {
    /// What the receiver can do about it.
    fn kind(&self) -> ErrorKind;
    /// A stable `UPPER_SNAKE_CASE` code for programs.
    fn reason(&self) -> &'static str;
    /// What the caller is told; never an external system's text.
    fn public_message(&self) -> String {
        self.to_string()
    }
    /// Which request fields are wrong and why, for [`ErrorKind::Invalid`].
    fn violations(&self) -> Vec<Violation> {
        Vec::new()
    }
}

/// A request field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Field path as in the request, such as `name`.
    pub field: String,
    /// What is wrong with it, in words.
    pub description: String,
}

impl Violation {
    /// A violation of `field`.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}
