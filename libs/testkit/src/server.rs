//! A server process that ends with the test process, however that ends.
//!
//! A small shell script holds the server and reads a pipe from us: when we die
//! the kernel closes the pipe, the script kills the server by its pid and
//! removes its folder. Nothing is left behind by a killed test.

use std::{
    io::BufRead as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

/// Servers are ready within a second; this only ends a hopeless wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    keeper: Child,
    folder: PathBuf,
}

impl Server {
    /// Starts `program` with what `arguments` answers for its fresh data folder.
    pub fn start(
        name: &str,
        program: &Path,
        arguments: impl FnOnce(&Path) -> anyhow::Result<Vec<String>>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix(&format!("katonic-{name}-")).tempdir()?.keep();
        let arguments = arguments(&folder)?;
        let keeper = Command::new("sh")
            .arg("-c")
            .arg(include_str!("keeper.sh"))
            .arg("keeper.sh")
            .arg(&folder)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("sh")?;
        Ok(Self { keeper, folder })
    }

    /// The last lines that it wrote, for an error's text.
    pub fn log(&self) -> String {
        let Ok(file) = std::fs::File::open(self.folder.join("log")) else { return String::new() };
        let lines: Vec<String> = std::io::BufReader::new(file).lines().map_while(Result::ok).collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Waits until `probe` succeeds.
    pub async fn wait_until<V>(&self, mut probe: impl AsyncFnMut() -> anyhow::Result<V>) -> anyhow::Result<V> {
        let started = Instant::now();
        loop {
            match probe().await {
                Ok(value) => return Ok(value),
                Err(error) if started.elapsed() > PATIENCE => {
                    bail!("{} is not ready: {error:?}\n{}", self.folder.display(), self.log())
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("a server's keeper did not end: {error}");
        }
    }
}

/// Ports that are free at this moment, all different.
pub(crate) fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    // All held at once, so that they differ.
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}
