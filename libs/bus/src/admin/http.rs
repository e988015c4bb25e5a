//! Requests to the management API: escaping, deadline, what an answer means.

use std::{fmt, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::{Serialize, de::DeserializeOwned};

use super::Error;
use crate::password::Password;

/// The broker declares a queue in milliseconds; seconds mean that it is starting or stuck.
const DEADLINE: Duration = Duration::from_secs(10);
const LONGEST_NAME: usize = 255;
const LONGEST_DETAIL: usize = 300;

#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    base: Url,
    username: String,
    password: Password,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Http {
    pub(super) fn new(base: &str, username: &str, password: &Password) -> Result<Self, Error> {
        let base = Url::parse(base).map_err(|error| Error::Config(error.into()))?;
        if base.cannot_be_a_base() {
            return Err(Error::Config("the address has no host".into()));
        }
        // No proxy from the environment may see these passwords, no redirect may take them elsewhere.
        let client = Client::builder()
            .timeout(DEADLINE)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::Config(error.into()))?;
        Ok(Self { client, base, username: username.to_owned(), password: password.clone() })
    }

    pub(super) fn base(&self) -> &str {
        self.base.as_str()
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Error> {
        let answer = self.send(self.request(Method::GET, path)?).await?;
        answer.json().await.map_err(Error::Answer)
    }

    pub(super) async fn put(&self, path: &[&str], body: &impl Serialize) -> Result<(), Error> {
        self.send(self.request(Method::PUT, path)?.json(body)).await.map(drop)
    }

    pub(super) async fn post(&self, path: &[&str], body: &impl Serialize) -> Result<(), Error> {
        self.send(self.request(Method::POST, path)?.json(body)).await.map(drop)
    }

    pub(super) async fn post_for<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<T, Error> {
        let answer = self.send(self.request(Method::POST, path)?.json(body)).await?;
        answer.json().await.map_err(Error::Answer)
    }

    /// Deletes; what is not there is deleted already.
    pub(super) async fn delete(&self, path: &[&str]) -> Result<(), Error> {
        match self.send(self.request(Method::DELETE, path)?).await {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, Error> {
        let url = self.url(path)?;
        Ok(self.client.request(method, url).basic_auth(&self.username, Some(self.password.expose())))
    }

    fn url(&self, path: &[&str]) -> Result<Url, Error> {
        if !path.iter().copied().all(is_one_segment) {
            return Err(Error::Name);
        }
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| Error::Name)?.pop_if_empty().push("api").extend(path);
        Ok(url)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let answer = request.send().await.map_err(Error::Unreachable)?;
        let status = answer.status();
        match status {
            _ if status.is_success() => Ok(answer),
            StatusCode::NOT_FOUND => Err(Error::NotFound),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Error::Login(status.as_u16())),
            _ if status.is_server_error() => Err(Error::Unavailable(status.as_u16())),
            _ => {
                let text = answer.text().await.unwrap_or_default();
                Err(Error::Refused { status: status.as_u16(), detail: text.chars().take(LONGEST_DETAIL).collect() })
            }
        }
    }
}

/// The URL type drops segments that are dots: such a name would address something else.
fn is_one_segment(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(name: &str) -> Option<String> {
        let http = Http::new("http://127.0.0.1:1", "guest", &Password::new("p")).expect("an address");
        http.url(&["queues", "a vhost", name]).ok().map(|url| url.path().to_owned())
    }

    #[test]
    fn a_name_is_one_escaped_segment() {
        for (name, segment) in [
            ("katonic.sink", "katonic.sink"),
            ("/", "%2F"),
            ("a/../b", "a%2F..%2Fb"),
            ("50%", "50%25"),
            ("%2e%2e", "%252e%252e"),
            ("a?b#c", "a%3Fb%23c"),
            ("ü", "%C3%BC"),
        ] {
            assert_eq!(path_of(name), Some(format!("/api/queues/a%20vhost/{segment}")), "{name:?}");
        }
    }

    #[test]
    fn a_name_that_would_address_something_else_is_refused() {
        for name in ["", ".", "..", "a\nb", "a\0", &"x".repeat(256)] {
            assert_eq!(path_of(name), None, "{name:?}");
        }
    }

    #[test]
    fn an_address_without_a_host_is_refused() {
        for url in ["", "127.0.0.1", "mailto:a@b"] {
            assert!(matches!(Http::new(url, "u", &Password::new("p")), Err(Error::Config(_))), "{url:?}");
        }
    }
}
