//! Who answers at a URL: our gateway serves the description of its API, with
//! its version in it, to everybody.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{DATE, HeaderValue},
};
use serde_json::Value;

use crate::failure::Explain;

const LIMIT: Duration = Duration::from_secs(5);

/// A gateway, as it describes itself.
#[derive(Debug)]
pub struct Identity {
    /// Its version.
    pub version: String,
    /// Its clock, as its answer said.
    pub date: Option<HeaderValue>,
}

/// Why nobody is known to be a gateway.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody speaks HTTP there.
    #[error("no answer in HTTP")]
    Silent(#[from] reqwest::Error),
    /// Somebody else does.
    #[error("it answers {0} where a gateway describes its API")]
    Stranger(StatusCode),
}

impl Explain for Error {
    fn next_step(&self) -> String {
        "let `katonic doctor` look for the cause; --url or KATONIC_URL name another gateway".to_owned()
    }
}

impl Identity {
    /// Asks who answers at a URL.
    pub async fn of(url: &str) -> Result<Self, Error> {
        let client = reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?;
        let answer = client.get(format!("{url}/api/v1/openapi.json")).send().await?;
        let (status, date) = (answer.status(), answer.headers().get(DATE).cloned());
        let document: Value = answer.json().await.unwrap_or_default();
        match document["info"]["version"].as_str() {
            Some(version) if status.is_success() && document["info"]["title"] == "Katonic" => {
                Ok(Self { version: version.to_owned(), date })
            }
            _ => Err(Error::Stranger(status)),
        }
    }
}
