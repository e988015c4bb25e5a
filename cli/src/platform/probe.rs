//! Whether a part is ready, asked of the part itself each time.

use std::{error::Error as StdError, time::Duration};

use reqwest::StatusCode;
use tokio::{net::TcpStream, time::timeout};

use super::{part::Part, redis, site::Site, store, topology};

/// A healthy part answers in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why a part is not ready, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotReady(String);

impl NotReady {
    /// From an error and its causes.
    pub fn because(error: &(dyn StdError + 'static)) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        Self(text)
    }
}

/// Asks a part whether it is ready.
pub async fn ready(site: &Site, part: Part) -> Result<(), NotReady> {
    let asked = async {
        match part {
            Part::Store => store::ping(site).await.map_err(|error| NotReady::because(&error)),
            Part::Redis => redis::ping(site).await.map_err(|error| NotReady::because(&error)),
            Part::Rabbitmq => topology::health(site).await.map_err(|error| NotReady::because(&error)),
            Part::Epmd => listening(site, part).await,
            _ => http(&format!("http://127.0.0.1:{}/readyz", site.installation.ports.of(part)[0])).await,
        }
    };
    timeout(TIMEOUT, asked).await.unwrap_or_else(|_| Err(NotReady("it does not answer".to_owned())))
}

/// Whether something listens at its port.
pub async fn listening(site: &Site, part: Part) -> Result<(), NotReady> {
    let address = ("127.0.0.1", site.installation.ports.of(part)[0]);
    TcpStream::connect(address).await.map(drop).map_err(|error| NotReady::because(&error))
}

async fn http(uri: &str) -> Result<(), NotReady> {
    let client = reqwest::Client::builder().no_proxy().build().map_err(|error| NotReady::because(&error))?;
    let answer = client.get(uri).send().await.map_err(|error| NotReady::because(&error))?;
    let status = answer.status();
    if status == StatusCode::OK {
        return Ok(());
    }
    let text = answer.text().await.unwrap_or_default();
    Err(NotReady(format!("{status} {}", text.lines().next().unwrap_or_default())))
}
