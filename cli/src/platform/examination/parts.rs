//! Each part's process, whether it is ready, and the end of what it said.

use std::path::PathBuf;

use futures::future::join_all;

use crate::platform::{files, installation, part::Part, site::Site, state::State, status};

/// Lines of a log among which the last that says something is looked for.
const TAIL_LINES: usize = 20;

/// A part as it is now.
pub struct PartSeen {
    /// Which.
    pub part: Part,
    /// Its process.
    pub pid: Option<i32>,
    /// Why it is not ready; none where it is.
    pub not_ready: Option<String>,
    /// How often it has ended, or could not be started, since the platform was started.
    pub failures: u32,
    /// Its ports at which somebody else listens.
    pub taken_ports: Vec<u16>,
    /// Its log.
    pub log: PathBuf,
    /// The last line there.
    pub last_line: Option<String>,
}

/// Looks at every part.
pub async fn look(site: &Site, state: Option<&State>) -> Vec<PartSeen> {
    join_all(Part::ALL.map(|part| look_at(site, state, part))).await
}

async fn look_at(site: &Site, state: Option<&State>, part: Part) -> PartSeen {
    let row = status::look(site, state, part).await;
    let is_taken = |port: &u16| row.pid.is_none() && installation::is_free(*port).is_ok_and(|free| !free);
    let log = site.home.log(part.name());
    PartSeen {
        part,
        pid: row.pid,
        failures: row.failures,
        taken_ports: site.installation.ports.of(part).into_iter().filter(is_taken).collect(),
        last_line: files::tail(&log, TAIL_LINES).into_iter().rfind(|line| !line.trim().is_empty()),
        not_ready: row.not_ready,
        log,
    }
}
