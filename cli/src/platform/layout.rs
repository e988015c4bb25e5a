//! Where the parts of an installation run, and so how they reach each other.

use serde::{Deserialize, Serialize};

use super::part::Part;

/// Where the parts of an installation run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// On this machine, on loopback only; the supervisor keeps them.
    #[default]
    OneMachine,
    /// Each in a container of its own; who keeps the containers keeps them.
    Containers,
}

impl Layout {
    /// The host by which others reach a part: a container is called as its part.
    pub const fn host(self, part: Part) -> &'static str {
        match self {
            Self::OneMachine => "127.0.0.1",
            Self::Containers => part.name(),
        }
    }

    /// The address at which our parts listen: a container's network is its own.
    pub const fn listen(self) -> &'static str {
        match self {
            Self::OneMachine => "127.0.0.1",
            Self::Containers => "0.0.0.0",
        }
    }
}
