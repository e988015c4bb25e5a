//! What our own services hold in memory while nobody asks anything of them.

use std::fs;

use anyhow::{Context, Result};
use katonic_integration_tests::Platform;

use crate::figure::Figure;

/// Resident set size of every process of ours: the services, agent and supervisor, not the servers.
pub async fn resident_memory(platform: &Platform) -> Result<Figure> {
    // Let what the start has stirred up settle.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let home = platform.home().display().to_string();
    let mut total = 0.0;
    for process in fs::read_dir("/proc")?.flatten() {
        if is_ours(&process.path(), &home) {
            total += resident_mb(&process.path()).unwrap_or(0.0);
        }
    }
    Ok(Figure::new("services idle, RSS in all", "MB", Some(150.0), vec![total]))
}

fn is_ours(process: &std::path::Path, home: &str) -> bool {
    let command_line = fs::read(process.join("cmdline")).unwrap_or_default();
    let command_line = String::from_utf8_lossy(&command_line);
    let program = command_line.split('\0').next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    let environment = fs::read(process.join("environ")).unwrap_or_default();
    let of_this_home = command_line.contains(home) || String::from_utf8_lossy(&environment).contains(home);
    name.starts_with("katonic") && name != "katonic-bench" && of_this_home
}

fn resident_mb(process: &std::path::Path) -> Result<f64> {
    let status = fs::read_to_string(process.join("status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}
