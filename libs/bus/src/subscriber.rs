//! Subscribers: programs outside that get events pushed over AMQP (DESIGN E4).
//!
//! A subscriber is a queue and a broker user who may read that queue and
//! nothing else: he declares nothing, binds nothing, publishes nothing. Topic
//! permissions are checked on publish and on the binding key, never on
//! delivery, and a missing row allows everything: he gets a row per exchange.
//!
//! Must hold: making one is idempotent but for the password, which is new each
//! time; deleting one ends what he has open. A crash in between leaves a
//! subscriber without all his rights or bindings; making or deleting him again
//! completes it.

use std::{collections::BTreeMap, time::Duration};

use katonic_domain::SubscriptionId;
use lapin::uri::AMQPUri;
use serde_json::{Value, json};

use crate::{
    admin::{Admin, Destination, Error, Permission, TopicPermission},
    password::Password,
    topology::{EVENTS, EVERYTHING, Service, only},
};

/// What the names of subscribers' queues begin with.
pub const QUEUE_PREFIX: &str = "katonic.sub.";
/// Messages that a queue keeps; beyond it the oldest go.
const MAX_LENGTH: u32 = 100_000;
/// A queue that nobody reads for so long is deleted.
const EXPIRES: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Patterns a subscriber may have.
const MOST_BINDINGS: usize = 16;
const LONGEST_PATTERN: usize = 255;
const NOTHING: &str = "^$";

/// Why a text is not a binding pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Longer than the broker takes.
    #[error("a pattern has at most 255 bytes")]
    TooLong,
    /// A word that is neither `*`, `#` nor letters, digits, `_` and `-`.
    #[error("a pattern is words of a-z, 0-9, `_` and `-`, or `*` or `#`, joined by dots")]
    Word,
}

/// Why a set of patterns is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subscription has at most 16 patterns")]
pub struct TooManyPatterns;

/// A topic pattern over `<project_id|_>.<entity>.<fact>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    /// Takes a pattern that the broker would take and that can match something.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn try_new(text: &str) -> Result<Self, PatternError> {
        if text.len() > LONGEST_PATTERN {
            return Err(PatternError::TooLong);
        }
        if text.split('.').all(is_word) { Ok(Self(text.to_owned())) } else { Err(PatternError::Word) }
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_word(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    word == "*" || word == "#" || (!word.is_empty() && word.bytes().all(plain))
}

/// A subscriber to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    id: SubscriptionId,
    patterns: Vec<Pattern>,
}

impl Subscriber {
    /// A subscriber with these patterns; none means everything.
    ///
    /// # Errors
    /// More than 16 patterns.
    pub fn new(id: SubscriptionId, patterns: Vec<Pattern>) -> Result<Self, TooManyPatterns> {
        if patterns.len() > MOST_BINDINGS {
            return Err(TooManyPatterns);
        }
        let patterns = if patterns.is_empty() { vec![Pattern(EVERYTHING.to_owned())] } else { patterns };
        Ok(Self { id, patterns })
    }

    /// The patterns that the queue is bound by.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }
}

/// The name of a subscriber's queue.
pub fn queue_name(id: &SubscriptionId) -> String {
    format!("{QUEUE_PREFIX}{id}")
}

/// The name of a subscriber's broker user.
pub fn username(id: &SubscriptionId) -> String {
    id.to_string()
}

/// Makes queue, bindings and user. Rights come before the password is handed
/// out, and the user comes last of all, so that he never has more than he may.
///
/// # Errors
/// What the broker's management answered.
pub async fn create(admin: &Admin, subscriber: &Subscriber, password: &Password) -> Result<(), Error> {
    let queue = queue_name(&subscriber.id);
    admin.put_queue(&queue, &queue_arguments()).await?;
    for pattern in &subscriber.patterns {
        admin.bind(EVENTS, Destination::Queue(&queue), pattern.as_str()).await?;
    }
    let user = username(&subscriber.id);
    admin.put_user(&user, password, "").await?;
    for exchange in Service::exchanges().chain([EVENTS]) {
        let row = TopicPermission { exchange: exchange.to_owned(), write: NOTHING.into(), read: NOTHING.into() };
        admin.put_topic_permission(&user, &row).await?;
    }
    // The virtual host opens to him with this row: it is the last.
    let permission = Permission { configure: NOTHING.into(), write: NOTHING.into(), read: only(&queue) };
    admin.put_permission(&user, &permission).await
}

/// Deletes user, connections and queue. What is gone already is no error.
///
/// # Errors
/// What the broker's management answered.
pub async fn delete(admin: &Admin, id: &SubscriptionId) -> Result<(), Error> {
    let user = username(id);
    admin.delete_user(&user).await?;
    admin.close_connections(&user).await?;
    admin.delete_queue(&queue_name(id)).await
}

/// `amqp://user:password@host:port/vhost` with every part escaped.
pub fn amqp_uri(host: &str, port: u16, vhost: &str, username: &str, password: &Password) -> String {
    let mut uri = AMQPUri { vhost: vhost.to_owned(), ..AMQPUri::default() };
    host.clone_into(&mut uri.authority.host);
    uri.authority.port = port;
    username.clone_into(&mut uri.authority.userinfo.username);
    password.expose().clone_into(&mut uri.authority.userinfo.password);
    uri.to_string()
}

fn queue_arguments() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("x-max-length", json!(MAX_LENGTH)),
        ("x-overflow", json!("drop-head")),
        ("x-expires", json!(EXPIRES.as_millis())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_can_match_are_taken() {
        for text in ["#", "*", "*.execution.#", "prj_01h455vb4pex5vsknk084sn02q.project.created", "_.access.changed"] {
            assert!(Pattern::try_new(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn patterns_that_cannot_match_are_refused() {
        for text in ["", ".", "a..b", "a.", "A.b", "a b", "a\n", "**", "a*", "../x", "ü", &"a.".repeat(200)] {
            assert!(Pattern::try_new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn no_patterns_means_everything_and_seventeen_are_too_many() {
        let subscriber = Subscriber::new(SubscriptionId::generate(), Vec::new()).expect("no pattern is fine");
        assert_eq!(subscriber.patterns(), [Pattern(EVERYTHING.to_owned())]);
        let many = vec![Pattern(EVERYTHING.to_owned()); MOST_BINDINGS + 1];
        assert_eq!(Subscriber::new(SubscriptionId::generate(), many), Err(TooManyPatterns));
    }

    #[test]
    fn an_address_survives_any_password() {
        let password = Password::new("p@ss/w:rd?#% ü");
        let uri = amqp_uri("127.0.0.1", 5672, "/a b", "user@x", &password);
        let parsed: AMQPUri = uri.parse().expect("an address");
        assert_eq!(parsed.authority.userinfo.password, password.expose());
        assert_eq!(parsed.authority.userinfo.username, "user@x");
        assert_eq!((parsed.authority.host.as_str(), parsed.vhost.as_str()), ("127.0.0.1", "/a b"));
    }
}
