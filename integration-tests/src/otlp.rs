//! A real OTLP receiver: rotel, a collector that writes what it receives to
//! its output. `scripts/test` installs it and names it in `KATONIC_TEST_OTLP_RECEIVER`.

use std::{
    env,
    fs::{self, File},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::wait;

/// A receiver that ends with this.
pub struct Receiver {
    process: Child,
    grpc: String,
    http: String,
    folder: TempDir,
}

/// A span as it was received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Span {
    /// The service that made it.
    pub service: String,
    /// What it is called.
    pub name: String,
    /// Its trace.
    pub trace: String,
    /// Its id.
    pub id: String,
    /// The span that it is part of; empty where there is none.
    pub parent: String,
}

impl Receiver {
    /// Starts one on free ports.
    pub async fn start() -> Result<Self> {
        let program = env::var("KATONIC_TEST_OTLP_RECEIVER")
            .context("KATONIC_TEST_OTLP_RECEIVER names no OTLP receiver: run scripts/test")?;
        let (grpc, http, folder) = (free_address()?, free_address()?, tempfile::tempdir()?);
        let process = Command::new(program)
            .args(["start", "--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed"])
            .args(["--otlp-grpc-endpoint", &grpc, "--otlp-http-endpoint", &http, "--log-format", "json"])
            .stdin(Stdio::null())
            .stdout(File::create(folder.path().join("output"))?)
            .stderr(Stdio::null())
            .spawn()?;
        let receiver = Self { process, grpc, http, folder };
        wait::until("the OTLP receiver listens", async || {
            Ok(tokio::net::TcpStream::connect(&receiver.grpc).await.ok().map(|_| ()))
        })
        .await?;
        Ok(receiver)
    }

    /// Where it takes OTLP over gRPC.
    pub fn grpc(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// Where it takes traces as OTLP over HTTP.
    pub fn http(&self) -> String {
        format!("http://{}/v1/traces", self.http)
    }

    /// Every span that it has received.
    pub fn spans(&self) -> Result<Vec<Span>> {
        Ok(read(&fs::read_to_string(self.output())?))
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("output")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Reads `Name : value` lines; a resource comes before its spans, a span's name after its ids.
fn read(output: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut span = Span::default();
    for line in output.lines() {
        if let Some(service) = line.trim().strip_prefix("-> service.name: Str(") {
            span.service = service.trim_end_matches(')').to_owned();
        }
        let Some((field, value)) = line.split_once(':') else { continue };
        let value = value.trim().to_owned();
        match field.trim() {
            "Trace ID" => span.trace = value,
            "Parent ID" => span.parent = value,
            "ID" => span.id = value,
            "Name" => {
                span.name = value;
                spans.push(span.clone());
            }
            _ => {}
        }
    }
    spans
}
