//! A gateway with its owners, and tokens that a test may take away.

use std::{
    collections::HashMap,
    error::Error,
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use katonic_api_gateway::{
    app::App,
    config::{Config, LimitsSection, PagesSection},
};
use katonic_domain::{TokenId, UserId, token::AccessToken};
use katonic_proto::{
    logs::v1::{ingest_service_server::IngestServiceServer, log_service_server::LogServiceServer},
    metadata::v1::{access_service_server::AccessServiceServer, project_service_server::ProjectServiceServer},
};
use katonic_service::{
    Shutdown,
    auth::{self, Audience, Minter, Verifier},
    config::{KeysSection, LogSection, PeersSection, ServiceSection, TelemetrySection},
    rpc::Server,
    runtime::spawn,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::owners::{Access, Git, Ingest, Logs, Projects};

/// How it stands with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Good(UserId, TokenId),
    Revoked,
    Expired,
}

/// Every token that was ever given out.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Arc<Mutex<HashMap<String, Standing>>>);

impl Tokens {
    pub fn set(&self, secret: &str, standing: Standing) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned(), standing);
    }

    pub fn get(&self, secret: &str) -> Option<Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(secret).copied()
    }
}

/// Everything that runs for one test.
pub struct World {
    pub address: SocketAddr,
    pub tokens: Tokens,
    pub http: reqwest::Client,
    shutdown: Shutdown,
    owners: Shutdown,
    gateway: JoinHandle<()>,
    keys: KeysSection,
    _dir: TempDir,
}

impl World {
    pub async fn start() -> Result<Self, Box<dyn Error>> {
        Self::start_with(LimitsSection::default()).await
    }

    pub async fn start_with(limits: LimitsSection) -> Result<Self, Box<dyn Error>> {
        let dir = TempDir::new()?;
        let (keys, tokens, owners) = (write_keys(&dir)?, Tokens::default(), Shutdown::new());
        let metadata = Server::bind("metadata", any_port())
            .await?
            .add_service(AccessServiceServer::new(Access(tokens.clone())))
            .add_service(ProjectServiceServer::new(Projects));
        let logs = Server::bind("logs", any_port())
            .await?
            .add_service(LogServiceServer::new(Logs))
            .add_service(IngestServiceServer::new(Ingest));
        let git = Server::bind("git", any_port()).await?.http(Git(Verifier::load(&keys.dir)?).router());
        let [metadata, logs, git] = [
            run(metadata, Audience::Metadata, &keys, &owners)?,
            run(logs, Audience::Logs, &keys, &owners)?,
            run(git, Audience::Git, &keys, &owners)?,
        ];
        let peers = PeersSection {
            metadata: Some(metadata),
            dispatcher: Some(logs.clone()),
            search: Some(logs.clone()),
            logs: Some(logs),
            git: Some(git),
            ..PeersSection::default()
        };
        let service = ServiceSection { listen: any_port() };
        let pages = PagesSection { dir: Some(write_pages(&dir)?) };
        let (log, telemetry) = (LogSection::default(), TelemetrySection::default());
        let config = Config { service, keys: keys.clone(), peers, log, telemetry, pages, limits };
        let app = App::bind(&config, None).await?;
        let (address, shutdown) = (app.address()?, Shutdown::new());
        let gateway = spawn("gateway", app.run(shutdown.clone()));
        let http = reqwest::Client::new();
        Ok(Self { address, tokens, http, shutdown, owners, gateway, keys, _dir: dir })
    }

    /// A new token that is good.
    pub fn token(&self) -> String {
        let secret = well_formed();
        self.tokens.set(&secret, Standing::Good(UserId::generate(), TokenId::generate()));
        secret
    }

    pub fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn minter(&self, service: &str) -> Result<Minter, Box<dyn Error>> {
        Ok(Minter::load(&self.keys, &service.parse()?)?)
    }

    /// The owners go away, the gateway stays.
    pub fn stop_owners(&self) {
        self.owners.cancel();
    }

    /// Asks the gateway to end.
    pub fn drain(&self) {
        self.shutdown.cancel();
    }

    /// Ends everything; the gateway must end by itself.
    pub async fn finish(self) -> Result<(), Box<dyn Error>> {
        drop(self.http);
        self.shutdown.cancel();
        self.gateway.await?;
        self.owners.cancel();
        Ok(())
    }
}

/// A token of the right form that nobody has given out.
pub fn well_formed() -> String {
    let random = UserId::generate().suffix().into_bytes();
    let mut digits = random.into_iter().cycle();
    AccessToken::from_random(|| digits.next().unwrap_or_default() % 62).expose().to_owned()
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn run(server: Server, audience: Audience, keys: &KeysSection, owners: &Shutdown) -> Result<String, Box<dyn Error>> {
    let uri = format!("http://{}", server.address()?);
    let layer = auth::Layer::new(Verifier::load(&keys.dir)?, audience);
    spawn("owner", server.serve(layer, owners.clone()));
    Ok(uri)
}

/// As `web/docs` lays them out.
fn write_pages(dir: &TempDir) -> Result<PathBuf, Box<dyn Error>> {
    let pages = dir.path().join("pages");
    fs::create_dir_all(pages.join("api"))?;
    fs::create_dir_all(pages.join("assets/1f"))?;
    for file in ["index.html", "api/index.html", "assets/1f/api.js"] {
        fs::write(pages.join(file), file)?;
        fs::write(pages.join(format!("{file}.br")), format!("{file}.br"))?;
        fs::write(pages.join(format!("{file}.gz")), format!("{file}.gz"))?;
    }
    Ok(pages)
}

fn write_keys(dir: &TempDir) -> Result<KeysSection, Box<dyn Error>> {
    let key = SigningKey::from_bytes(&[7; 32]);
    let signing_key = dir.path().join("main.key.pem");
    fs::write(&signing_key, key.to_pkcs8_pem(LineEnding::LF)?.as_bytes())?;
    fs::set_permissions(&signing_key, fs::Permissions::from_mode(0o600))?;
    fs::write(dir.path().join("main.pub.pem"), key.verifying_key().to_public_key_pem(LineEnding::LF)?)?;
    Ok(KeysSection { dir: dir.path().to_owned(), signing_key })
}
