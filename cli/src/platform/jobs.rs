//! `down --stop-jobs`: stops what runs through the API, like anybody, and
//! waits until nothing does.
//!
//! What runs is read from the member directories: an execution that has one
//! and has not ended is running. What is admitted to the places that become
//! free is not asked for again, or the whole queue would be stopped: it is
//! stopped once no dispatcher is left that could admit another, and what still
//! waits stays in the queue. Interrupted, it leaves stops under way; repeating
//! it is harmless.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use katonic_member::{Liveness, MemberDir, Members, Stop, StopReason};
use katonic_proto::dispatcher::v1::{GetExecutionRequest, StopExecutionRequest};
use tokio::time::sleep;

use super::{error::Error, home::Home};
use crate::{client::Client, config::Endpoint, text};

const ROUND_PAUSE: Duration = Duration::from_millis(100);
/// The grace of a stop, the kill, and what saving results may take.
const LIMIT: Duration = Duration::from_mins(12);
/// The answer for an execution whose user code has ended: it only needs waiting.
const OUTCOME_FIXED: &str = "OUTCOME_FIXED";

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Stops every running execution and waits for their ends.
pub async fn stop_all(home: &Home) -> Result<(), Error> {
    let access = home.access()?;
    let endpoint = Endpoint::try_new(&access.gateway, &access.token).map_err(because)?;
    let client = Client::new(endpoint).map_err(because)?;
    let mut left = with_members(home).map_err(Error::StopJobs)?;
    let begun = Instant::now();
    drop_ended(&client, &mut left).await?;
    for execution in &left {
        anstream::println!("stopping {execution}");
        stop(&client, execution.clone()).await.map_err(Error::StopJobs)?;
    }
    while !left.is_empty() {
        in_time(begun, &left)?;
        sleep(ROUND_PAUSE).await;
        drop_ended(&client, &mut left).await?;
    }
    Ok(())
}

async fn drop_ended(client: &Client, left: &mut BTreeSet<String>) -> Result<(), Error> {
    for execution in left.clone() {
        if has_ended(client, &execution).await.map_err(Error::StopJobs)? {
            left.remove(&execution);
        }
    }
    Ok(())
}

/// Names what has not ended once the limit is over.
fn in_time<'a>(begun: Instant, left: impl IntoIterator<Item = &'a String>) -> Result<(), Error> {
    if begun.elapsed() < LIMIT {
        return Ok(());
    }
    let left: Vec<&str> = left.into_iter().map(String::as_str).collect();
    Err(because(format!("still running: {}", left.join(", "))))
}

/// Stops what was admitted while the platform went down, as the agent would
/// have: what is left is reported after the next `up`.
pub async fn stop_left(home: &Home) -> Result<(), Error> {
    let running = running_members(home).map_err(Error::StopJobs)?;
    for member in &running {
        anstream::println!("stopping {}", member.name());
        member.order_stop(&Stop { reason: StopReason::User, message: String::new() }).map_err(because)?;
    }
    let begun = Instant::now();
    for member in running {
        while is_running(&member).map_err(because)? {
            in_time(begun, [&member.name().to_string()])?;
            sleep(ROUND_PAUSE).await;
        }
    }
    Ok(())
}

fn running_members(home: &Home) -> Result<Vec<MemberDir>, Cause> {
    if !home.members().is_dir() {
        return Ok(Vec::new());
    }
    let mut running = Vec::new();
    for member in Members::open(home.members())?.list()? {
        if is_running(&member)? {
            running.push(member);
        }
    }
    Ok(running)
}

fn is_running(member: &MemberDir) -> Result<bool, katonic_member::Error> {
    Ok(matches!(member.liveness()?, Liveness::Running(_)))
}

fn because(error: impl Into<Cause>) -> Error {
    Error::StopJobs(error.into())
}

/// The executions that have a member directory.
fn with_members(home: &Home) -> Result<BTreeSet<String>, Cause> {
    if !home.members().is_dir() {
        return Ok(BTreeSet::new());
    }
    let mut executions = BTreeSet::new();
    for member in Members::open(home.members())?.list()? {
        // A directory without a launch file is being removed.
        executions.extend(member.launch()?.map(|launch| launch.execution_id));
    }
    Ok(executions)
}

async fn has_ended(client: &Client, execution: &str) -> Result<bool, Cause> {
    let answer = client.get_execution(GetExecutionRequest { execution_id: execution.to_owned() }).await?;
    Ok(text::has_ended(&answer.execution.unwrap_or_default()))
}

async fn stop(client: &Client, execution: String) -> Result<(), Cause> {
    match client.stop_execution(StopExecutionRequest { execution_id: execution, discard: false }).await {
        Err(error) if error.has_reason(OUTCOME_FIXED) => Ok(()),
        answer => Ok(answer.map(drop)?),
    }
}
