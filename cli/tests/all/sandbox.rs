//! A place in which `katonic` sees nothing of this machine's user: an own home,
//! an own data directory and an own folder, below one that all users may enter.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The folders of a person, removed at the end.
pub struct Sandbox {
    root: TempDir,
}

/// What the doctor said.
pub struct Diagnosis {
    /// Its exit code.
    pub code: Option<i32>,
    document: Value,
}

impl Sandbox {
    pub fn new() -> Self {
        Self::within(Path::new("/var/tmp"))
    }

    /// A sandbox in a folder of one's choice, such as one on another file system.
    pub fn within(folder: &Path) -> Self {
        let root = tempfile::Builder::new().prefix("katonic-cli-").tempdir_in(folder).expect("a folder");
        let sandbox = Self { root };
        set_mode(sandbox.root.path(), 0o755);
        for path in [sandbox.home(), sandbox.folder()] {
            fs::create_dir(&path).expect("made");
            set_mode(&path, 0o755);
        }
        fs::write(sandbox.folder().join("train.py"), "print('hello')\n").expect("written");
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// HOME.
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// The data directory, which is not there at first.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The folder with code that one stands in.
    pub fn folder(&self) -> PathBuf {
        self.path("project")
    }

    /// A file below the sandbox with a content and permission bits.
    pub fn file(&self, name: &str, content: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, content).expect("written");
        set_mode(&path, mode);
        path
    }

    /// `katonic` with arguments, in the folder.
    pub fn katonic(&self, arguments: &[&str]) -> Command {
        self.wrapped(Command::new(env!("CARGO_BIN_EXE_katonic")), arguments)
    }

    /// `katonic` with arguments, run by a program that takes both after its own arguments.
    pub fn through(&self, wrapper: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new(wrapper[0]);
        command.args(&wrapper[1..]).arg(env!("CARGO_BIN_EXE_katonic"));
        self.wrapped(command, arguments)
    }

    /// Another program, which sees what `katonic` would.
    pub fn program(&self, name: &str, arguments: &[&str]) -> Command {
        self.wrapped(Command::new(name), arguments)
    }

    fn wrapped(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", self.home())
            .env("LANG", "C.UTF-8")
            .env("KATONIC_HOME", self.data())
            .current_dir(self.folder())
            .stdin(Stdio::null());
        command
    }

    /// What the doctor says here.
    pub fn doctor(&self) -> Diagnosis {
        Diagnosis::of(self.katonic(&["doctor", "--output", "json"]))
    }
}

impl Diagnosis {
    /// Runs a command that is a doctor which answers JSON.
    pub fn of(mut doctor: Command) -> Self {
        let output = doctor.output().expect("started");
        let document = serde_json::from_slice(&output.stdout);
        Self { code: output.status.code(), document: document.unwrap_or_else(|_| unreadable(&output)) }
    }

    /// The fact and the next step of each finding with this code.
    pub fn all(&self, code: &str) -> Vec<(String, String)> {
        let findings = self.document["findings"].as_array().into_iter().flatten();
        let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        findings.filter(|f| f["code"] == code).map(|f| (text(f, "fact"), text(f, "next"))).collect()
    }

    /// Asserts that this was found, once, with these words in its fact; answers the next step.
    #[track_caller]
    pub fn finds(&self, code: &str, words: &str) -> String {
        let found = self.all(code);
        assert!(found.len() == 1 && found[0].0.contains(words), "{code} with `{words}` in {:#}", self.document);
        found[0].1.clone()
    }

    /// Asserts that this was not found.
    #[track_caller]
    pub fn lacks(&self, code: &str) {
        assert!(self.all(code).is_empty(), "{code} in {:#}", self.document);
    }
}

fn unreadable(output: &Output) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    serde_json::json!({ "stdout": text(&output.stdout), "stderr": text(&output.stderr) })
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("own file");
}
