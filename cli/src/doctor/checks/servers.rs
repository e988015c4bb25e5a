//! Whether events flow and logs have room.

use crate::{
    doctor::{
        check::{
            Check, Found,
            Severity::{Problem, Warning},
        },
        facts::Facts,
    },
    platform::Servers,
    text,
};

/// The sweeper takes events that are older than 5 s: much older ones are stuck.
const OLD_SECONDS: f64 = 30.0;

pub const CHECKS: &[Check] = &[
    Check {
        code: "TOPOLOGY_MISSING",
        severity: Problem,
        cause: "events are kept back or not seen by consumers; the supervisor makes again what is lost, but not while it is gone",
        next: "run `katonic up`; delete a queue that has other arguments, and it is made again",
        find: |facts| of_servers(facts, topology_missing),
    },
    Check {
        code: "MESSAGES_PARKED",
        severity: Problem,
        cause: "a consumer could not process them, also after its retries",
        next: "look at `katonic admin parked list`, mend the cause, then redrive or drop them",
        find: |facts| of_servers(facts, parked),
    },
    Check {
        code: "OUTBOX_OLD",
        severity: Problem,
        cause: "the broker does not take them: it is down, out of disk, or lacks an exchange; nothing is lost meanwhile",
        next: "look at the part rabbitmq in `katonic status`, and at its log",
        find: |facts| of_servers(facts, outbox_old),
    },
    Check {
        code: "REDIS_FULL",
        severity: Warning,
        cause: "followers of logs see new lines seconds later, from disk; no line is lost",
        next: "stop the job that writes so much, or wait: Redis is emptied as logs reach the disk",
        find: |facts| of_servers(facts, redis_full),
    },
];

fn of_servers(facts: &Facts, judge: impl Fn(&Servers) -> Vec<Found>) -> Vec<Found> {
    let servers = facts.host.as_ref().and_then(|host| host.platform.servers.as_ref());
    servers.map(judge).unwrap_or_default()
}

fn topology_missing(servers: &Servers) -> Vec<Found> {
    servers.missing_topology.iter().map(|missing| Found::fact(format!("at the broker, {missing}"))).collect()
}

fn parked(servers: &Servers) -> Vec<Found> {
    servers.parked.iter().map(|(queue, count)| Found::fact(format!("{count} messages lie in {queue}"))).collect()
}

fn outbox_old(servers: &Servers) -> Vec<Found> {
    let old = servers.outbox_ages.iter().filter(|(_, age)| *age > OLD_SECONDS);
    old.map(|(part, age)| Found::fact(format!("an event of {part} is {age:.0} s old and not published"))).collect()
}

fn redis_full(servers: &Servers) -> Vec<Found> {
    match servers.redis_memory {
        // From 95 % on writes are refused any moment.
        Some((used, limit)) if limit > 0 && used >= limit / 20 * 19 => {
            vec![Found::fact(format!("Redis uses {} of {}", text::bytes(used), text::bytes(limit)))]
        }
        _ => Vec::new(),
    }
}
