//! Every service has a README: what it owns and what breaks without it.

use std::fs;

use anyhow::{Result, ensure};

use crate::root;

/// Fails at the first service without a README.
pub fn check() -> Result<()> {
    for service in fs::read_dir(root().join("services"))? {
        let readme = service?.path().join("README.md");
        ensure!(readme.exists(), "{} is missing: say what the service owns (STYLE 2)", readme.display());
    }
    Ok(())
}
