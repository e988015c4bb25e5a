//! `broker apply`: makes what is missing, changes rights to what they must be.
//!
//! Order: exchanges and queues before bindings, everything before the users who
//! publish, so that nobody publishes into a half-made topology.

use super::{Binding, Credentials, EVERYTHING, Login, Producer, Topology};
use crate::{
    admin::{Admin, Destination, Error, Permission, TopicPermission},
    subscriber,
};

/// A pattern that matches no name and no routing key.
const NOTHING: &str = "^$";

/// Makes virtual host, topology and users. Twice is the same as once.
///
/// # Errors
/// What the broker's management answered; some of it may be done by then.
pub async fn apply(admin: &Admin, topology: &Topology, credentials: &Credentials) -> Result<(), Error> {
    admin.put_vhost().await?;
    for exchange in &topology.exchanges {
        admin.put_topic_exchange(exchange).await?;
    }
    for queue in &topology.queues {
        admin.put_queue(queue.name, &queue.arguments).await?;
    }
    for binding in &topology.bindings {
        let (source, to) = binding.ends();
        admin.bind(source, to, EVERYTHING).await?;
    }
    for (producer, login) in &credentials.producers {
        put_producer(admin, topology, *producer, login).await?;
    }
    if let Some(login) = &credentials.subscriptions {
        put_subscriptions_login(admin, login).await?;
    }
    tracing::info!(broker.vhost = admin.vhost(), "broker topology applied");
    Ok(())
}

impl Binding {
    pub(super) const fn ends(self) -> (&'static str, Destination<'static>) {
        match self {
            Self::Exchange { source, destination } => (source, Destination::Exchange(destination)),
            Self::Queue { source, destination } => (source, Destination::Queue(destination)),
        }
    }
}

/// Writes its own exchange; nothing else, not even through a routing key.
async fn put_producer(admin: &Admin, topology: &Topology, producer: Producer, login: &Login) -> Result<(), Error> {
    let own = producer.exchange();
    admin.put_user(&login.username, &login.password, "").await?;
    for exchange in &topology.exchanges {
        let write = if *exchange == own { ".*" } else { NOTHING };
        let row = TopicPermission { exchange: (*exchange).to_owned(), write: write.into(), read: NOTHING.into() };
        admin.put_topic_permission(&login.username, &row).await?;
    }
    let permission = Permission { configure: NOTHING.into(), write: only(own), read: NOTHING.into() };
    admin.put_permission(&login.username, &permission).await
}

/// Manages users (the `administrator` tag), and of queues only subscribers'.
async fn put_subscriptions_login(admin: &Admin, login: &Login) -> Result<(), Error> {
    admin.put_user(&login.username, &login.password, "administrator").await?;
    let queues = format!("^{}", subscriber::QUEUE_PREFIX.replace('.', r"\."));
    let read = format!("{}|{queues}", only(super::EVENTS));
    let permission = Permission { configure: queues.clone(), write: queues, read };
    admin.put_permission(&login.username, &permission).await
}

/// The expression that matches exactly one of our names.
pub(crate) fn only(name: &str) -> String {
    format!("^{}$", name.replace('.', r"\."))
}
