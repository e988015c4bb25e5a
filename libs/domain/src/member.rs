//! Which process of which attempt: the identity of a member.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{id::ExecutionId, name::Name};

/// Why a text is not a member id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a member id is `<execution>/<attempt>/<role>/<index>`")]
pub struct MemberIdError;

/// `<execution>/<attempt>/<role>/<index>`: attempt from 1, index from 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberId {
    /// The execution.
    pub execution: ExecutionId,
    /// Which try, from 1.
    pub attempt: u32,
    /// The group's role, such as `main`.
    pub role: Name,
    /// Which of the group, from 0.
    pub index: u32,
}

impl MemberId {
    /// The name of its container or member directory: `exe-<suffix>-<attempt>-<role>-<index>`.
    /// Injective: the suffix has a fixed length, attempt and index are numbers.
    pub fn container_name(&self) -> String {
        let suffix = self.execution.suffix();
        format!("exe-{suffix}-{}-{}-{}", self.attempt, self.role, self.index)
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.execution, self.attempt, self.role, self.index)
    }
}

impl FromStr for MemberId {
    type Err = MemberIdError;

    fn from_str(text: &str) -> Result<Self, MemberIdError> {
        let mut parts = text.split('/');
        let mut next = || parts.next().ok_or(MemberIdError);
        let id = Self {
            execution: next()?.parse().map_err(|_| MemberIdError)?,
            attempt: next()?.parse().map_err(|_| MemberIdError)?,
            role: next()?.parse().map_err(|_| MemberIdError)?,
            index: next()?.parse().map_err(|_| MemberIdError)?,
        };
        // Only the canonical text: no leading zero or sign, attempts from 1.
        if id.attempt == 0 || id.to_string() != text { Err(MemberIdError) } else { Ok(id) }
    }
}

impl TryFrom<String> for MemberId {
    type Error = MemberIdError;

    fn try_from(text: String) -> Result<Self, MemberIdError> {
        text.parse()
    }
}

impl From<MemberId> for String {
    fn from(id: MemberId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_parses() {
        let exe = "exe_01h455vb4pex5vsknk084sn02q";
        let good = format!("{exe}/1/main/0");
        assert_eq!(good.parse::<MemberId>().map(|id| id.to_string()), Ok(good));
        for tail in
            ["", "/1", "/1/main", "/1/main/0/0", "/0/main/0", "/01/main/0", "/+1/main/0", "/1/../0", "/1/main/-1"]
        {
            assert!(format!("{exe}{tail}").parse::<MemberId>().is_err(), "{tail:?} was taken");
        }
    }
}
