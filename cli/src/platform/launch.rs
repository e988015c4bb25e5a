//! How each part is started: program, arguments, environment.

use std::{ffi::OsString, fs, path::PathBuf};

use tokio::process::Command;

use super::{
    error::Error,
    files, installation,
    part::Part,
    process::{Process, StartError},
    rabbitmq, redis,
    site::Site,
    store, tools,
};

/// What is started for a part.
pub struct Launch {
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// What its environment has beyond the common one.
    pub environment: Vec<(&'static str, OsString)>,
}

impl Launch {
    /// A program with arguments and no environment of its own.
    pub fn new(program: PathBuf, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self { program, arguments: arguments.into_iter().map(Into::into).collect(), environment: Vec::new() }
    }
}

/// Starts a part. Its ports must be free: whoever holds one is not ours, since ours would have been taken over.
pub fn start(site: &Site, part: Part) -> Result<Process, Error> {
    let launch = launch(site, part)?;
    for port in site.installation.ports.of(part) {
        let free =
            installation::is_free(port).map_err(|source| Error::Process { action: "listen for", part, source })?;
        if !free {
            return Err(Error::PortTaken { part, port });
        }
    }
    let mut command = Command::new(&launch.program);
    command
        .args(&launch.arguments)
        .env_clear()
        .envs(tools::environment())
        .envs(launch.environment)
        .current_dir(site.home.root());
    Process::start(command, &site.home.log(part.name()), &site.home.identity(part.name())).map_err(
        |error| match error {
            StartError::File(error) => error,
            StartError::System(source) => Error::Process { action: "start", part, source },
            StartError::Gone => Error::Process { action: "start", part, source: std::io::ErrorKind::NotFound.into() },
        },
    )
}

fn launch(site: &Site, part: Part) -> Result<Launch, Error> {
    match part {
        Part::Store => store::launch(site),
        Part::Epmd => rabbitmq::launch_epmd(site),
        Part::Rabbitmq => rabbitmq::launch(site),
        Part::Redis => redis::launch(site),
        Part::Metadata => service(site, part, "katonic-metadata", &["--role", "api"]),
        Part::Git => service(site, part, "katonic-metadata", &["--role", "git"]),
        Part::Dispatcher => service(site, part, "katonic-dispatcher", &[]),
        Part::LogStreamer => service(site, part, "katonic-log-streamer", &[]),
        Part::SearchIndexer => service(site, part, "katonic-search-indexer", &[]),
        Part::ApiGateway => service(site, part, "katonic-api-gateway", &[]),
    }
}

fn service(site: &Site, part: Part, program: &str, more: &[&str]) -> Result<Launch, Error> {
    let mut arguments: Vec<OsString> = more.iter().map(Into::into).collect();
    arguments.push("--config".into());
    arguments.push(site.home.config(part).into());
    Ok(Launch::new(tools::own(program)?, arguments))
}

/// A server's folder, which is made where it is missing.
pub fn server_folder(site: &Site, part: Part) -> Result<PathBuf, Error> {
    let folder = site.home.server(part);
    files::make_dir(&folder, 0o700)?;
    fs::canonicalize(&folder).map_err(Error::file("resolve", &folder))
}
