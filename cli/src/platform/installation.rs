//! What is chosen once for an installation and kept: its id, its ports, the
//! users that its members run as, and where they run.
//!
//! Ports lie below the kernel's ephemeral range, so that no outgoing connection
//! takes one between `down` and `up`.

use std::{io, net::TcpListener};

use katonic_domain::InstallationId;
use katonic_member::Members;
use serde::{Deserialize, Serialize};

use super::{
    backend::{Backend, Kind},
    error::Error,
    files,
    home::Home,
    layout::Layout,
    part::Part,
    tools,
};

const GATEWAY_PORT: u16 = 7400;
/// Below Linux' ephemeral ports, which begin at 32768.
const PORT_RANGE: std::ops::Range<u16> = 20_000..32_000;

/// User ids that the dispatcher's default configuration takes, from the first on.
const UIDS: u32 = 1_000;
/// Far from people's and system users' ids, and below 2^31, which some programs take for negative.
const UID_BLOCKS: std::ops::Range<u32> = 1_000_000..2_000_000;

/// Content of `installation.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installation {
    /// `ins_` `TypeID`.
    pub id: InstallationId,
    /// Raised by a restore from backup (DESIGN E1).
    pub incarnation: u64,
    /// Where its parts run.
    #[serde(default)]
    pub layout: Layout,
    /// The store's program; its files are no other's.
    pub store_engine: StoreEngine,
    /// Where each part listens.
    pub ports: Ports,
    /// The first of the user ids that members get. Two installations of one
    /// machine must not share any: what a member leaves is killed by its user.
    pub uid_first: u32,
    /// Where members run; as processes in an installation that was made before there was a choice.
    #[serde(default)]
    pub backend: Backend,
}

/// Which program keeps the store's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreEngine {
    /// `MongoDB`'s own server.
    Mongod,
    /// `SecantusDB`, which speaks `MongoDB`'s protocol.
    Secantus,
}

/// TCP ports: on one machine those of 127.0.0.1, in containers those that the servers have by themselves.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// The public door.
    pub gateway: u16,
    /// metadata.
    pub metadata: u16,
    /// metadata, role git.
    pub git: u16,
    /// dispatcher.
    pub dispatcher: u16,
    /// log-streamer.
    pub logs: u16,
    /// search-indexer; 0 in an installation that was made before there was one.
    #[serde(default)]
    pub search: u16,
    /// The store.
    pub store: u16,
    /// The broker's AMQP.
    pub amqp: u16,
    /// The broker's management HTTP API.
    pub management: u16,
    /// Erlang distribution.
    pub distribution: u16,
    /// Erlang's port mapper.
    pub epmd: u16,
    /// Redis.
    pub redis: u16,
}

impl Ports {
    const OF_CONTAINERS: Self = Self {
        gateway: 7100,
        metadata: 7101,
        dispatcher: 7102,
        logs: 7103,
        git: 7104,
        search: 7105,
        store: 27017,
        amqp: 5672,
        management: 15672,
        distribution: 25672,
        epmd: 4369,
        redis: 6379,
    };

    /// The ports at which a part listens, the first being what it is for.
    pub fn of(&self, part: Part) -> Vec<u16> {
        match part {
            Part::Store => vec![self.store],
            Part::Epmd => vec![self.epmd],
            Part::Rabbitmq => vec![self.amqp, self.management, self.distribution],
            Part::Redis => vec![self.redis],
            Part::Metadata => vec![self.metadata],
            Part::Git => vec![self.git],
            Part::Dispatcher => vec![self.dispatcher],
            Part::LogStreamer => vec![self.logs],
            Part::SearchIndexer => vec![self.search],
            Part::ApiGateway => vec![self.gateway],
        }
    }

    fn choose() -> Result<Self, Error> {
        let mut chooser = PortChooser::default();
        Ok(Self {
            gateway: chooser.preferred(GATEWAY_PORT)?,
            metadata: chooser.any()?,
            git: chooser.any()?,
            dispatcher: chooser.any()?,
            logs: chooser.any()?,
            search: chooser.any()?,
            store: chooser.any()?,
            amqp: chooser.any()?,
            management: chooser.any()?,
            distribution: chooser.any()?,
            epmd: chooser.any()?,
            redis: chooser.any()?,
        })
    }
}

impl Installation {
    /// The installation here; chosen now where there is none, with the backend
    /// that is wanted, if any is.
    pub(super) fn load_or_create(home: &Home, layout: Layout, wanted: Option<Kind>) -> Result<Self, Error> {
        if let Some(installation) = Self::load(home)? {
            if installation.layout != layout {
                return Err(Error::OtherLayout(home.root().to_owned()));
            }
            return installation.completed(home)?.with_backend(home, wanted);
        }
        let (store_engine, ports) = match layout {
            Layout::OneMachine => (tools::store_engine()?, Ports::choose()?),
            Layout::Containers => (StoreEngine::Mongod, Ports::OF_CONTAINERS),
        };
        let installation = Self {
            id: InstallationId::generate(),
            incarnation: 1,
            layout,
            store_engine,
            ports,
            uid_first: rand::random_range(UID_BLOCKS) * UIDS,
            backend: wanted.map_or_else(|| Ok(Backend::found()), Backend::wanted)?,
        };
        files::write_json(&home.installation_file(), &installation)?;
        Ok(installation)
    }

