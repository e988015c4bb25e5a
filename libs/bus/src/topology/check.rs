//! Whether what must be declared is there: finds the lost queue or binding
//! that no returned publish tells of.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;

use super::{Binding, BoundTo, Topology};
use crate::admin::{Admin, BindingInfo, Error, QueueInfo};

/// Something that must be declared and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// An exchange.
    Exchange(String),
    /// A queue.
    Queue(String),
    /// A queue is there with other arguments, which only a person can mend: delete it, and it is made again.
    Arguments(String),
    /// A queue is there and nothing runs it, see [`QueueInfo::is_dead`]: whoever applies makes it again.
    Process(String),
    /// A binding.
    Binding(Binding),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(name) => write!(f, "exchange {name} is missing"),
            Self::Queue(name) => write!(f, "queue {name} is missing"),
            Self::Arguments(name) => write!(f, "queue {name} has other arguments"),
            Self::Process(name) => write!(f, "queue {name} does not run"),
            Self::Binding(Binding { source, to, pattern }) => {
                write!(f, "binding {pattern:?} from {source} to {} is missing", to.name())
            }
        }
    }
}

/// Compares the broker with the topology; empty means that nothing is missing.
///
/// # Errors
/// What the broker's management answered.
pub async fn check(admin: &Admin, topology: &Topology) -> Result<Vec<Missing>, Error> {
    let exchanges: BTreeSet<String> = admin.exchanges().await?.into_iter().collect();
    let queues: BTreeMap<String, QueueInfo> =
        admin.queues().await?.into_iter().map(|queue| (queue.name.clone(), queue)).collect();
    let bindings: BTreeSet<Binding> = admin.all_bindings().await?.into_iter().map(Binding::from).collect();
    let mut missing = Vec::new();
    for exchange in topology.exchanges.iter().filter(|exchange| !exchanges.contains(&exchange.name)) {
        missing.push(Missing::Exchange(exchange.name.clone()));
    }
    for queue in &topology.queues {
        match queues.get(&queue.name) {
            None => missing.push(Missing::Queue(queue.name.clone())),
            Some(found) if !same(&found.arguments, &queue.arguments) => {
                missing.push(Missing::Arguments(queue.name.clone()));
            }
            Some(found) if found.is_dead() => missing.push(Missing::Process(queue.name.clone())),
            Some(_) => {}
        }
    }
    let wanted = topology.bindings.iter().chain(&topology.completing);
    missing.extend(wanted.filter(|binding| !bindings.contains(binding)).cloned().map(Missing::Binding));
    Ok(missing)
}

/// The broker adds nothing to the arguments but the type, where none was given.
fn same(found: &BTreeMap<String, Value>, wanted: &BTreeMap<&'static str, Value>) -> bool {
    wanted.iter().all(|(key, value)| found.get(*key) == Some(value))
        && found.keys().all(|key| key == "x-queue-type" || wanted.contains_key(key.as_str()))
}

impl From<BindingInfo> for Binding {
    fn from(info: BindingInfo) -> Self {
        let to = if info.destination_type == "queue" {
            BoundTo::Queue(info.destination)
        } else {
            BoundTo::Exchange(info.destination)
        };
        Self { source: info.source, to, pattern: info.routing_key }
    }
}

impl BoundTo {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Exchange(name) | Self::Queue(name) => name,
        }
    }
}
