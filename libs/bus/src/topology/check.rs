//! Whether what must be declared is there: finds the lost queue or binding
//! that no returned publish tells of.

use std::collections::BTreeSet;

use super::{EVERYTHING, Topology};
use crate::admin::{Admin, Error};

/// Something that must be declared and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// An exchange.
    Exchange(String),
    /// A queue.
    Queue(String),
    /// A binding, from and to.
    Binding(String, String),
}

/// Compares the broker with the topology; empty means that nothing is missing.
///
/// # Errors
/// What the broker's management answered.
pub async fn check(admin: &Admin, topology: &Topology) -> Result<Vec<Missing>, Error> {
    let exchanges: BTreeSet<String> = admin.exchanges().await?.into_iter().collect();
    let queues: BTreeSet<String> = admin.queues().await?.into_iter().map(|queue| queue.name).collect();
    let mut missing = Vec::new();
    missing.extend(without(&exchanges, topology.exchanges.iter().copied()).map(Missing::Exchange));
    missing.extend(without(&queues, topology.queues.iter().map(|queue| queue.name)).map(Missing::Queue));
    for binding in &topology.bindings {
        let (source, to) = binding.ends();
        if !admin.bindings(source, to).await?.iter().any(|pattern| pattern == EVERYTHING) {
            missing.push(Missing::Binding(source.to_owned(), to.name().to_owned()));
        }
    }
    Ok(missing)
}

fn without<'a>(there: &'a BTreeSet<String>, wanted: impl Iterator<Item = &'a str>) -> impl Iterator<Item = String> {
    wanted.filter(|name| !there.contains(*name)).map(str::to_owned)
}
