//! `katonic run -- true` in a warm folder, as a person waits for it.

use std::{fs, time::Instant};

use anyhow::Result;
use katonic_integration_tests::Platform;

use crate::figure::Figure;

/// 20 runs after 3 to warm up, in a folder of 20 files.
pub async fn run_true(platform: &Platform) -> Result<Figure> {
    let folder = platform.scratch()?;
    for n in 0..20 {
        fs::write(folder.path().join(format!("file-{n}.txt")), format!("content {n}\n").repeat(100))?;
    }
    let cli = platform.cli(folder.path());
    let mut samples = Vec::new();
    for n in 0..23 {
        let started = Instant::now();
        cli.ok(&["run", "--project", "bench", "--", "true"]).await?;
        if n >= 3 {
            samples.push(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(Figure::new("katonic run -- true, warm", "ms", Some(400.0), samples))
}
