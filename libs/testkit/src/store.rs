//! A real store for tests: one server a test process, a database a test.
//!
//! `KATONIC_TEST_MONGO_URI` names a server that is there already (a MongoDB
//! replica set in a cluster's pipeline); else SecantusDB is started, always
//! with `--sync-on-commit`, as the platform itself starts it.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, ensure};
use katonic_store::StoreConfig;
use mongodb::{Client, bson::doc};
use tokio::sync::OnceCell;

use crate::server::{Server, free_ports};

const BINARY: &str = ".cache/katonic/tools/secantus-mdb-0.5.3-beta.196/bin/secantusd-rs";

/// The store of this test process; started by whoever asks first.
///
/// # Errors
/// The server is not installed or does not start.
pub async fn store() -> anyhow::Result<&'static TestStore> {
    // Tests of one process have nothing else in common that could hold it.
    static SHARED: OnceCell<TestStore> = OnceCell::const_new();
    SHARED.get_or_try_init(TestStore::start).await
}

/// A running store.
#[derive(Debug)]
pub struct TestStore {
    uri: String,
    databases: AtomicU32,
    _server: Option<Server>,
}

impl TestStore {
    async fn start() -> anyhow::Result<Self> {
        let databases = AtomicU32::new(0);
        if let Ok(uri) = std::env::var("KATONIC_TEST_MONGO_URI") {
            return Ok(Self { uri, databases, _server: None });
        }
        let program = secantusd()?;
        let [port] = free_ports()?;
        let server = Server::start("store", &program, |folder| {
            let data = folder.join("data").display().to_string();
            let port = port.to_string();
            let arguments = ["--host", "127.0.0.1", "--port", &port, "--storage-path", &data];
            let sizes = ["--cache-size", "128M", "--log-file-max", "8MB", "--sync-on-commit"];
            Ok(arguments.into_iter().chain(sizes).map(str::to_owned).collect())
        })?;
        let uri = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
        server.wait_until(async || ping(&uri).await).await?;
        Ok(Self { uri, databases, _server: Some(server) })
    }

    /// A database of one's own, empty.
    pub fn database(&self) -> StoreConfig {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        StoreConfig::new(&self.uri, format!("test_{}_{number}", std::process::id()))
    }
}

async fn ping(uri: &str) -> anyhow::Result<()> {
    let uri = format!("{uri}&serverSelectionTimeoutMS=1000");
    Client::with_uri_str(uri).await?.database("admin").run_command(doc! {"ping": 1}).await?;
    Ok(())
}

fn secantusd() -> anyhow::Result<PathBuf> {
    let named = std::env::var_os("KATONIC_SECANTUSD").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(BINARY));
    let program = named.or_else(home).context("neither KATONIC_SECANTUSD nor HOME is set")?;
    ensure!(program.exists(), "{} is not there; scripts/test installs it", program.display());
    Ok(program)
}
