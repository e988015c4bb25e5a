//! `katonic events follow` at work, its output in a file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Child,
};

use anyhow::Result;
use serde_json::Value;

use crate::{platform::Platform, rest::text};

/// A follower of a project's events from the first one, which goes on over restarts.
pub struct Following {
    child: Child,
    output: PathBuf,
}

impl Following {
    /// Begins; what it prints is in the folder.
    pub fn start(platform: &Platform, folder: &Path, project: &str) -> Result<Self> {
        let output = folder.join("events");
        let mut command = platform.command("katonic");
        command.args(["--output", "json", "events", "follow", "--from", "start", "--project", project]);
        command.stdout(File::create(&output)?).stderr(File::create(folder.join("errors"))?);
        Ok(Self { child: command.current_dir(folder).spawn()?, output })
    }

    /// The CloudEvents so far, in the order in which they came.
    pub fn events(&self) -> Result<Vec<Value>> {
        let mut events = Vec::new();
        for line in BufReader::new(File::open(&self.output)?).lines() {
            // The last line may still be on its way.
            let Ok(mut answer) = serde_json::from_str::<Value>(&line?) else { break };
            events.push(answer["event"].take());
        }
        Ok(events)
    }

    /// The executions whose last fact came.
    pub fn finished(&self) -> Result<BTreeSet<String>> {
        let events = self.events()?;
        let last = events.iter().filter(|event| event["type"] == "io.katonic.execution.finished.v1");
        last.map(|event| text(event, "subject")).collect()
    }

    /// Sequences so far by aggregate, in the order in which they came.
    pub fn sequences(&self) -> Result<BTreeMap<String, Vec<u64>>> {
        let mut seen: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for event in self.events()? {
            seen.entry(text(&event, "subject")?).or_default().push(text(&event, "sequence")?.parse()?);
        }
        Ok(seen)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("the follower did not end: {error}");
        }
    }
}
