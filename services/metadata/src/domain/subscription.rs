//! A program outside that gets events over AMQP.

use katonic_bus::subscriber::{Pattern, Subscriber};
use katonic_domain::{SubscriptionId, Timestamp, UserId, error::Violation};
use katonic_store::{Index, Record};
use serde::{Deserialize, Serialize};

const LONGEST_NAME: usize = 100;

/// A subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// Which.
    pub id: SubscriptionId,
    /// Dense: lists walk it.
    pub number: u64,
    /// In its maker's words.
    pub name: String,
    /// Topic patterns.
    pub bindings: Vec<String>,
    /// Who made it.
    pub made_by: UserId,
    /// Since when.
    pub created_at: Timestamp,
}

impl Record for Subscription {
    type Id = SubscriptionId;

    const COLLECTION: &'static str = "subscriptions";
    const ENTITY: &'static str = "subscription";
    const INDEXES: &'static [Index] = &[Index::on(&["number"])];

    fn id(&self) -> SubscriptionId {
        self.id
    }
}

/// What a new subscription is made of, checked.
#[derive(Debug, Clone)]
pub struct NewSubscription {
    /// In its maker's words.
    pub name: String,
    /// Queue and bindings.
    pub subscriber: Subscriber,
    /// Which.
    pub id: SubscriptionId,
}

impl NewSubscription {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(name: String, bindings: &[String]) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            violations.push(Violation::new("name", "has 1 to 100 characters, none of them a control character"));
        }
        let id = SubscriptionId::generate();
        let patterns: Result<Vec<_>, _> = bindings.iter().map(|text| Pattern::try_new(text)).collect();
        let subscriber = patterns
            .map_err(|why| why.to_string())
            .and_then(|patterns| Subscriber::new(id, patterns).map_err(|why| why.to_string()));
        match subscriber {
            Ok(subscriber) if violations.is_empty() => return Ok(Self { name, subscriber, id }),
            Ok(_) => {}
            Err(why) => violations.push(Violation::new("bindings", why)),
        }
        Err(violations)
    }
}
