//! What each broker user may do: a service writes its own exchange and the ways
//! on which its own messages return, reads its own queues, declares nothing.

use super::{Credentials, Delay, EVENTS, ExchangeKind, Login, Service, Topology};
use crate::{
    admin::{Admin, Error, Permission, TopicPermission},
    subscriber,
    topology::{parked_exchange, redeliver_exchange},
};

/// A pattern that matches no name and no routing key.
const NOTHING: &str = "^$";

/// Makes the users or sets their passwords and rights.
pub(super) async fn put_users(admin: &Admin, topology: &Topology, credentials: &Credentials) -> Result<(), Error> {
    for (service, login) in &credentials.services {
        put_service(admin, topology, *service, login).await?;
    }
    match &credentials.subscriptions {
        Some(login) => put_subscriptions_login(admin, login).await,
        None => Ok(()),
    }
}

/// Not even through a routing key does it write another topic exchange.
async fn put_service(admin: &Admin, topology: &Topology, service: Service, login: &Login) -> Result<(), Error> {
    admin.put_user(&login.username, &login.password, "").await?;
    for exchange in topology.exchanges.iter().filter(|exchange| exchange.kind == ExchangeKind::Topic) {
        let own = service.exchange() == Some(exchange.name.as_str());
        let write = if own { ".*" } else { NOTHING };
        let row = TopicPermission { exchange: exchange.name.clone(), write: write.into(), read: NOTHING.into() };
        admin.put_topic_permission(&login.username, &row).await?;
    }
    let permission = Permission {
        configure: NOTHING.into(),
        write: any_of(&written_by(topology, service)),
        read: any_of(&read_by(topology, service)),
    };
    admin.put_permission(&login.username, &permission).await
}

/// The exchanges that a service publishes to.
fn written_by(topology: &Topology, service: Service) -> Vec<String> {
    let mut names: Vec<String> = service.exchange().map(str::to_owned).into_iter().collect();
    if topology.consumers.iter().any(|queue| queue.service == service) {
        names.extend([redeliver_exchange(service), parked_exchange(service)]);
        names.extend(Delay::ALL.map(|delay| delay.exchange(service)));
    }
    names
}

/// The queues that a service consumes, and what it could not handle.
fn read_by(topology: &Topology, service: Service) -> Vec<String> {
    let own = topology.consumers.iter().filter(|queue| queue.service == service);
    own.flat_map(|queue| [queue.name(), queue.parked()]).collect()
}

/// Manages users (the `administrator` tag), and of queues only subscribers'.
async fn put_subscriptions_login(admin: &Admin, login: &Login) -> Result<(), Error> {
    admin.put_user(&login.username, &login.password, "administrator").await?;
    let queues = format!("^{}", escaped(subscriber::QUEUE_PREFIX));
    let read = format!("{}|{queues}", only(EVENTS));
    let permission = Permission { configure: queues.clone(), write: queues, read };
    admin.put_permission(&login.username, &permission).await
}

/// The expression that matches exactly one of our names.
pub(crate) fn only(name: &str) -> String {
    format!("^{}$", escaped(name))
}

fn any_of(names: &[String]) -> String {
    if names.is_empty() {
        return NOTHING.to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| escaped(name)).collect();
    format!("^({})$", names.join("|"))
}

/// Our names hold letters, digits, `-`, `_` and dots.
fn escaped(name: &str) -> String {
    name.replace('.', r"\.")
}
