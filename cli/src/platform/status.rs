//! `katonic status`: each part's process and whether it is ready, asked now.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{
    error::Error,
    home::Home,
    part::Part,
    probe,
    process::{read_alive, resident_bytes},
    site::Site,
    state::{PartState, State},
    up::read_state,
};
use crate::{
    exit::Exit,
    output::{self, Output},
};

/// Arguments of `katonic status`.
#[derive(Debug, Clone, clap::Args)]
pub struct StatusArgs {}

/// One part as it is now.
pub(super) struct Row {
    part: Part,
    /// Its process.
    pub(super) pid: Option<i32>,
    port: u16,
    resident_bytes: Option<u64>,
    /// Why it is not ready; `None`: it is.
    pub(super) not_ready: Option<String>,
    /// How often it has ended.
    pub(super) failures: u32,
}

/// Prints the state of each part; exits 0 where all are ready, else 1.
///
/// # Errors
/// There is no platform here, or its files cannot be read.
pub async fn status(_: &StatusArgs, output: Output) -> Result<Exit, Error> {
    let home = Home::discover()?;
    let state = read_state(&home)?;
    let site = Site::load(home)?;
    let rows = join_all(Part::ALL.map(|part| look(&site, state.as_ref(), part))).await;
    let ready = rows.iter().all(|row| row.not_ready.is_none());
    let printed = if output.is_json() {
        output.document(&document(&site, state.as_ref(), &rows))
    } else {
        output::print(&human(&site, state.as_ref(), &rows))
    };
    printed.map_err(|error| Error::Output(Box::new(error)))?;
    Ok(if ready { Exit::OK } else { Exit::FAILED })
}

/// Looks at one part.
pub(super) async fn look(site: &Site, state: Option<&State>, part: Part) -> Row {
    let known = state.and_then(|state| state.parts.get(&part)).cloned().unwrap_or_else(PartState::default);
    let pid = read_alive(&site.home.identity(part.name())).map(|identity| identity.pid);
    let not_ready = match pid {
        None => Some(known.cause.unwrap_or_else(|| "it is not running".to_owned())),
        Some(_) => probe::ready(site, part).await.err().map(|cause| cause.to_string()),
    };
    Row {
        part,
        pid,
        port: site.installation.ports.of(part)[0],
        resident_bytes: pid.and_then(resident_bytes),
        not_ready,
        failures: known.failures,
    }
}

fn supervisor_pid(state: Option<&State>) -> Option<i32> {
    state.map(|state| state.supervisor.pid)
}

fn document(site: &Site, state: Option<&State>, rows: &[Row]) -> Value {
    let parts: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.part.name(),
                "pid": row.pid,
                "port": row.port,
                "residentBytes": row.resident_bytes,
                "ready": row.not_ready.is_none(),
                "cause": row.not_ready,
                "failures": row.failures,
            })
        })
        .collect();
    json!({
        "home": site.home.root(),
        "installationId": site.installation.id,
        "supervisorPid": supervisor_pid(state),
        "ready": rows.iter().all(|row| row.not_ready.is_none()),
        "parts": parts,
    })
}

fn human(site: &Site, state: Option<&State>, rows: &[Row]) -> String {
    let cells = rows.iter().map(|row| {
        let condition = match (&row.not_ready, row.pid) {
            (None, _) => "ready",
            (Some(_), Some(_)) => "not ready",
            (Some(_), None) => "down",
        };
        [
            row.part.to_string(),
            condition.to_owned(),
            row.pid.map(|pid| pid.to_string()).unwrap_or_default(),
            row.port.to_string(),
            row.resident_bytes.map(|bytes| format!("{} MiB", bytes >> 20)).unwrap_or_default(),
            row.not_ready.clone().unwrap_or_default(),
        ]
    });
    let table = output::table(["PART", "STATE", "PID", "PORT", "MEMORY", "CAUSE"], cells.collect(), "");
    let supervisor = supervisor_pid(state).map_or("not running".to_owned(), |pid| format!("pid {pid}"));
    format!("{}  supervisor {supervisor}\n{table}", site.home.root().display())
}
