//! What a caller sent to say who they are, taken apart before anything is asked.
//!
//! A user's token carries a checksum, so that garbage costs no call.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use katonic_domain::{ErrorKind, token::AccessToken};
use katonic_service::{Secret, auth::TICKET_PREFIX, rpc::Failure};

/// A credential by its form.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A user's access token, `kat_…`.
    Token(AccessToken),
    /// An internal JWT; only agents bring one here.
    Jwt(Secret<String>),
    /// A launch ticket, `kmt_…`.
    Ticket,
}

/// Which schemes a door takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schemes {
    /// `Bearer` only.
    Bearer,
    /// `Bearer`, and `Basic` with the secret as password: Git.
    BearerOrBasic,
}

/// The credential of a request.
///
/// # Errors
/// `TOKEN_MISSING` without one, `TOKEN_INVALID` where it has no known form or
/// there are several.
pub fn of(headers: &HeaderMap, schemes: Schemes) -> Result<Credential, Failure> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Err(missing()) };
    if values.next().is_some() {
        return Err(invalid());
    }
    let secret = secret(value, schemes).ok_or_else(invalid)?;
    if let Ok(token) = AccessToken::parse(&secret) {
        return Ok(Credential::Token(token));
    }
    if secret.starts_with(TICKET_PREFIX) {
        return Ok(Credential::Ticket);
    }
    // A JWT's header is a JSON object: `{"` in base64url.
    if secret.starts_with("eyJ") { Ok(Credential::Jwt(Secret::new(secret))) } else { Err(invalid()) }
}

fn secret(value: &HeaderValue, schemes: Schemes) -> Option<String> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if schemes == Schemes::BearerOrBasic && scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
        return decoded.split_once(':').map(|(_user, password)| password.to_owned());
    }
    None
}

fn missing() -> Failure {
    Failure::new(ErrorKind::Unauthenticated, "TOKEN_MISSING", "a token is needed: Authorization: Bearer kat_…")
}

/// The one answer to whatever is no good.
pub(crate) fn invalid() -> Failure {
    Failure::new(ErrorKind::Unauthenticated, "TOKEN_INVALID", "the token is not valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).expect("visible"));
        headers
    }

    fn token() -> String {
        AccessToken::from_random(|| 7).expose().to_owned()
    }

    #[test]
    fn each_form_is_known_and_the_rest_is_refused() {
        let basic = BASE64_STANDARD.encode(format!("git:{}", token()));
        let bearer = |secret: &str| of(&with(&format!("Bearer {secret}")), Schemes::Bearer);
        assert!(matches!(bearer(&token()), Ok(Credential::Token(_))));
        assert!(matches!(bearer("kmt_x"), Ok(Credential::Ticket)));
        assert!(matches!(bearer("eyJhbGciOiJub25lIn0.e30."), Ok(Credential::Jwt(_))));
        assert!(matches!(of(&with(&format!("Basic {basic}")), Schemes::BearerOrBasic), Ok(Credential::Token(_))));
        for bad in ["nothing", "kat_short", "null", "", "' or 1=1 --", &token().replace("kat_", "kot_")] {
            assert_eq!(bearer(bad).map(|_| ()).map_err(|f| f.reason), Err("TOKEN_INVALID".to_owned()), "{bad:?}");
        }
        assert!(of(&with(&format!("Basic {basic}")), Schemes::Bearer).is_err());
        assert!(of(&with("Basic !!"), Schemes::BearerOrBasic).is_err());
    }

    #[test]
    fn a_mistyped_token_fails_its_checksum() {
        let mut text = token();
        text.replace_range(10..11, "8");
        assert!(of(&with(&format!("Bearer {text}")), Schemes::Bearer).is_err());
    }

    #[test]
    fn two_credentials_are_none() {
        let mut headers = with(&format!("Bearer {}", token()));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        assert!(of(&headers, Schemes::Bearer).is_err());
        assert_eq!(
            of(&HeaderMap::new(), Schemes::Bearer).map(|_| ()).map_err(|f| f.reason),
            Err("TOKEN_MISSING".to_owned())
        );
    }
}
