//! Where the programs are that we start.
//!
//! Our own lie beside `katonic` itself; servers are on PATH, in Debian's
//! folder, or in the cached tools folder that `scripts/up` fills.

use std::{
    env, fs, iter,
    path::{Path, PathBuf},
};

use super::{error::Error, installation::StoreEngine};

const INSTALL_HINT: &str = "`scripts/up` installs it";

/// One of our own programs, beside this one.
pub fn own(name: &str) -> Result<PathBuf, Error> {
    let this = env::current_exe().map_err(Error::file("find", "katonic"))?;
    let program = this.with_file_name(name);
    is_program(&program)
        .then_some(program)
        .ok_or(Error::MissingProgram { program: name.to_owned(), hint: "build it beside `katonic` (`just build`)" })
}

/// The pages about the API, beside this program; a build without npm has none.
pub fn pages() -> Result<Option<PathBuf>, Error> {
    let this = env::current_exe().map_err(Error::file("find", "katonic"))?;
    let pages = this.with_file_name("pages");
    Ok(pages.join("index.html").is_file().then_some(pages))
}

/// Which store this machine has: `mongod` where there is one.
pub fn store_engine() -> Result<StoreEngine, Error> {
    if on_path("mongod").is_some() {
        return Ok(StoreEngine::Mongod);
    }
    store(StoreEngine::Secantus).map(|_| StoreEngine::Secantus)
}

/// The store's program.
pub fn store(engine: StoreEngine) -> Result<PathBuf, Error> {
    let (name, found) = match engine {
        StoreEngine::Mongod => ("mongod", on_path("mongod")),
        StoreEngine::Secantus => {
            ("secantusd-rs", on_path("secantusd-rs").or_else(|| cached("secantus-mdb-", "bin/secantusd-rs")))
        }
    };
    found.ok_or(Error::MissingProgram { program: name.to_owned(), hint: INSTALL_HINT })
}

/// The broker's start script; the wrapper on PATH would change the user.
pub fn rabbitmq() -> Result<PathBuf, Error> {
    let script = PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server");
    is_program(&script)
        .then_some(script)
        .ok_or(Error::MissingProgram { program: "rabbitmq-server".to_owned(), hint: INSTALL_HINT })
}

/// A server that is on PATH.
pub fn server(name: &'static str) -> Result<PathBuf, Error> {
    on_path(name).ok_or(Error::MissingProgram { program: name.to_owned(), hint: INSTALL_HINT })
}

/// Our own programs that a platform is made of.
const OWN: [&str; 7] = [
    "katonic-metadata",
    "katonic-dispatcher",
    "katonic-log-streamer",
    "katonic-search-indexer",
    "katonic-api-gateway",
    "katonic-agent",
    "katonic-shim",
];

/// Every program that a platform needs and this machine lacks, and what helps.
pub fn missing() -> Vec<(String, &'static str)> {
    let servers =
        [store_engine().map(drop), rabbitmq().map(drop), server("redis-server").map(drop), server("epmd").map(drop)];
    let own = OWN.map(|name| own(name).map(drop));
    let errors = servers.into_iter().chain(own).filter_map(Result::err);
    errors
        .filter_map(|error| match error {
            Error::MissingProgram { program, hint } => Some((program, hint)),
            _ => None,
        })
        .collect()
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers in folders that a user's PATH may lack.
    env::split_paths(&path)
        .chain(["/usr/bin", "/usr/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| is_program(program))
}

/// The newest `<tools>/<prefix><version>/<program>`.
fn cached(prefix: &str, program: &str) -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    let folders = fs::read_dir(cache.join("katonic/tools")).ok()?;
    let mut found: Vec<PathBuf> = folders
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join(program))
        .filter(|path| is_program(path))
        .collect();
    found.sort();
    found.pop()
}

fn is_program(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// The environment that every part gets: nothing of the caller's shell but
/// what programs need, and keys that override a configuration.
pub fn environment() -> impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)> {
    const KEPT: [&str; 7] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "XDG_CACHE_HOME"];
    env::vars_os()
        .filter(|(name, _)| {
            let name = name.to_string_lossy();
            KEPT.contains(&name.as_ref()) || (name.starts_with("KATONIC_") && name.contains("__"))
        })
        .chain(iter::once(("LC_ALL".into(), "C.UTF-8".into())))
}
