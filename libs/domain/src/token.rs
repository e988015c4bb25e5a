//! The form of access tokens: `kat_`, 30 random base62 digits, and the CRC-32
//! of all before it in 6 base62 digits.
//!
//! The prefix lets secret scanners find a leaked token; the checksum tells a
//! mistyped one from an unknown one without asking anybody.

use std::fmt;

const PREFIX: &str = "kat_";
const RANDOM_LEN: usize = 30;
const CHECKSUM_LEN: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A text that has the form of an access token. It is a secret: `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(String);

/// Why a text is no access token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an access token: one is `kat_` and 36 letters and digits, copied whole")]
pub struct AccessTokenError;

impl AccessToken {
    /// A token of random numbers, each below 62.
    pub fn from_random(mut digit: impl FnMut() -> u8) -> Self {
        let random = (0..RANDOM_LEN).map(|_| char::from(ALPHABET[usize::from(digit()) % ALPHABET.len()]));
        let mut text: String = PREFIX.chars().chain(random).collect();
        text.push_str(&checksum(&text));
        Self(text)
    }

    /// Reads a token; only the form is checked.
    ///
    /// # Errors
    /// [`AccessTokenError`] where it was not made by [`Self::from_random`].
    pub fn parse(text: &str) -> Result<Self, AccessTokenError> {
        let well_formed = text.len() == PREFIX.len() + RANDOM_LEN + CHECKSUM_LEN
            && text.starts_with(PREFIX)
            && text[PREFIX.len()..].bytes().all(|byte| byte.is_ascii_alphanumeric())
            && text.ends_with(&checksum(&text[..PREFIX.len() + RANDOM_LEN]));
        well_formed.then(|| Self(text.to_owned())).ok_or(AccessTokenError)
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("kat_…")
    }
}

fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LEN];
    for place in digits.iter_mut().rev() {
        *place = ALPHABET[usize::try_from(rest % 62).unwrap_or(0)];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> AccessToken {
        let mut next = 0;
        AccessToken::from_random(|| {
            next = (next + 7) % 62;
            next
        })
    }

    #[test]
    fn a_token_survives_its_text() {
        assert_eq!(AccessToken::parse(token().expose()), Ok(token()));
        assert_eq!(token().expose().len(), 40);
    }

    #[test]
    fn any_changed_character_is_noticed() {
        let text = token().expose().to_owned();
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'a' { b'b' } else { b'a' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(AccessToken::parse(&changed), Err(AccessTokenError), "{changed} was taken");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["", "kat_", "kät_000000000000000000000000000000000000", &"ü".repeat(20)] {
            assert_eq!(AccessToken::parse(text), Err(AccessTokenError), "{text:?} was taken");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        assert_eq!(format!("{:?}", token()), "kat_…");
    }
}
