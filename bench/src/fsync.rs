//! What the disk takes to acknowledge 4 KiB: beside it durable figures are read.

use std::{fs::File, io::Write, path::Path, time::Instant};

use anyhow::Result;

use crate::figure::Figure;

/// Appends 4 KiB and syncs, 20 times, where the data lies.
pub fn of_4_kib(folder: &Path) -> Result<Figure> {
    let path = folder.join("fsync-probe");
    let mut file = File::create(&path)?;
    let mut samples = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_all()?;
        samples.push(started.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path)?;
    Ok(Figure::new("fsync of 4 KiB", "ms", None, samples))
}
