//! The pages about the API, in a real browser: they show what the installation
//! offers, and need nobody else.

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("the_api_page_shows_every_call_without_any_outside_request", the_api_page),
        shared("the_event_page_shows_every_event_without_any_outside_request", the_event_page),
    ]
}

async fn the_api_page(platform: Shared) -> Result<()> {
    let page = open(&platform, "/docs/api").await?;
    for route in katonic_proto::routes::routes() {
        // The page puts a break before each part of a path.
        let path = route.template.to_string();
        ensure!(page.contains(&format!("data-path=\"{path}\"")), "{path} is not shown");
    }
    Ok(())
}

async fn the_event_page(platform: Shared) -> Result<()> {
    let page = open(&platform, "/docs/events").await?;
    for event_type in katonic_proto::events::catalogue().iter().flat_map(|kind| kind.types()) {
        ensure!(page.contains(&event_type), "{event_type} is not shown");
    }
    Ok(())
}

/// The page as the browser has made it, which refused it nothing.
async fn open(platform: &Shared, path: &str) -> Result<String> {
    let profile = platform.scratch()?;
    let mut browser = Command::new("chromium");
    browser
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-extensions", "--no-first-run"])
        .args(["--virtual-time-budget=30000", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("{}{path}", platform.url()));
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || browser.output()).await?.context("chromium: run scripts/test")?;
    let said = String::from_utf8_lossy(&stderr);
    ensure!(status.success(), "{status}\n{said}");
    // What a policy or a missing file stops is said on the console.
    let refused: Vec<_> = said.lines().filter(|line| line.contains(":CONSOLE")).collect();
    ensure!(refused.is_empty(), "{refused:?}");
    Ok(String::from_utf8(stdout)?)
}
