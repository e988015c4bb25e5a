//! Ids are `TypeID`s: a prefix that names the type, `_`, and a `UUIDv7` in 26
//! Crockford base32 digits (<https://github.com/jetify-com/typeid>, spec 0.3).
//!
//! They sort by creation time, cannot be mistaken for one another, and parse
//! strictly: what is not in canonical form is refused.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LEN: usize = 26;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The prefix is missing or another type's.
    #[error("an id of this kind starts with `{expected}_`")]
    Prefix {
        /// The prefix that it must have.
        expected: &'static str,
    },
    /// The part after the prefix is not 26 canonical base32 digits.
    #[error("after its prefix an id has 26 characters of 0-9 and a-z without i, l, o and u")]
    Suffix,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// The part before `_`.
            pub const PREFIX: &'static str = $prefix;

            /// A new id of the present time.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id that is the same for the same UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The 128 bits behind the text, in the same order.
            pub const fn as_u128(&self) -> u128 {
                self.0.as_u128()
            }

            /// The part after `_`: 26 base32 digits.
            pub fn suffix(&self) -> String {
                encode(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let suffix = text
                    .strip_prefix($prefix)
                    .and_then(|rest| rest.strip_prefix('_'))
                    .ok_or(IdError::Prefix { expected: $prefix })?;
                decode(suffix).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    )*};
}

ids! {
    /// One piece of work on compute.
    ExecutionId = "exe";
    /// A role of a user or organisation in a project.
    GrantId = "grt";
    /// One installation of the platform.
    InstallationId = "ins";
    /// A limit of what may run and wait.
    LimitId = "lim";
    /// Users together.
    OrganisationId = "org";
    /// A project.
    ProjectId = "prj";
    /// A broker subscription.
    SubscriptionId = "sub";
    /// A hardware tier.
    TierId = "tir";
    /// An access token.
    TokenId = "tok";
    /// A job that is launched by a timetable.
    ScheduleId = "sch";
    /// A user.
    UserId = "usr";
}

fn encode(uuid: Uuid) -> String {
    let value = uuid.as_u128();
    (0..SUFFIX_LEN)
        .rev()
        .map(|digit| char::from(ALPHABET[usize::try_from((value >> (5 * digit)) & 31).unwrap_or(0)]))
        .collect()
}

fn decode(suffix: &str) -> Result<Uuid, IdError> {
    let digits = suffix.as_bytes();
    // 26 digits hold 130 bits: the first may only use its lower three.
    if digits.len() != SUFFIX_LEN || digits[0] > b'7' {
        return Err(IdError::Suffix);
    }
    let mut value: u128 = 0;
    for digit in digits {
        let index = ALPHABET.iter().position(|c| c == digit).ok_or(IdError::Suffix)?;
        value = (value << 5) | u128::try_from(index).map_err(|_| IdError::Suffix)?;
    }
    Ok(Uuid::from_u128(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the TypeID specification's valid.yml.
    const SPEC_UUID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const SPEC_SUFFIX: &str = "01h455vb4pex5vsknk084sn02q";

    #[test]
    fn the_specification_example_encodes_and_decodes() {
        let uuid = Uuid::parse_str(SPEC_UUID).expect("a UUID");
        assert_eq!(encode(uuid), SPEC_SUFFIX);
        assert_eq!(decode(SPEC_SUFFIX), Ok(uuid));
    }

    #[test]
    fn a_generated_id_survives_its_text() {
        let id = ProjectId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        for text in [
            "",
            "prj",
            "prj_",
            "exe_01h455vb4pex5vsknk084sn02q",
            "prj_01H455VB4PEX5VSKNK084SN02Q",
            "prj_01h455vb4pex5vsknk084sn02",
            "prj_01h455vb4pex5vsknk084sn02qq",
            "prj_81h455vb4pex5vsknk084sn02q",
            "prj_01h455vb4pex5vsknk084sn02u",
            "prj_../../../../../../etc/passwd",
            "prj__1h455vb4pex5vsknk084sn02q",
        ] {
            assert!(text.parse::<ProjectId>().is_err(), "{text:?} was taken");
        }
    }
}
