//! Where members run: chosen once for an installation and kept, changed only by
//! `up --backend` while nothing runs.
//!
//! Not said, it is a container engine where one answers that has the image of
//! executions, and else this machine's processes.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::error::Error;

/// The image that executions run in; `scripts/base-image` makes it.
pub const IMAGE: &str = "katonic-base:bookworm";
/// Where engines listen: Docker's, Podman's.
const SOCKETS: [&str; 2] = ["/run/docker.sock", "/run/podman/podman.sock"];
/// An engine that is well answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where members run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Backend {
    /// As processes of this machine.
    #[default]
    Process,
    /// As containers of an engine that speaks Docker's API.
    Docker {
        /// Where it listens.
        socket: PathBuf,
    },
}

/// What `--backend` may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// As processes of this machine, for users who trust each other.
    Process,
    /// As containers of the engine (Docker or Podman) that answers here.
    Docker,
}

impl Kind {
    /// As it is written on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Docker => "docker",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => f.write_str("process (users must trust each other)"),
            Self::Docker { socket } => write!(f, "docker ({})", socket.display()),
        }
    }
}

impl Backend {
    /// Which it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Process => Kind::Process,
            Self::Docker { .. } => Kind::Docker,
        }
    }

    /// The one that is asked for, if this machine can serve it.
    pub fn wanted(kind: Kind) -> Result<Self, Error> {
        match kind {
            Kind::Process => Ok(Self::Process),
            Kind::Docker => {
                let socket = sockets().into_iter().find(|socket| answers(socket)).ok_or_else(|| Error::NoEngine {
                    sockets: sockets().iter().map(|socket| socket.display().to_string()).collect::<Vec<_>>().join(", "),
                })?;
                if has_image(&socket) {
                    Ok(Self::Docker { socket })
                } else {
                    Err(Error::NoImage { socket, image: IMAGE })
                }
            }
        }
    }

    /// The best one that this machine can serve now. Who is not root cannot
    /// give users of their own to members, which containers rest on.
    pub fn found() -> Self {
        let root = rustix::process::geteuid().is_root();
        let engine = sockets().into_iter().find(|socket| root && answers(socket) && has_image(socket));
        engine.map_or(Self::Process, |socket| Self::Docker { socket })
    }
}

/// Where an engine may listen: where the environment says so, only there.
fn sockets() -> Vec<PathBuf> {
    match std::env::var("DOCKER_HOST").ok().and_then(|host| host.strip_prefix("unix://").map(PathBuf::from)) {
        Some(socket) => vec![socket],
        None => SOCKETS.map(PathBuf::from).to_vec(),
    }
}

fn answers(socket: &Path) -> bool {
    is_ok(socket, "/_ping")
}

fn has_image(socket: &Path) -> bool {
    is_ok(socket, &format!("/images/{IMAGE}/json"))
}

fn is_ok(socket: &Path, path: &str) -> bool {
    status(socket, path).is_ok_and(|status| status == 200)
}

/// The status that an engine answers to a GET.
fn status(socket: &Path, path: &str) -> io::Result<u16> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::{io::Read, os::unix::net::UnixListener};

    use super::*;

    #[test]
    fn an_engine_answers_where_it_says_200_and_not_otherwise() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("engine.sock");
        assert!(!answers(&socket), "there is none");
        let listener = UnixListener::bind(&socket).expect("bound");
        let engine = std::thread::spawn(move || {
            for answer in ["HTTP/1.1 200 OK\r\n\r\nOK", "HTTP/1.1 404 Not Found\r\n\r\n", "nonsense"] {
                let (mut stream, _) = listener.accept().expect("called");
                let _ = stream.read(&mut [0; 1024]).expect("asked");
                stream.write_all(answer.as_bytes()).expect("answered");
            }
        });
        assert_eq!([(); 3].map(|()| answers(&socket)), [true, false, false]);
        engine.join().expect("ended");
    }

    #[test]
    fn a_choice_survives_its_file() {
        for backend in [Backend::Process, Backend::Docker { socket: "/run/docker.sock".into() }] {
            let text = serde_json::to_string(&backend).expect("JSON");
            assert_eq!(serde_json::from_str::<Backend>(&text).expect("a backend"), backend, "{text}");
        }
    }
}
