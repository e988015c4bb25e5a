//! What broker, Redis and the services' outboxes say of themselves.

use std::time::Duration;

use katonic_bus::topology::Topology;
use tokio::time::timeout;

use crate::platform::{part::Part, redis, site::Site, topology};

const LIMIT: Duration = Duration::from_secs(5);
/// Age of the oldest unpublished event, as each service measures it.
const OUTBOX_AGE: &str = "katonic_store_outbox_age_seconds{";

/// What the servers said; what did not answer said nothing.
#[derive(Debug, Default)]
pub struct Servers {
    /// Exchanges, queues and bindings that are not there, or not as they should be.
    pub missing_topology: Vec<String>,
    /// Queues of parked messages that are not empty.
    pub parked: Vec<(String, u64)>,
    /// Bytes that Redis uses, and may use.
    pub redis_memory: Option<(u64, u64)>,
    /// Services whose oldest unpublished event is so many seconds old.
    pub outbox_ages: Vec<(Part, f64)>,
}

impl Servers {
    pub(super) async fn ask(site: &Site) -> Self {
        let (broker, redis_memory, outbox_ages) =
            tokio::join!(timeout(LIMIT, ask_broker(site)), timeout(LIMIT, redis::memory(site)), outbox_ages(site));
        let (missing_topology, parked) = broker.ok().flatten().unwrap_or_default();
        Self { missing_topology, parked, redis_memory: redis_memory.ok().and_then(Result::ok), outbox_ages }
    }
}

async fn ask_broker(site: &Site) -> Option<(Vec<String>, Vec<(String, u64)>)> {
    let admin = topology::admin(site).ok()?;
    let missing = katonic_bus::topology::check(&admin, &Topology::katonic()).await.ok()?;
    let queues = admin.queues().await.ok()?;
    let parked = queues.into_iter().filter(|queue| queue.name.ends_with(".parked") && queue.messages > 0);
    Some((
        missing.iter().map(ToString::to_string).collect(),
        parked.map(|queue| (queue.name, queue.messages)).collect(),
    ))
}

async fn outbox_ages(site: &Site) -> Vec<(Part, f64)> {
    // Whichever role of metadata leads looks after the outboxes of both.
    let producers =
        [(Part::Metadata, Part::Metadata), (Part::Metadata, Part::Git), (Part::Dispatcher, Part::Dispatcher)];
    let asked = producers.map(|(owner, part)| async move { Some((owner, outbox_age(site, part).await?)) });
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}

/// The age of the oldest event in any of a service's outboxes.
async fn outbox_age(site: &Site, part: Part) -> Option<f64> {
    let uri = format!("http://127.0.0.1:{}/metrics", site.installation.ports.of(part)[0]);
    let client = reqwest::Client::builder().no_proxy().timeout(LIMIT).build().ok()?;
    let text = client.get(uri).send().await.ok()?.text().await.ok()?;
    oldest(&text)
}

/// Samples of the Prometheus text format end in their value.
fn oldest(metrics: &str) -> Option<f64> {
    let samples = metrics.lines().filter(|line| line.starts_with(OUTBOX_AGE));
    samples.filter_map(|line| line.rsplit_once(' ')?.1.parse().ok()).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_outbox_counts() {
        let text = "# TYPE katonic_store_outbox_age_seconds gauge\n\
                    katonic_store_outbox_age_seconds{collection=\"projects\"} 0\n\
                    katonic_store_outbox_age_seconds{collection=\"tokens\"} 61.5\n\
                    katonic_other{collection=\"x\"} 99\n";
        assert_eq!(oldest(text), Some(61.5));
        assert_eq!(oldest(""), None);
    }
}
