//! Starts `git http-backend`, a CGI program, for one request.
//!
//! Must hold: its environment is made here from nothing; it and its children
//! are one process group, so that a request can be ended as a whole; no value
//! of the request reaches it unchecked, and none as an argument.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use http::{HeaderMap, HeaderName, header};
use katonic_domain::ProjectId;
use tokio::process::{Child, Command};

use super::{
    Error, GitSection,
    access::Granted,
    policy::{self, PRE_RECEIVE, PUSH_VARIABLE},
};

/// What a request asks of Git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    UploadPack,
    ReceivePack,
}

impl Service {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::UploadPack, Self::ReceivePack].into_iter().find(|service| service.name() == name)
    }
}

/// A request that may be served.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) project: ProjectId,
    pub(super) service: Service,
    /// Whether refs are asked for (GET) or the service itself (POST).
    pub(super) advertise: bool,
    pub(super) granted: Granted,
    pub(super) headers: HeaderMap,
}

/// How Git is run.
pub(super) struct Backend {
    program: PathBuf,
    path: OsString,
    hooks: PathBuf,
    section: GitSection,
}

impl Backend {
    /// Finds Git and writes the hook.
    pub(super) async fn prepare(section: &GitSection) -> Result<Self, Error> {
        let program = http_backend().await?;
        let hooks = section.repositories.join(".hooks");
        write_hook(&hooks).map_err(|source| Error::Folder { path: hooks.clone(), source })?;
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        // Git is told where its repositories are from wherever it starts.
        let hooks = fs::canonicalize(&hooks).map_err(|source| Error::Folder { path: hooks, source })?;
        let repositories = hooks.parent().unwrap_or(&hooks).to_owned();
        Ok(Self { program, path, hooks, section: GitSection { repositories, ..section.clone() } })
    }

    /// Starts the program with its three streams piped.
    pub(super) fn start(&self, call: &Call) -> Result<Child, Error> {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .envs(self.fixed())
            .envs(policy::environment(&self.section, &self.hooks, &call.granted.push))
            .env(PUSH_VARIABLE, call.granted.push.variable())
            .env("REMOTE_USER", &call.granted.subject)
            .envs(request(call)?)
            .current_dir(&self.section.repositories)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command.spawn().map_err(|source| Error::Process { step: "started", source })
    }

    fn fixed(&self) -> [(&'static str, OsString); 7] {
        [
            ("PATH", self.path.clone()),
            ("GIT_PROJECT_ROOT", self.section.repositories.clone().into()),
            ("GIT_HTTP_EXPORT_ALL", "1".into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
            ("REMOTE_ADDR", "gateway".into()),
            ("LC_ALL", "C".into()),
        ]
    }
}

/// The request as CGI says it, but for its length: with one, Git waits in a
/// busy loop for the rest of a body that was cut off. Without, it reads to the
/// end, and protocol and pack say themselves whether they are whole.
fn request(call: &Call) -> Result<Vec<(&'static str, String)>, Error> {
    let service = call.service.name();
    let repository = format!("/{}.git", call.project);
    let mut variables = if call.advertise {
        vec![
            ("REQUEST_METHOD", "GET".to_owned()),
            ("PATH_INFO", format!("{repository}/info/refs")),
            ("QUERY_STRING", format!("service={service}")),
        ]
    } else {
        vec![("REQUEST_METHOD", "POST".to_owned()), ("PATH_INFO", format!("{repository}/{service}"))]
    };
    for (name, variable) in [
        (header::CONTENT_TYPE, "CONTENT_TYPE"),
        (header::CONTENT_ENCODING, "HTTP_CONTENT_ENCODING"),
        (HeaderName::from_static("git-protocol"), "GIT_PROTOCOL"),
    ] {
        if let Some(value) = call.headers.get(name) {
            variables.push((variable, plain(value.as_bytes()).ok_or(Error::Header(variable))?));
        }
    }
    Ok(variables)
}

/// A short value of what occurs in these headers.
fn plain(value: &[u8]) -> Option<String> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_+./=:; ".contains(byte);
    (value.len() <= 128 && value.iter().all(allowed)).then(|| String::from_utf8_lossy(value).into_owned())
}

async fn http_backend() -> Result<PathBuf, Error> {
    let output = Command::new("git").arg("--exec-path").stdin(Stdio::null()).output().await;
    let output = output.map_err(|source| Error::Process { step: "found", source })?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let program = folder.join("git-http-backend");
    if !program.is_file() {
        let source = io::Error::new(io::ErrorKind::NotFound, "git-http-backend is not installed");
        return Err(Error::Process { step: "found", source });
    }
    Ok(program)
}

/// Written anew at each start, aside and renamed, so that no push runs half of it.
fn write_hook(hooks: &Path) -> io::Result<()> {
    fs::create_dir_all(hooks)?;
    let hook = hooks.join("pre-receive");
    let aside = hooks.join(format!(".pre-receive-{}", uuid::Uuid::now_v7()));
    fs::write(&aside, PRE_RECEIVE)?;
    fs::set_permissions(&aside, fs::Permissions::from_mode(0o755))?;
    fs::rename(aside, hook)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_are_short_and_plain() {
        for good in ["version=2", "application/x-git-upload-pack-request", "gzip", "12345", "version=2:x_y"] {
            assert!(plain(good.as_bytes()).is_some(), "{good:?}");
        }
        for bad in ["a\nb", "$(id)", "a`b", "x\0", "ü", &"x".repeat(129)] {
            assert!(plain(bad.as_bytes()).is_none(), "{bad:?}");
        }
    }
}
