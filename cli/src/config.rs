//! Which gateway to talk to, and with which token.
//!
//! A URL that was named by flag or environment wins; without one it is the
//! installation of this machine. The local administrator's token is only ever
//! sent to the local installation.

use std::{env, fmt, fs, io, net::IpAddr, path::PathBuf};

use crate::{failure::Explain, platform::home::Home};

const TOKEN_VARIABLE: &str = "KATONIC_TOKEN";

/// Why there is nothing to talk to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token file cannot be read.
    #[error("cannot read the token file {}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        #[source]
        /// Why.
        source: io::Error,
    },
    /// A URL, but no token for it.
    #[error("there is no token for {0}")]
    NoToken(String),
    /// No URL, and no installation on this machine.
    #[error("no platform is named, and none that you can use is installed on this machine")]
    NoInstallation,
    /// Not an `http://` URL of a host.
    #[error("`{0}` is not an http:// URL of a host and port")]
    Url(String),
    /// A token that cannot stand in a header.
    #[error("the token for {0} has characters that no token has")]
    Token(String),
}

impl Explain for Error {
    fn next_step(&self) -> String {
        match self {
            Self::TokenFile { .. } => "name a file that you may read by --token-file",
            Self::NoToken(_) => "set KATONIC_TOKEN or name a file by --token-file",
            Self::NoInstallation => {
                "start one by `katonic up`, or set KATONIC_URL and KATONIC_TOKEN; `katonic doctor` tells more"
            }
            Self::Url(_) => "give a URL such as http://127.0.0.1:8080 by --url or KATONIC_URL",
            Self::Token(_) => "copy the whole token, `kat_…`, again",
        }
        .to_owned()
    }
}

/// A token; never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The value of an `Authorization` header.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A gateway and the token for it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    url: String,
    token: Token,
}

impl Endpoint {
    /// An endpoint of `url`, checked.
    pub fn try_new(url: &str, token: &str) -> Result<Self, Error> {
        let trimmed = url.trim_end_matches('/');
        let host = trimmed.strip_prefix("http://").unwrap_or_default();
        if host.is_empty() || host.contains(['/', '?', '#', '@']) || host.contains(char::is_whitespace) {
            return Err(Error::Url(url.to_owned()));
        }
        let token = token.trim();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::Token(trimmed.to_owned()));
        }
        Ok(Self { url: trimmed.to_owned(), token: Token(token.to_owned()) })
    }

    /// `http://host:port`, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The token.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Whether the gateway is on this machine, where no proxy can reach it.
    pub fn is_loopback(&self) -> bool {
        let host = self.url.trim_start_matches("http://");
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
        name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// Finds the endpoint from the flags, the environment and this machine.
pub fn endpoint(url: Option<&str>, token_file: Option<PathBuf>) -> Result<Endpoint, Error> {
    choose(url, given_token(token_file)?, local())
}

/// The URL alone, for what needs no token.
pub fn url(given: Option<&str>) -> Result<String, Error> {
    // It is judged apart from a token.
    let given = given.map(|url| Endpoint::try_new(url, "no-token")).transpose()?;
    given.or_else(local).map(|endpoint| endpoint.url).ok_or(Error::NoInstallation)
}

fn given_token(file: Option<PathBuf>) -> Result<Option<String>, Error> {
    match file {
        Some(path) => fs::read_to_string(&path).map(Some).map_err(|source| Error::TokenFile { path, source }),
        None => Ok(env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty())),
    }
}

fn choose(url: Option<&str>, token: Option<String>, local: Option<Endpoint>) -> Result<Endpoint, Error> {
    match (url, token, local) {
        (Some(url), Some(token), _) => Endpoint::try_new(url, &token),
        (Some(url), None, Some(local)) if url.trim_end_matches('/') == local.url => Ok(local),
        (Some(url), None, _) => Err(Error::NoToken(url.to_owned())),
        (None, Some(token), Some(local)) => Endpoint::try_new(&local.url, &token),
        (None, None, Some(local)) => Ok(local),
        (None, _, None) => Err(Error::NoInstallation),
    }
}

/// The installation of this machine, where this user may use it.
fn local() -> Option<Endpoint> {
    let access = Home::discover().ok()?.access().ok()?;
    Endpoint::try_new(&access.gateway, &access.token).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "http://127.0.0.1:4100";

    fn local_endpoint() -> Option<Endpoint> {
        Endpoint::try_new(LOCAL, "kat_local").ok()
    }

    #[test]
    fn without_flags_it_is_the_local_installation() {
        let endpoint = choose(None, None, local_endpoint()).expect("there is one");
        assert_eq!((endpoint.url(), endpoint.token().bearer().as_str()), (LOCAL, "Bearer kat_local"));
        assert!(matches!(choose(None, None, None), Err(Error::NoInstallation)));
    }

    #[test]
    fn the_local_token_goes_nowhere_else() {
        let elsewhere = choose(Some("http://127.0.0.1:4200"), None, local_endpoint());
        assert!(matches!(elsewhere, Err(Error::NoToken(_))));
        let same = choose(Some("http://127.0.0.1:4100/"), None, local_endpoint());
        assert!(same.is_ok());
    }

    #[test]
    fn what_is_no_url_of_a_host_is_refused() {
        for bad in ["", "127.0.0.1:1", "https://h:1", "http://", "http://u:p@h:1", "http://h:1/api", "http://h h"] {
            assert!(matches!(Endpoint::try_new(bad, "kat_x"), Err(Error::Url(_))), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_token_cannot_carry_another_header() {
        assert!(matches!(Endpoint::try_new(LOCAL, "kat_x\nHost: evil"), Err(Error::Token(_))));
        let shown = format!("{:?}", Endpoint::try_new(LOCAL, "kat_secret"));
        assert!(!shown.contains("kat_secret"), "{shown}");
    }

    #[test]
    fn loopback_is_recognised() {
        for (url, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost:1", true),
            ("http://gateway:1", false),
            ("http://10.0.0.1:1", false),
        ] {
            assert_eq!(Endpoint::try_new(url, "kat_x").is_ok_and(|e| e.is_loopback()), expected, "{url}");
        }
    }
}
