//! RabbitMQ's management HTTP API: the only way by which we declare anything.
//!
//! `rabbitmqctl` is not used: it needs the Erlang cookie and listens on every
//! address while it runs.
//!
//! Must hold: every call is idempotent, so that whoever was interrupted simply
//! starts again; a name goes into a path only as one escaped segment.

mod error;
mod http;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use error::Error;
use http::Http;

use crate::{password::Password, topology::ExchangeKind};

/// Where the management API is and who asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    /// Base address, such as `http://127.0.0.1:15672`.
    pub url: String,
    /// Broker user with the `administrator` tag.
    pub username: String,
    /// Its password.
    pub password: Password,
    /// The installation's virtual host.
    pub vhost: String,
}

/// What a user may do in the virtual host: regular expressions over names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Names that may be declared and deleted.
    pub configure: String,
    /// Exchanges that may be published to, queues that may be bound.
    pub write: String,
    /// Queues that may be consumed, exchanges that may be bound from.
    pub read: String,
}

/// What a user may do with the routing keys of one exchange. Without a row everything is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicPermission {
    /// The topic exchange.
    pub exchange: String,
    /// Routing keys that may be published.
    pub write: String,
    /// Binding keys that may be bound.
    pub read: String,
}

/// A queue and how many messages wait in it, as the broker last counted them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QueueInfo {
    /// Its name.
    pub name: String,
    /// Messages in it; absent until the broker has counted.
    #[serde(default)]
    pub messages: u64,
    /// Its `x-` arguments.
    #[serde(default)]
    pub arguments: BTreeMap<String, Value>,
    /// The nodes that hold it; none for those that are not replicated.
    #[serde(default)]
    pub members: Vec<String>,
    /// Those of them where it runs.
    #[serde(default)]
    pub online: Vec<String>,
}

impl QueueInfo {
    /// Whether it is held by one node that answers, and does not run there: its process
    /// ended, as where the queue was made again while its namesake was being deleted.
    pub fn is_dead(&self) -> bool {
        self.members.len() == 1 && self.online.is_empty()
    }
}

/// A binding that is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BindingInfo {
    /// The exchange; empty for the binding that every queue has by its name.
    pub source: String,
    /// The name of the queue or exchange that it leads to.
    pub destination: String,
    /// `queue` or `exchange`.
    pub destination_type: String,
    /// The pattern.
    pub routing_key: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// What a binding leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination<'a> {
    /// A queue.
    Queue(&'a str),
    /// Another exchange.
    Exchange(&'a str),
}

impl<'a> Destination<'a> {
    const fn path(self) -> [&'a str; 2] {
        match self {
            Self::Queue(name) => ["q", name],
            Self::Exchange(name) => ["e", name],
        }
    }

    /// Its name.
    pub const fn name(self) -> &'a str {
        match self {
            Self::Queue(name) | Self::Exchange(name) => name,
        }
    }
}

/// A client of the management API; cheap to clone.
#[derive(Debug, Clone)]
pub struct Admin {
    http: Http,
    vhost: String,
    username: String,
}

