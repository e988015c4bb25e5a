//! The platform of this machine as `katonic doctor` sees it: everything that
//! can be known without changing anything, also of what is broken.
//!
//! Must hold: nothing is made, locked, started or written, and no failure here
//! hides another: what cannot be looked at is left out.

mod data;
mod parts;
mod processes;
mod servers;

pub use data::{DataDirectory, Filesystem, Place, closed_folder};
pub use parts::PartSeen;
pub use processes::{Agent, Leftover};
pub use servers::Servers;

use super::{
    files,
    home::Home,
    part::Part,
    process::is_alive,
    site::Site,
    state::{Phase, State},
};

/// What was seen.
pub struct Examination {
    /// The data directory.
    pub data: DataDirectory,
    /// Whether a platform was ever started here.
    pub is_installed: bool,
    /// The process id of the supervisor that is at work.
    pub supervisor: Option<i32>,
    /// Whether parts are being started, or stopped, just now.
    pub is_changing: bool,
    /// Why the last start failed.
    pub failure: Option<String>,
    /// Each part; none where nothing is installed.
    pub parts: Vec<PartSeen>,
    /// What the servers say; none where nothing is installed.
    pub servers: Option<Servers>,
    /// The process that serves jobs.
    pub agent: Agent,
    /// Processes of jobs that are over.
    pub leftovers: Vec<Leftover>,
    /// Data directories of other platforms that run on this machine.
    pub others: Vec<String>,
}

impl Examination {
    /// Looks at the platform in a data directory.
    pub async fn of(home: Home) -> Self {
        let data = DataDirectory::look(&home);
        let state = files::read_json::<State>(&home.state_file()).ok().flatten();
        let running = state.as_ref().filter(|state| is_alive(&state.supervisor));
        let others = processes::other_platforms(home.root());
        let agent = processes::agent(&home);
        let site = Site::load(home).ok();
        let (parts, servers) = match &site {
            Some(site) => tokio::join!(parts::look(site, running), async { Some(Servers::ask(site).await) }),
            None => (Vec::new(), None),
        };
        Self {
            data,
            is_installed: site.is_some(),
            supervisor: running.map(|state| state.supervisor.pid),
            is_changing: running.is_some_and(|state| state.phase != Phase::Up),
            failure: state.as_ref().and_then(failure),
            parts,
            servers,
            agent,
            leftovers: site.as_ref().map(processes::leftovers).unwrap_or_default(),
            others,
        }
    }

    /// Whether any part runs.
    pub fn runs(&self) -> bool {
        self.parts.iter().any(|seen| seen.pid.is_some())
    }

    /// A part, where it was looked at.
    pub fn part(&self, part: Part) -> Option<&PartSeen> {
        self.parts.iter().find(|seen| seen.part == part)
    }
}

fn failure(state: &State) -> Option<String> {
    let failure = state.failure.as_ref()?;
    Some(match failure.part {
        Some(part) => format!("{part}: {}", failure.cause),
        None => failure.cause.clone(),
    })
}
