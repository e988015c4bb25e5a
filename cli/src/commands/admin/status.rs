//! `katonic admin status`: what waits in each part, and who leads in it.

use katonic_proto::metadata::v1::{
    DescribePartsRequest, DescribePartsResponse, PartConsumer, PartDescription, PartLease, PartOutbox,
};

use crate::{commands::Context, exit::Exit, failure::Failure, output::table, text};

/// Shows every part.
pub async fn run(context: &Context) -> Result<Exit, Failure> {
    let parts = context.client.describe_parts(DescribePartsRequest {}).await?;
    context.output.answer(&parts, human)?;
    Ok(Exit::OK)
}

fn human(parts: &DescribePartsResponse) -> String {
    let rows = parts.parts.iter().flat_map(rows).collect();
    table(["PART", "WHAT", "NAME", "STATE"], rows, "No part is known.")
}

fn rows(part: &PartDescription) -> Vec<[String; 4]> {
    if !part.available {
        return vec![[part.part.clone(), "part".to_owned(), String::new(), "does not answer".to_owned()]];
    }
    let row = |what: &str, name: &str, state| [part.part.clone(), what.to_owned(), name.to_owned(), state];
    let outboxes = part.outboxes.iter().map(|outbox| row("outbox", &outbox.collection, outbox_state(outbox)));
    let leases = part.leases.iter().map(|lease| row("lease", &lease.name, lease_state(lease)));
    let consumers = part.consumers.iter().map(|consumer| row("consumer", &consumer.queue, consumer_state(consumer)));
    outboxes.chain(leases).chain(consumers).collect()
}

fn outbox_state(outbox: &PartOutbox) -> String {
    match &outbox.oldest_time {
        None => "empty".to_owned(),
        since => format!("{} wait since {}", outbox.waiting, text::time(since.as_ref())),
    }
}

fn lease_state(lease: &PartLease) -> String {
    if lease.holder.is_empty() {
        format!("free, epoch {}", lease.epoch)
    } else {
        format!("held by {}, epoch {}", lease.holder, lease.epoch)
    }
}

fn consumer_state(consumer: &PartConsumer) -> String {
    if consumer.missing {
        "the queue is missing".to_owned()
    } else {
        format!("{} wait, {} parked", consumer.waiting, consumer.parked)
    }
}