impl Admin {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Config`] for an address that is none.
    pub fn new(config: &AdminConfig) -> Result<Self, Error> {
        let http = Http::new(&config.url, &config.username, &config.password)?;
        Ok(Self { http, vhost: config.vhost.clone(), username: config.username.clone() })
    }

    /// The same login in another virtual host.
    #[must_use]
    pub fn in_vhost(&self, vhost: impl Into<String>) -> Self {
        Self { vhost: vhost.into(), ..self.clone() }
    }

    /// The base address of the management.
    pub fn url(&self) -> &str {
        self.http.base()
    }

    /// The virtual host that this client works in.
    pub fn vhost(&self) -> &str {
        &self.vhost
    }

    /// Whether the broker answers, knows this login and has no alarm (memory, disk).
    pub async fn health(&self) -> Result<(), Error> {
        self.http.get::<Value>(&["health", "checks", "alarms"]).await.map(drop)
    }

    /// Version and totals, as the broker tells them.
    pub async fn overview(&self) -> Result<Value, Error> {
        self.http.get(&["overview"]).await
    }

    /// Makes the virtual host and lets this login declare in it.
    pub async fn put_vhost(&self) -> Result<(), Error> {
        self.http.put(&["vhosts", &self.vhost], &json!({})).await?;
        let everything = Permission { configure: ".*".into(), write: ".*".into(), read: ".*".into() };
        self.put_permission(&self.username, &everything).await
    }

    /// Deletes the virtual host with all that is in it.
    pub async fn delete_vhost(&self) -> Result<(), Error> {
        self.http.delete(&["vhosts", &self.vhost]).await
    }

    /// Makes a user or sets its password. `tags` are roles in the management, such as `administrator`; mostly none.
    pub async fn put_user(&self, name: &str, password: &Password, tags: &str) -> Result<(), Error> {
        self.http.put(&["users", name], &json!({"password": password.expose(), "tags": tags})).await
    }

    /// Deletes a user and with it its rights; the broker closes its connections.
    pub async fn delete_user(&self, name: &str) -> Result<(), Error> {
        self.http.delete(&["users", name]).await
    }

    /// Whether there is such a user.
    pub async fn has_user(&self, name: &str) -> Result<bool, Error> {
        match self.http.get::<Named>(&["users", name]).await {
            Ok(user) => Ok(user.name == name),
            Err(Error::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sets what a user may do here.
    pub async fn put_permission(&self, user: &str, permission: &Permission) -> Result<(), Error> {
        self.http.put(&["permissions", &self.vhost, user], permission).await
    }

    /// Sets what a user may do with one exchange's routing keys.
    pub async fn put_topic_permission(&self, user: &str, permission: &TopicPermission) -> Result<(), Error> {
        self.http.put(&["topic-permissions", &self.vhost, user], permission).await
    }

    /// Declares a durable exchange.
    pub async fn put_exchange(&self, name: &str, kind: ExchangeKind) -> Result<(), Error> {
        let body =
            json!({"type": kind.as_str(), "durable": true, "auto_delete": false, "internal": false, "arguments": {}});
        self.http.put(&["exchanges", &self.vhost, name], &body).await
    }

    /// The names of the exchanges here.
    pub async fn exchanges(&self) -> Result<Vec<String>, Error> {
        let all: Vec<Named> = self.http.get(&["exchanges", &self.vhost]).await?;
        Ok(all.into_iter().map(|exchange| exchange.name).collect())
    }

    /// Deletes an exchange and its bindings.
    pub async fn delete_exchange(&self, name: &str) -> Result<(), Error> {
        self.http.delete(&["exchanges", &self.vhost, name]).await
    }

    /// Declares a durable queue.
    pub async fn put_queue(&self, name: &str, arguments: &BTreeMap<&'static str, Value>) -> Result<(), Error> {
        let body = json!({"durable": true, "auto_delete": false, "arguments": arguments});
        self.http.put(&["queues", &self.vhost, name], &body).await
    }

    /// The queues here.
    pub async fn queues(&self) -> Result<Vec<QueueInfo>, Error> {
        self.http.get(&["queues", &self.vhost]).await
    }

    /// Deletes a queue with what waits in it.
    pub async fn delete_queue(&self, name: &str) -> Result<(), Error> {
        self.http.delete(&["queues", &self.vhost, name]).await
    }

    /// Binds an exchange to a queue or another exchange.
    pub async fn bind(&self, source: &str, to: Destination<'_>, pattern: &str) -> Result<(), Error> {
        let [kind, name] = to.path();
        let body = json!({"routing_key": pattern, "arguments": {}});
        self.http.post(&["bindings", &self.vhost, "e", source, kind, name], &body).await
    }

    /// Every binding here.
    pub async fn all_bindings(&self) -> Result<Vec<BindingInfo>, Error> {
        self.http.get(&["bindings", &self.vhost]).await
    }

    /// Puts an empty message of a type into a queue, kept on disk.
    ///
    /// # Errors
    /// [`Error::NotFound`] also where there is no such queue.
    pub async fn put_message(&self, queue: &str, message_type: &str) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Answer {
            routed: bool,
        }
        let properties = json!({"delivery_mode": 2, "type": message_type});
        let body = json!({
            "properties": properties, "routing_key": queue, "payload": "", "payload_encoding": "string"
        });
        let answer: Answer = self.http.post_for(&["exchanges", &self.vhost, "amq.default", "publish"], &body).await?;
        if answer.routed { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Closes every connection of a user.
    pub async fn close_connections(&self, user: &str) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Connection {
            name: String,
            #[serde(default)]
            user: String,
        }
        // One request for a user's own connections came only with later brokers.
        let all: Vec<Connection> = self.http.get(&["connections"]).await?;
        for connection in all.into_iter().filter(|connection| connection.user == user) {
            self.http.delete(&["connections", &connection.name]).await?;
        }
        Ok(())
    }
}
