//! Create, commit to consumer, get and list: one request at a time.

use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use super::turn;
use crate::{comparison::Comparison, side::Side};

const ROUNDS: usize = 300;
/// Not counted: connections open, pages and caches fill. More than a page of projects.
const WARM_UP: usize = 60;

/// The paths in the order in which a round takes them.
const PATHS: [&str; 4] = ["create a project", "create to consumer", "get a project", "list 50 projects"];

/// All four by turns.
pub async fn compare(product: &mut Side, floor: &mut Side) -> Result<Vec<Comparison>> {
    let mut comparisons: Vec<_> = PATHS.into_iter().map(Comparison::in_ms).collect();
    for round in 0..WARM_UP + ROUNDS {
        for side in turn(round, product, floor) {
            let samples = once(side, round).await?;
            if round >= WARM_UP {
                for (comparison, ms) in comparisons.iter_mut().zip(samples) {
                    comparison.add(side.name, ms);
                }
            }
        }
    }
    Ok(comparisons)
}

async fn once(side: &mut Side, round: usize) -> Result<[f64; 4]> {
    let body = json!({"name": format!("bench-{round}"), "description": "A project that is measured"});
    let asked = Instant::now();
    let project = side.rest.post("/projects", &body).await?;
    let created = ms_since(asked);
    let id = katonic_integration_tests::rest::text(&project, "projectId")?;
    let arrived = side.queue.arrival_of(&id).await?.duration_since(asked).as_secs_f64() * 1e3;

    let asked = Instant::now();
    side.rest.get(&format!("/projects/{id}")).await?;
    let got = ms_since(asked);

    let asked = Instant::now();
    let page = side.rest.get("/projects?pageSize=50").await?;
    let listed = ms_since(asked);
    let count = page["projects"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(count == 50 || round < 50, "{} listed {count} projects", side.name);
    Ok([created, arrived, got, listed])
}

fn ms_since(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1e3
}
