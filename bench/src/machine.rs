//! What was measured on, and how busy it was with other things.

use std::{fs, path::Path, thread};

use anyhow::Result;
use serde::Serialize;

use crate::fsync;

/// The machine, as figures are to be read beside it.
#[derive(Debug, Serialize)]
pub struct Machine {
    cpu: String,
    cpus: usize,
    memory_mb: u64,
    kernel: String,
    /// Of the minute before the run: what others did.
    load_average: String,
    /// Median of what the disk takes to acknowledge 4 KiB.
    fsync_ms: f64,
}

impl Machine {
    /// This one; the disk is the one of a folder.
    pub fn here(folder: &Path) -> Result<Self> {
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            cpu: field("/proc/cpuinfo", "model name")?,
            cpus: thread::available_parallelism()?.get(),
            memory_mb: field("/proc/meminfo", "MemTotal")?.trim_end_matches(" kB").parse::<u64>()? / 1000,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            load_average: load.split(' ').next().unwrap_or_default().to_owned(),
            fsync_ms: fsync::of_4_kib(folder)?.median(),
        })
    }
}

fn field(file: &str, name: &str) -> Result<String> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    Ok(line.split_once(':').map_or_else(String::new, |(_, value)| value.trim().to_owned()))
}
