//! What a member is to run: written by the backend, read by shim and agent.
//!
//! It holds no secret and never changes. The environment that user code sees is
//! made here and nowhere else, so that no token can slip into it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Variables that user code could not find its way without, and the trace that it belongs to.
const RESERVED: [&str; 4] = ["HOME", "PATH", "TMPDIR", "TRACEPARENT"];
const RESERVED_PREFIX: &str = "KATONIC_";

/// What to run, as whom, where and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// `<execution>/<attempt>/<role>/<index>`.
    pub member_id: String,
    /// `exe_` TypeID.
    pub execution_id: String,
    /// `prj_` TypeID.
    pub project_id: String,
    /// Which try, from 1.
    pub attempt: u32,
    /// Program and arguments, never passed through a shell.
    pub command: Vec<String>,
    /// Further environment; what is [reserved](is_reserved) it cannot replace.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// The command's PATH, less what its user cannot reach.
    pub path: String,
    /// The attempt's own folder under the work root: made by the agent before
    /// `go`, removed by it at the end.
    pub folder: PathBuf,
    /// Whose rights the command has; none means those of the shim.
    #[serde(default)]
    pub run_as: Option<RunAs>,
    /// How long user code may run, from `go`.
    pub timeout: Duration,
    /// How long it has between TERM and KILL.
    pub grace: Duration,
    /// Limits of each of its processes.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// How many bytes of log may wait on this machine; none means 1 GiB or 5 %
    /// of the free disk, whichever is less.
    #[serde(default)]
    pub spool_limit_bytes: Option<u64>,
    /// W3C trace context of the launch, where there is one.
    #[serde(default)]
    pub traceparent: Option<String>,
}

/// A user that belongs to one attempt, so that everything it runs can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunAs {
    /// Never 0, and of no other attempt that may still hold processes.
    pub uid: u32,
    /// Its group; it has no other.
    pub gid: u32,
}

/// A limit that the kernel enforces on each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// What is limited.
    pub resource: Resource,
    /// Soft and hard limit alike.
    pub value: u64,
}

/// What [`Limit`] can limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Bytes of address space.
    AddressSpace,
    /// Bytes of a core dump.
    CoreBytes,
    /// Bytes of any one file.
    FileBytes,
    /// Open files.
    OpenFiles,
    /// Processes and threads of the user.
    Processes,
}

impl Launch {
    /// Where the command starts and the input files are; also its HOME.
    pub fn work_folder(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Where user code may write its metrics.
    pub fn metrics_file(&self) -> PathBuf {
        self.folder.join("metrics.json")
    }

    /// The command's TMPDIR.
    pub fn temporary_folder(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    /// All that the command finds in its environment: defaults, over them the launch's own variables, over these what
    /// is reserved.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let named = |(name, value): (&str, String)| (name.to_owned(), value);
        let defaults = [
            ("LANG", "C.UTF-8".to_owned()),
            // Lines appear as they are printed, not when 8 KiB are full.
            ("PYTHONUNBUFFERED", "1".to_owned()),
            // Compiled modules are no result.
            ("PYTHONPYCACHEPREFIX", text(&self.folder.join("pycache"))),
        ];
        let reserved = [
            ("HOME", text(&self.work_folder())),
            ("PATH", self.path.clone()),
            ("TMPDIR", text(&self.temporary_folder())),
            ("KATONIC_EXECUTION_ID", self.execution_id.clone()),
            ("KATONIC_PROJECT_ID", self.project_id.clone()),
            ("KATONIC_ATTEMPT", self.attempt.to_string()),
            ("KATONIC_METRICS", text(&self.metrics_file())),
        ];
        let traceparent = self.traceparent.iter().map(|parent| ("TRACEPARENT", parent.clone()));
        let mut environment: BTreeMap<String, String> = defaults.into_iter().map(named).collect();
        environment.extend(self.variables.clone());
        environment.extend(reserved.into_iter().chain(traceparent).map(named));
        environment
    }
}

/// Whether a variable is the platform's to set and nobody else's.
pub fn is_reserved(variable: &str) -> bool {
    RESERVED.contains(&variable) || variable.starts_with(RESERVED_PREFIX)
}

#[cfg(test)]
pub(crate) fn example() -> Launch {
    Launch {
        member_id: "exe_01h455vb4pex5vsknk084sn02q/1/main/0".into(),
        execution_id: "exe_01h455vb4pex5vsknk084sn02q".into(),
        project_id: "prj_01h455vb4pex5vsknk084sn02q".into(),
        attempt: 1,
        command: vec!["true".into()],
        variables: BTreeMap::from([("HOME".into(), "/root".into()), ("SEED".into(), "7".into())]),
        path: "/usr/bin:/bin".into(),
        folder: "/srv/work/exe-1".into(),
        run_as: Some(RunAs { uid: 200_001, gid: 200_001 }),
        timeout: Duration::from_secs(60),
        grace: Duration::from_secs(30),
        limits: vec![Limit { resource: Resource::CoreBytes, value: 0 }],
        spool_limit_bytes: None,
        traceparent: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launch_survives_its_file() {
        let text = serde_json::to_string(&example()).expect("JSON");
        assert_eq!(serde_json::from_str::<Launch>(&text).expect("a launch"), example());
    }

    #[test]
    fn variables_add_to_the_environment() {
        let environment = example().environment();
        assert_eq!(environment.get("HOME").map(String::as_str), Some("/srv/work/exe-1/work"));
        assert_eq!(environment.get("SEED").map(String::as_str), Some("7"));
        assert_eq!(environment.get("TRACEPARENT"), None);
    }

    #[test]
    fn variables_replace_all_but_what_is_reserved() {
        let launch = Launch { traceparent: Some("00-1-2-01".into()), ..example() };
        let every: BTreeMap<String, String> =
            launch.environment().into_keys().map(|name| (name, "replaced".into())).collect();
        let environment = Launch { variables: every, ..launch }.environment();
        let replaced = environment.iter().filter(|(_, value)| *value == "replaced").map(|(name, _)| name.as_str());
        assert_eq!(replaced.collect::<Vec<_>>(), ["LANG", "PYTHONPYCACHEPREFIX", "PYTHONUNBUFFERED", "SEED"]);
        for (name, value) in &environment {
            assert_eq!(is_reserved(name), value != "replaced", "{name}");
        }
    }
}
