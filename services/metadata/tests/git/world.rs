//! A Git role on a port, the keys of its callers, and clients.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use anyhow::{Context, bail};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use futures::{FutureExt, future::BoxFuture};
use katonic_domain::{
    CommitId, ExecutionId, MemberId, Name, ProjectId, Scope, SystemClock, Timestamp, TokenId, UserId,
};
use katonic_metadata::git::{
    Begun, Error, Git, GitSection, Overdue, Permissions, Ports, Pushes, Recorded, Repositories,
    files::{Files, Head, PushId, Seen},
};
use katonic_proto::metadata::v1::Decision;
use katonic_service::{
    auth::{AgentGrant, Audience, Minter, UserGrant, Verifier},
    config::KeysSection,
};
use katonic_store::StoreError;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Everything a test needs; ends with it.
pub struct World {
    pub git: Git,
    pub folder: TempDir,
    pub project: ProjectId,
    pub user: UserId,
    pub documents: Arc<Documents>,
    pub decisions: Arc<Decisions>,
    address: SocketAddr,
    keys: KeysSection,
}

/// The projects' side of pushes, with the rules of [`Files`] and without a database.
#[derive(Default)]
pub struct Documents(Mutex<HashMap<ProjectId, Files>>);

impl Documents {
    pub fn files(&self, project: &ProjectId) -> Files {
        self.0.lock().expect("no panic").get(project).cloned().unwrap_or_default()
    }
}

impl Pushes for Documents {
    fn begin(&self, project: ProjectId, push: PushId, now: Timestamp) -> BoxFuture<'_, Result<Begun, StoreError>> {
        self.0.lock().expect("no panic").entry(project).or_default().begin(push, now);
        async { Ok(Begun::Noted) }.boxed()
    }

    fn seen(&self, project: ProjectId) -> BoxFuture<'_, Result<Option<Seen>, StoreError>> {
        let seen = self.files(&project).seen();
        async move { Ok(Some(seen)) }.boxed()
    }

    fn record(
        &self,
        project: ProjectId,
        seen: Seen,
        pushes: Vec<PushId>,
        heads: Vec<Head>,
    ) -> BoxFuture<'_, Result<Recorded, StoreError>> {
        let mut all = self.0.lock().expect("no panic");
        let recorded = all.entry(project).or_default().record(seen, &pushes, &heads);
        async move { Ok(recorded.map_or(Recorded::Moved, |_| Recorded::Done)) }.boxed()
    }

    fn overdue(&self, before: Timestamp) -> BoxFuture<'_, Result<Vec<Overdue>, StoreError>> {
        let all = self.0.lock().expect("no panic");
        let overdue = all
            .iter()
            .map(|(project, files)| Overdue { project: *project, pushes: files.overdue(before) })
            .filter(|overdue| !overdue.pushes.is_empty())
            .collect();
        async move { Ok(overdue) }.boxed()
    }
}

/// What each action is decided as; allowed unless set.
#[derive(Default)]
pub struct Decisions(Mutex<HashMap<&'static str, Decision>>);

impl Decisions {
    pub fn set(&self, action: &'static str, decision: Decision) {
        self.0.lock().expect("no panic").insert(action, decision);
    }
}

impl Permissions for Decisions {
    fn check<'a>(
        &'a self,
        _user: &'a UserId,
        action: &'static str,
        _project: &'a ProjectId,
    ) -> BoxFuture<'a, Result<Decision, Error>> {
        let decision = self.0.lock().expect("no panic").get(action).copied().unwrap_or(Decision::Allowed);
        async move { Ok(decision) }.boxed()
    }
}

