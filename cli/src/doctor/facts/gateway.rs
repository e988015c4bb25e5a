//! The platform that is used, seen from here: what a client can know of it.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime},
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use katonic_proto::{
    dispatcher::v1::{Execution, ListJobsRequest, Phase},
    metadata::v1::ListProjectsRequest,
};
use reqwest::Url;
use tokio::{net::TcpStream, time::timeout};
use tonic::Code;

use super::Given;
use crate::{
    client::Client,
    commands::run::current_folder,
    config::{Endpoint, Error as ConfigError},
    identity::{Error as IdentityError, Identity},
    platform::LocalAccess,
    project::{self, ProjectRef},
    rpc_error::Error,
};

const LIMIT: Duration = Duration::from_secs(5);

/// What was seen of a gateway.
pub struct Gateway {
    /// Its URL, where one is known.
    pub url: Option<String>,
    /// Why the URL that was given is none.
    pub bad_url: Option<ConfigError>,
    /// Who answered there.
    pub reached: Option<Reached>,
    /// What the platform said to the token.
    pub asked: Option<Asked>,
}

/// Who answers at a URL.
#[derive(Debug)]
pub enum Reached {
    /// The name has no address.
    NoAddress(String),
    /// Nobody accepts a connection, and why.
    Nobody(String),
    /// Nobody at the IPv6 address; somebody at this machine's IPv4 one.
    OnlyIpv4,
    /// Somebody, who is no gateway of ours.
    Stranger(String),
    /// A gateway.
    Gateway {
        /// Its version.
        version: String,
        /// How far its clock is ahead of ours.
        ahead: Option<SignedDuration>,
    },
}

/// What the platform said to the token.
#[derive(Debug)]
pub enum Asked {
    /// It refused, and why.
    Refused(Error),
    /// It knows who we are.
    Welcome {
        /// A project that is named and is not there.
        no_project: Option<ProjectRef>,
        /// The folder's jobs that wait, oldest first.
        waiting: Vec<Execution>,
    },
}

impl Gateway {
    /// Looks at the gateway that commands would use.
    pub async fn gather(given: &Given, access: Option<LocalAccess>) -> Self {
        let url = given.url.clone().or_else(|| access.as_ref().map(|access| access.gateway.clone()));
        let mut gateway = Self { url: url.clone(), bad_url: None, reached: None, asked: None };
        let Some(url) = url else { return gateway };
        // The URL is judged apart from the token.
        let place = match Endpoint::try_new(&url, "no-token") {
            Ok(place) => place,
            Err(error) => {
                gateway.bad_url = Some(error);
                return gateway;
            }
        };
        let reached = timeout(LIMIT, reach(place.url())).await;
        let reached = reached.unwrap_or_else(|_| Reached::Nobody("it does not answer".to_owned()));
        let own = access.filter(|access| access.gateway == place.url()).map(|access| access.token);
        let token = given.chosen_token().map(str::to_owned).or(own.filter(|_| given.token_file.is_none()));
        if let (Reached::Gateway { .. }, Some(token)) = (&reached, token) {
            gateway.asked = ask(place.url(), &token).await;
        }
        gateway.url = Some(place.url().to_owned());
        gateway.reached = Some(reached);
        gateway
    }
}

async fn reach(url: &str) -> Reached {
    let Ok(parsed) = Url::parse(url) else { return Reached::NoAddress(url.to_owned()) };
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = parsed.port_or_known_default().unwrap_or(80);
    let addresses: Vec<SocketAddr> = match tokio::net::lookup_host((host.as_str(), port)).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => return Reached::NoAddress(error.to_string()),
    };
    if let Err(error) = TcpStream::connect(&*addresses).await {
        let ipv6_loopback = addresses.iter().all(|address| matches!(address.ip(), IpAddr::V6(ip) if ip.is_loopback()));
        return match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(_) if ipv6_loopback => Reached::OnlyIpv4,
            _ => Reached::Nobody(error.to_string()),
        };
    }
    identify(url).await
}

async fn identify(url: &str) -> Reached {
    match Identity::of(url).await {
        Ok(Identity { version, date }) => {
            Reached::Gateway { version, ahead: date.and_then(|date| ahead(date.to_str().ok()?, SystemTime::now())) }
        }
        Err(error @ IdentityError::Stranger(_)) => Reached::Stranger(error.to_string()),
        Err(IdentityError::Silent(error)) => Reached::Stranger(format!("no answer in HTTP: {}", innermost(&error))),
    }
}

/// How far a `Date` header is ahead of `now`.
fn ahead(date: &str, now: SystemTime) -> Option<SignedDuration> {
    let theirs = rfc2822::parse(date).ok()?.timestamp();
    Some(theirs.duration_since(Timestamp::try_from(now).ok()?))
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

async fn ask(url: &str, token: &str) -> Option<Asked> {
    // What cannot even be sent is judged by its form.
    let client = Client::new(Endpoint::try_new(url, token).ok()?).ok()?;
    let asked = timeout(LIMIT, welcome(&client)).await;
    Some(asked.ok()?.unwrap_or_else(Asked::Refused))
}

async fn welcome(client: &Client) -> Result<Asked, Error> {
    client.list_projects(ListProjectsRequest { page_size: 1, ..Default::default() }).await?;
    let folder = current_folder().ok();
    let named = folder.and_then(|folder| project::of_folder(None, &folder).ok());
    let Some(named) = named else { return Ok(Asked::Welcome { no_project: None, waiting: Vec::new() }) };
    let id = match project::find(client, &named).await {
        Ok(id) => id,
        Err(project::Error::Rpc(error)) => return Err(error),
        Err(_) => return Ok(Asked::Welcome { no_project: Some(named), waiting: Vec::new() }),
    };
    match client.list_jobs(ListJobsRequest { project_id: id.to_string(), ..Default::default() }).await {
        Ok(page) => Ok(Asked::Welcome { no_project: None, waiting: waiting(page.executions) }),
        Err(error) if error.code() == Code::NotFound => {
            Ok(Asked::Welcome { no_project: Some(named), waiting: Vec::new() })
        }
        Err(error) => Err(error),
    }
}

fn waiting(newest_first: Vec<Execution>) -> Vec<Execution> {
    newest_first.into_iter().rev().filter(|execution| execution.phase() == Phase::Queued).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_another_machine_is_read_from_its_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(ahead("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(SignedDuration::from_secs(10)));
        assert_eq!(ahead("yesterday", now), None);
    }
}
