//! Git over files that we do not trust, with repositories that nobody else sees.
//!
//! A [`Repository`] is a Git directory of our own in the cache. The user's
//! configuration, hooks, filters, attributes and `.git` have no say in it: the
//! environment is cleared of `GIT_*`, system and global configuration are off,
//! and `info/attributes`, which outranks every `.gitattributes`, turns all
//! conversions off, so that a blob has exactly the bytes of its file.
//!
//! A crash leaves at most loose objects and a stale `index.lock`; the latter is
//! removed by whoever next holds the repository's lock.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
};

use crate::{config::Endpoint, failure::Explain};

const CONFIG: &str = "\
[core]
\trepositoryformatversion = 0
\tbare = true
\tfileMode = true
\tsymlinks = true
\tignoreCase = false
\tautocrlf = false
\tsafecrlf = false
\tprecomposeUnicode = false
\tprotectNTFS = false
\tprotectHFS = false
\tfsmonitor = false
\thooksPath = /dev/null
\tlogAllRefUpdates = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[submodule]
\trecurse = false
[fetch]
\trecurseSubmodules = false
\tfsckObjects = true
[protocol]
\tallow = never
[protocol \"http\"]
\tallow = always
";

const ATTRIBUTES: &str = "* -text -eol -crlf -ident !filter !working-tree-encoding\n";

/// Why a Git command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The private repository cannot be made.
    #[error("cannot prepare {}", path.display())]
    Prepare {
        /// What cannot be written.
        path: PathBuf,
        #[source]
        /// Why.
        source: io::Error,
    },
    /// There is no `git`, or it cannot be started.
    #[error("cannot start git")]
    Start(#[source] io::Error),
    /// It said why it failed.
    #[error("git {step} failed: {message}")]
    Failed {
        /// The subcommand.
        step: String,
        /// What it said.
        message: String,
    },
}

impl Explain for Error {
    fn next_step(&self) -> String {
        match self {
            Self::Prepare { .. } => "free some space in the cache folder, or set XDG_CACHE_HOME",
            Self::Start(_) => "install git 2.32 or newer and put it on PATH",
            Self::Failed { .. } => "correct what git names and repeat the command",
        }
        .to_owned()
    }
}

/// A private Git directory.
#[derive(Debug, Clone)]
pub struct Repository {
    dir: PathBuf,
}

impl Repository {
    /// Opens the repository at `dir`, making it if need be. Making it twice at once is harmless.
    pub fn open(dir: PathBuf) -> Result<Self, Error> {
        for folder in ["objects", "refs", "info"] {
            let path = dir.join(folder);
            fs::create_dir_all(&path).map_err(|source| Error::Prepare { path, source })?;
        }
        for (name, content) in [("config", CONFIG), ("info/attributes", ATTRIBUTES), ("HEAD", "ref: refs/heads/none\n")]
        {
            let path = dir.join(name);
            put(&path, content).map_err(|source| Error::Prepare { path, source })?;
        }
        Ok(Self { dir })
    }

    /// The Git directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A `git` command in this repository.
    pub fn git<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Git {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"GIT_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("GIT_DIR", &self.dir)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "/bin/false")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Git { command, input: Vec::new() }
    }
}

/// A `git` command about to run.
pub struct Git {
    command: Command,
    input: Vec<u8>,
}

impl Git {
    /// With an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// In a working tree, with an index of its own.
    #[must_use]
    pub fn over(self, work_tree: &Path, index: &Path) -> Self {
        let mut git = self.env("GIT_WORK_TREE", work_tree).env("GIT_INDEX_FILE", index);
        git.command.current_dir(work_tree);
        git
    }

    /// With bytes on its stdin.
    #[must_use]
    pub fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = bytes;
        self
    }

    /// Allowed to call the gateway. The token travels in the environment,
    /// which other users cannot read, never in the arguments, which they can.
    #[must_use]
    pub fn with_access(self, endpoint: &Endpoint) -> Self {
        let mut settings = vec![(
            format!("http.{}/.extraHeader", endpoint.url()),
            format!("Authorization: {}", endpoint.token().bearer()),
        )];
        settings.push(("http.followRedirects".to_owned(), "false".to_owned()));
        if endpoint.is_loopback() {
            settings.push(("http.proxy".to_owned(), String::new()));
        }
        let mut git = self.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (n, (key, value)) in settings.into_iter().enumerate() {
            git = git.env(&format!("GIT_CONFIG_KEY_{n}"), key).env(&format!("GIT_CONFIG_VALUE_{n}"), value);
        }
        git
    }

    /// Runs it to its end and answers its stdout.
    pub fn run(self) -> Result<Vec<u8>, Error> {
        let (output, step) = self.output()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let message = if message.is_empty() { output.status.to_string() } else { message };
        Err(Error::Failed { step, message })
    }

    /// Runs it to its end and answers its stdout as text without the last line end.
    pub fn text(self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.run()?).trim_end().to_owned())
    }

    fn output(mut self) -> Result<(Output, String), Error> {
        let step = self.command.get_args().next().unwrap_or_default().to_string_lossy().into_owned();
        if !self.input.is_empty() {
            self.command.stdin(Stdio::piped());
        }
        let mut child = self.command.spawn().map_err(Error::Start)?;
        feed(&mut child, self.input);
        Ok((child.wait_with_output().map_err(Error::Start)?, step))
    }
}

/// Writes `input` to the child's stdin, from a thread of its own, so that
/// neither side waits for the other with a full pipe.
fn feed(child: &mut Child, input: Vec<u8>) {
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ends early says why on stderr; that the pipe broke adds nothing.
        thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
    }
}

/// Writes a small file so that nobody ever reads half of it; leaves one that is as wanted.
pub fn put(path: &Path, content: &str) -> io::Result<()> {
    if fs::read(path).is_ok_and(|present| present == content.as_bytes()) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let new = tempfile::NamedTempFile::new_in(folder)?;
    fs::write(new.path(), content)?;
    new.persist(path).map_err(|error| error.error)?;
    Ok(())
}
