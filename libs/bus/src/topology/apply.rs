//! `broker apply`: makes what is missing, changes rights to what they must be.
//!
//! First what does not run is taken away. Then exchanges and queues before
//! bindings; then the consumer of each queue that missed something is told to
//! resync, since events may have passed it by; then what marks the queue as
//! complete; last the users, so that nobody publishes into a half-made topology.
//! A crash in between is found by the next apply: what marks the queue is
//! missing, and it is told again.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};

use super::{Binding, BoundTo, ConsumerQueue, Credentials, Delay, EVENTS, Missing, Queue, Topology, check, rights};
use crate::admin::{Admin, Destination, Error};

/// The AMQP `type` of the message by which a consumer is told to resync.
pub const RESYNC: &str = "katonic.resync";
/// How often and how far apart one looks whether a queue runs, before it is given up.
const LOOKS: u32 = 6;
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// Deleting takes the broker some milliseconds.
const NAMESAKES_END: Duration = Duration::from_secs(2);
/// Requests under way at once: declaring a queue waits for its disk.
const AT_ONCE: usize = 8;

/// Makes virtual host, topology and users; answers what was missing. Twice is the same as once.
///
/// # Errors
/// What the broker's management answered; some of it may be done by then.
pub async fn apply(admin: &Admin, topology: &Topology, credentials: &Credentials) -> Result<Vec<Missing>, Error> {
    admin.put_vhost().await?;
    let missing = missing_and_dead(admin, topology).await?;
    put_exchanges(admin, topology, &missing).await?;
    let_namesakes_end(topology, &missing).await;
    put_queues(admin, topology, &missing).await?;
    bind(admin, &topology.bindings, &missing).await?;
    ask_for_resync(admin, topology, &missing).await?;
    bind(admin, &topology.completing, &missing).await?;
    rights::put_users(admin, topology, credentials).await?;
    put_others(admin, topology, &missing).await?;
    tracing::info!(broker.vhost = admin.vhost(), topology.made = missing.len(), "broker topology applied");
    Ok(missing)
}

/// What is missing, once queues that do not run are deleted, so that they are made again: what was
/// in them is lost already, and the service's consumers are told to resync. Whatever has just begun
/// gets some time.
async fn missing_and_dead(admin: &Admin, topology: &Topology) -> Result<Vec<Missing>, Error> {
    let mut missing = check(admin, topology).await?;
    for _ in 0..LOOKS {
        if dead(&missing).next().is_none() {
            return Ok(missing);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
        missing = check(admin, topology).await?;
    }
    for queue in dead(&missing) {
        tracing::warn!(queue, "the queue does not run and is made again");
        admin.delete_queue(queue).await?;
    }
    check(admin, topology).await
}

fn dead(missing: &[Missing]) -> impl Iterator<Item = &str> {
    missing.iter().filter_map(|one| if let Missing::Process(queue) = one { Some(queue.as_str()) } else { None })
}

/// A queue that is made while its namesake is still being deleted may be without a process, and
/// the namesake's consumers may not learn that it is gone. At first there are no namesakes.
async fn let_namesakes_end(topology: &Topology, missing: &[Missing]) {
    let lost = topology.queues.iter().any(|queue| missing.contains(&Missing::Queue(queue.name.clone())));
    if lost && !missing.contains(&Missing::Exchange(EVENTS.to_owned())) {
        tokio::time::sleep(NAMESAKES_END).await;
    }
}

async fn put_exchanges(admin: &Admin, topology: &Topology, missing: &[Missing]) -> Result<(), Error> {
    let gone = |name: &String| missing.contains(&Missing::Exchange(name.clone()));
    let lost = topology.exchanges.iter().filter(|exchange| gone(&exchange.name));
    let puts = lost.map(|exchange| admin.put_exchange(&exchange.name, exchange.kind));
    stream::iter(puts).buffer_unordered(AT_ONCE).try_collect().await
}

async fn put_queues(admin: &Admin, topology: &Topology, missing: &[Missing]) -> Result<(), Error> {
    put(admin, topology.queues.iter().filter(|queue| missing.contains(&Missing::Queue(queue.name.clone())))).await
}

/// Queues with other arguments, when all else is done: that is refused, and whoever applies learns of it.
async fn put_others(admin: &Admin, topology: &Topology, missing: &[Missing]) -> Result<(), Error> {
    put(admin, topology.queues.iter().filter(|queue| missing.contains(&Missing::Arguments(queue.name.clone())))).await
}

async fn put(admin: &Admin, queues: impl Iterator<Item = &Queue>) -> Result<(), Error> {
    let puts = queues.map(|queue| admin.put_queue(&queue.name, &queue.arguments));
    stream::iter(puts).buffer_unordered(AT_ONCE).try_collect().await
}

async fn bind(admin: &Admin, wanted: &[Binding], missing: &[Missing]) -> Result<(), Error> {
    let lost = wanted.iter().filter(|binding| missing.contains(&Missing::Binding((*binding).clone())));
    let binds = lost.map(|binding| admin.bind(&binding.source, destination(&binding.to), &binding.pattern));
    stream::iter(binds).buffer_unordered(AT_ONCE).try_collect().await
}

async fn ask_for_resync(admin: &Admin, topology: &Topology, missing: &[Missing]) -> Result<(), Error> {
    let touched: BTreeSet<&str> = missing.iter().filter_map(queue_of).collect();
    let lost = |queue: &&ConsumerQueue| {
        let delays = Delay::ALL.map(|delay| delay.exchange(queue.service));
        touched.contains(queue.name().as_str()) || delays.iter().any(|delay| touched.contains(delay.as_str()))
    };
    for queue in topology.consumers.iter().filter(lost).map(ConsumerQueue::name) {
        admin.put_message(&queue, RESYNC).await?;
        tracing::info!(queue, "the queue's consumer was told to resync");
    }
    Ok(())
}

fn queue_of(missing: &Missing) -> Option<&str> {
    match missing {
        Missing::Queue(name) => Some(name),
        Missing::Binding(Binding { to: BoundTo::Queue(name), .. }) => Some(name),
        Missing::Exchange(_) | Missing::Arguments(_) | Missing::Process(_) | Missing::Binding(_) => None,
    }
}

fn destination(to: &BoundTo) -> Destination<'_> {
    match to {
        BoundTo::Exchange(name) => Destination::Exchange(name),
        BoundTo::Queue(name) => Destination::Queue(name),
    }
}