impl World {
    pub async fn new() -> anyhow::Result<Self> {
        Self::with(|_section| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut GitSection)) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let keys = keys(folder.path())?;
        let mut section = GitSection::new(folder.path().join("repositories"));
        change(&mut section);
        let documents = Arc::new(Documents::default());
        let decisions = Arc::new(Decisions::default());
        let ports = Ports {
            verifier: Verifier::load(&keys.dir)?,
            permissions: decisions.clone(),
            pushes: documents.clone(),
            clock: Arc::new(SystemClock),
        };
        let git = Git::build(section, ports).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = git.router();
        katonic_service::runtime::spawn("server", async move { axum::serve(listener, router).await });
        let (project, user) = (ProjectId::generate(), UserId::generate());
        Ok(Self { git, folder, project, user, documents, decisions, address, keys })
    }

    pub fn url(&self) -> String {
        format!("http://{}/git/{}.git", self.address, self.project)
    }

    pub fn repositories(&self) -> Repositories {
        Repositories::new(self.folder.path().join("repositories"))
    }

    pub fn repository(&self) -> PathBuf {
        self.repositories().path(&self.project)
    }

    /// The internal token of a user with every scope.
    pub fn user_token(&self) -> anyhow::Result<String> {
        self.token_with(&["*"], Audience::Git)
    }

    pub fn token_with(&self, scopes: &[&str], audience: Audience) -> anyhow::Result<String> {
        let scopes = scopes.iter().map(|scope| scope.parse::<Scope>()).collect::<Result<BTreeSet<_>, _>>()?;
        let grant = UserGrant { user: self.user, token: TokenId::generate(), admin: false, scopes, expires: None };
        let minter = Minter::load(&self.keys, &"api-gateway".parse::<Name>()?)?;
        Ok(minter.for_user(&grant, audience)?.token.expose().clone())
    }

    pub fn agent_token(&self, execution: ExecutionId, attempt: u32) -> anyhow::Result<String> {
        let member = MemberId { execution, attempt, role: "main".parse()?, index: 0 };
        let minter = Minter::load(&self.keys, &"dispatcher".parse::<Name>()?)?;
        Ok(minter.for_agent(&AgentGrant { member, project: self.project })?.token.expose().clone())
    }

    /// A new working folder with one commit on `main`.
    pub fn clone_with_commit(&self, name: &str) -> anyhow::Result<Clone> {
        let clone = Clone { folder: self.folder.path().join(name), url: self.url() };
        fs::create_dir(&clone.folder)?;
        clone.git(&["init", "--quiet", "--initial-branch=main"], "")?;
        clone.commit("first")?;
        Ok(clone)
    }

    /// Sends bytes as they are and reads the answer to its end.
    pub async fn raw(&self, request: &[u8]) -> anyhow::Result<String> {
        let mut stream = self.connect().await?;
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    pub async fn connect(&self) -> anyhow::Result<TcpStream> {
        Ok(TcpStream::connect(self.address).await?)
    }

    /// The status of a bodyless request whose target is sent as it is.
    pub async fn status(&self, method: &str, target: &str, token: &str) -> anyhow::Result<u16> {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        status_of(&self.raw(request.as_bytes()).await?)
    }
}

pub fn status_of(answer: &str) -> anyhow::Result<u16> {
    Ok(answer.split(' ').nth(1).context("no status line")?.parse()?)
}

/// A user's clone.
pub struct Clone {
    pub folder: PathBuf,
    url: String,
}

impl Clone {
    /// Runs git in the folder; its output, or what it said.
    pub fn git(&self, arguments: &[&str], token: &str) -> anyhow::Result<String> {
        let output = self.try_git(arguments, token)?;
        if !output.status.success() {
            bail!("git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    pub fn try_git(&self, arguments: &[&str], token: &str) -> anyhow::Result<Output> {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs([
                ("PATH", "/usr/bin:/bin"),
                ("GIT_CONFIG_NOSYSTEM", "1"),
                ("GIT_CONFIG_GLOBAL", "/dev/null"),
                ("GIT_TERMINAL_PROMPT", "0"),
                ("GIT_AUTHOR_NAME", "u"),
                ("GIT_AUTHOR_EMAIL", "u@x"),
                ("GIT_COMMITTER_NAME", "u"),
                ("GIT_COMMITTER_EMAIL", "u@x"),
                ("GIT_CONFIG_COUNT", "1"),
                ("GIT_CONFIG_KEY_0", "http.extraHeader"),
            ])
            .env("GIT_CONFIG_VALUE_0", format!("Authorization: Bearer {token}"))
            .stdin(Stdio::null())
            .output()?;
        Ok(output)
    }

    pub fn commit(&self, content: impl AsRef<[u8]>) -> anyhow::Result<CommitId> {
        fs::write(self.folder.join("file"), content)?;
        self.git(&["add", "-A"], "")?;
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "x"], "")?;
        Ok(self.git(&["rev-parse", "HEAD"], "")?.parse()?)
    }

    /// Pushes; what git said when it was refused.
    pub fn push(&self, refspec: &str, token: &str) -> anyhow::Result<Result<(), String>> {
        let output = self.try_git(&["push", "--quiet", &self.url, refspec], token)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(if output.status.success() { Ok(()) } else { Err(said) })
    }

    pub fn fetch(&self, what: &str, token: &str) -> anyhow::Result<CommitId> {
        self.git(&["fetch", "--quiet", "--no-tags", &self.url, what], token)?;
        Ok(self.git(&["rev-parse", "FETCH_HEAD"], "")?.parse()?)
    }
}

fn keys(folder: &Path) -> anyhow::Result<KeysSection> {
    let dir = folder.join("keys");
    fs::create_dir(&dir)?;
    let key = SigningKey::from_bytes(&[7; 32]);
    let signing_key = dir.join("test.key.pem");
    fs::write(&signing_key, key.to_pkcs8_pem(LineEnding::LF)?.as_bytes())?;
    fs::set_permissions(&signing_key, fs::Permissions::from_mode(0o600))?;
    fs::write(dir.join("test.pub.pem"), key.verifying_key().to_public_key_pem(LineEnding::LF)?)?;
    Ok(KeysSection { dir, signing_key })
}