    /// With what an earlier version had not chosen yet.
    fn completed(mut self, home: &Home) -> Result<Self, Error> {
        if self.ports.search == 0 {
            self.ports.search = PortChooser::default().any()?;
            files::write_json(&home.installation_file(), &self)?;
        }
        Ok(self)
    }

    /// With another backend, where that is wanted and nothing is left of the one before.
    fn with_backend(mut self, home: &Home, wanted: Option<Kind>) -> Result<Self, Error> {
        let Some(wanted) = wanted else { return Ok(self) };
        let backend = Backend::wanted(wanted)?;
        if backend == self.backend {
            return Ok(self);
        }
        if wanted != self.backend.kind() && has_members(home)? {
            let why = "jobs of it are not over yet";
            return Err(Error::BackendInUse { kept: self.backend.kind().name(), why });
        }
        self.backend = backend;
        files::write_json(&home.installation_file(), &self)?;
        Ok(self)
    }

    /// The installation here, if there is one.
    pub(super) fn load(home: &Home) -> Result<Option<Self>, Error> {
        files::read_json(&home.installation_file())
    }

    /// `host:port` by which others reach a part, at what it is for.
    pub fn address(&self, part: Part) -> String {
        format!("{}:{}", self.layout.host(part), self.ports.of(part)[0])
    }

    /// The users that members run as.
    pub fn uids(&self) -> std::ops::Range<u32> {
        self.uid_first..self.uid_first.saturating_add(UIDS)
    }

    /// The broker's virtual host.
    pub fn vhost(&self) -> String {
        format!("katonic-{}", self.id.suffix())
    }
}

fn has_members(home: &Home) -> Result<bool, Error> {
    let members = Members::open(home.members()).and_then(|members| members.list());
    let members = members.map_err(|error| Error::file("list", home.members())(io::Error::other(error)))?;
    Ok(!members.is_empty())
}

/// Whether a port can be listened on now.
pub(super) fn is_free(port: u16) -> io::Result<bool> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(false),
        Err(error) => Err(error),
    }
}

/// Holds every port that it gave, so that none is given twice.
#[derive(Default)]
struct PortChooser {
    held: Vec<TcpListener>,
}

impl PortChooser {
    fn preferred(&mut self, port: u16) -> Result<u16, Error> {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            self.held.push(listener);
            return Ok(port);
        }
        self.any()
    }

    fn any(&mut self) -> Result<u16, Error> {
        const TRIES: usize = 500;
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..TRIES {
            let port = rand::random_range(PORT_RANGE);
            match TcpListener::bind(("127.0.0.1", port)) {
                Ok(listener) => {
                    self.held.push(listener);
                    return Ok(port);
                }
                Err(error) => last = error,
            }
        }
        Err(Error::NoPort(last))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_chosen_twice() {
        let ports = Ports::choose().expect("free ports");
        let all: Vec<u16> = Part::ALL.iter().flat_map(|part| ports.of(*part)).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert_eq!(all.len(), 12);
    }

    #[test]
    fn another_backend_is_taken_only_when_nothing_is_left_of_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(folder.path().to_owned());
        let installation = Installation {
            id: InstallationId::generate(),
            incarnation: 1,
            store_engine: StoreEngine::Secantus,
            ports: Ports::choose().expect("free ports"),
            uid_first: 1,
            backend: Backend::Docker { socket: "/run/docker.sock".into() },
            layout: Layout::OneMachine,
        };
        let members = Members::open(home.members()).expect("members");
        let left = members.path().join("exe-1-1-main-0");
        std::fs::create_dir(&left).expect("made");
        let refused = installation.clone().with_backend(&home, Some(Kind::Process));
        assert!(matches!(refused, Err(Error::BackendInUse { kept: "docker", .. })), "{refused:?}");
        std::fs::remove_dir(&left).expect("removed");
        let kept = installation.clone().with_backend(&home, None).expect("kept");
        assert_eq!(kept.backend, installation.backend);
        let changed = installation.with_backend(&home, Some(Kind::Process)).expect("changed");
        assert_eq!(changed.backend, Backend::Process);
        let read = Installation::load(&home).expect("read").expect("there");
        assert_eq!(read.backend, Backend::Process);
    }

    #[test]
    fn in_containers_a_part_is_reached_by_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(folder.path().to_owned());
        let made = Installation::load_or_create(&home, Layout::Containers, None).expect("made");
        assert_eq!(made.address(Part::ApiGateway), "api-gateway:7100");
        let other = Installation::load_or_create(&home, Layout::OneMachine, None);
        assert!(matches!(other, Err(Error::OtherLayout(_))), "{other:?}");
        let again = Installation::load_or_create(&home, Layout::Containers, None).expect("kept");
        assert_eq!(again.id, made.id);
    }

    #[test]
    fn a_port_that_is_held_is_not_free() {
        let held = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = held.local_addr().expect("bound").port();
        assert!(!is_free(port).expect("an answer"));
    }
}
