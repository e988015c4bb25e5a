//! Where a follower is: member and next sequence, as the opaque cursor says it.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use katonic_domain::MemberId;

use crate::domain::Seq;

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor comes from an earlier answer")]
pub struct PositionError;

/// The next record that a follower wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Of which member.
    pub member: MemberId,
    /// Which of its records.
    pub next: Seq,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("1 {} {}", self.next, self.member)))
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(cursor: &str) -> Result<Self, PositionError> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| PositionError)?;
        let text = str::from_utf8(&bytes).map_err(|_| PositionError)?;
        let mut parts = text.splitn(3, ' ');
        let mut part = || parts.next().ok_or(PositionError);
        if part()? != "1" {
            return Err(PositionError);
        }
        let next: u64 = part()?.parse().map_err(|_| PositionError)?;
        let member = part()?.parse().map_err(|_| PositionError)?;
        if next == 0 { Err(PositionError) } else { Ok(Self { member, next: Seq::new(next) }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_and_nothing_else_is_one() {
        let member = "exe_01h455vb4pex5vsknk084sn02q/2/main/0".parse().expect("a member");
        let position = Position { member, next: Seq::new(77) };
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in ["x", "é", "MSAw", &URL_SAFE_NO_PAD.encode("1 0 exe_01h455vb4pex5vsknk084sn02q/2/main/0")] {
            assert!(bad.parse::<Position>().is_err(), "{bad:?} was taken");
        }
    }
}
