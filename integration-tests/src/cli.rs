//! The CLI as a person calls it, in a folder.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Child, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::platform::Platform;

/// `katonic` in a folder.
pub struct Cli<'a> {
    platform: &'a Platform,
    folder: PathBuf,
}

impl<'a> Cli<'a> {
    pub(crate) fn new(platform: &'a Platform, folder: &Path) -> Self {
        Self { platform, folder: folder.to_owned() }
    }

    /// Runs it to its end, whatever that is.
    pub async fn output(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = self.platform.command("katonic");
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        let arguments: Vec<OsString> = command.get_args().map(ToOwned::to_owned).collect();
        tokio::task::spawn_blocking(move || command.output()).await?.with_context(|| format!("katonic {arguments:?}"))
    }

    /// Runs it; must exit with 0. What it wrote to stdout.
    pub async fn ok(&self, arguments: &[&str]) -> Result<String> {
        let output = self.output(arguments).await?;
        ensure!(
            output.status.success(),
            "katonic {arguments:?}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs it with `--output json`; must exit with 0.
    pub async fn json(&self, arguments: &[&str]) -> Result<Value> {
        let mut all = vec!["--output", "json"];
        all.extend(arguments);
        Ok(serde_json::from_str(&self.ok(&all).await?)?)
    }

    /// Starts it and leaves it running.
    pub fn spawn(&self, arguments: &[&str]) -> Result<Child> {
        let mut command = self.platform.command("katonic");
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        Ok(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
    }
}
