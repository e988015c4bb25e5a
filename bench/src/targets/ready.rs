//! How long a service takes from its start to ready, its servers being up: a
//! second copy of each is started beside the first and ended again.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use katonic_integration_tests::Platform;

use crate::figure::Figure;

const SERVICES: [(&str, &str, &[&str]); 5] = [
    ("metadata", "katonic-metadata", &["--role", "api"]),
    ("git", "katonic-metadata", &["--role", "git"]),
    ("dispatcher", "katonic-dispatcher", &[]),
    ("log-streamer", "katonic-log-streamer", &[]),
    ("api-gateway", "katonic-api-gateway", &[]),
];

/// 20 starts of each service.
pub async fn of_each_service(platform: &Platform) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (part, _, _) in SERVICES {
        figures.push(of(platform, part, 20).await?);
    }
    Ok(figures)
}

/// So many starts of one service.
pub async fn of(platform: &Platform, wanted: &str, count: usize) -> Result<Figure> {
    let service = SERVICES.iter().find(|(part, _, _)| *part == wanted);
    let (part, program, arguments) = service.context("a service")?;
    let mut samples = Vec::new();
    for _ in 0..count {
        samples.push(start_once(platform, part, program, arguments).await?);
    }
    Ok(Figure::new(format!("{part} ready"), "ms", Some(300.0), samples))
}

async fn start_once(platform: &Platform, part: &str, program: &str, arguments: &[&str]) -> Result<f64> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command: Command = platform.command(program);
    command.args(arguments).arg("--config").arg(platform.home().join(format!("config/{part}.toml")));
    command.env("KATONIC_SERVICE__LISTEN", format!("127.0.0.1:{port}"));
    command.current_dir(platform.home()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.spawn()?;
    let ready = await_ready(port, started).await;
    end(&mut child)?;
    ready
}

async fn await_ready(port: u16, started: Instant) -> Result<f64> {
    let client = reqwest::Client::new();
    let url = format!("http://127.0.0.1:{port}/readyz");
    while started.elapsed() < Duration::from_secs(30) {
        if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(started.elapsed().as_secs_f64() * 1e3);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    bail!("no answer at {url} within 30 s")
}

fn end(child: &mut Child) -> Result<()> {
    child.kill()?;
    child.wait()?;
    Ok(())
}
