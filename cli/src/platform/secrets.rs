//! Passwords, the admin's token and the keys of one installation (DESIGN I1, I2, I4).
//!
//! Made once, each in a 0600 file of the 0700 data directory, and read again by
//! every later `up`. `passwords.json` is the supervisor's: a service's
//! configuration holds only that service's own.

use std::fs;

use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use katonic_domain::AccessToken;
use rand::distr::{Alphanumeric, SampleString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{error::Error, files, home::Home};

/// 32 characters out of 62 hold 190 bits.
const PASSWORD_LENGTH: usize = 32;

/// Content of `passwords.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passwords {
    /// The store's administrator, used only to make the services' users.
    pub store_admin: String,
    /// Users of the store, each of its own database.
    pub store: PerOwner,
    /// The broker's administrator, used only to apply topology.
    pub broker_admin: String,
    /// metadata's second login, for subscriptions only (DESIGN E4).
    pub broker_subscriptions: String,
    /// Users of the broker, each writing its own exchange and reading its own queues.
    pub broker: PerOwner,
    /// The supervisor's user of Redis, which can only say PING.
    pub redis_probe: String,
    /// log-streamer's user of Redis.
    pub redis_logs: String,
}

/// One password for each owner of data.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerOwner {
    /// metadata.
    pub metadata: String,
    /// dispatcher.
    pub dispatcher: String,
    /// log-streamer.
    pub logs: String,
    /// search-indexer; made for an installation that is older than it.
    #[serde(default = "password")]
    pub search: String,
}

/// All that is secret, and the name of the signing key.
pub struct Secrets {
    /// Passwords of the servers.
    pub passwords: Passwords,
    /// SHA-256 of the admin's token, in hexadecimal.
    pub admin_token_sha256: String,
    /// Name of the installation's key pair.
    pub key_id: String,
}

impl PerOwner {
    fn generate() -> Self {
        Self { metadata: password(), dispatcher: password(), logs: password(), search: password() }
    }
}

impl Passwords {
    fn generate() -> Self {
        Self {
            store_admin: password(),
            store: PerOwner::generate(),
            broker_admin: password(),
            broker_subscriptions: password(),
            broker: PerOwner::generate(),
            redis_probe: password(),
            redis_logs: password(),
        }
    }
}

impl Secrets {
    /// The secrets here; `None` where they are not all made yet.
    pub fn load(home: &Home) -> Result<Option<Self>, Error> {
        let passwords = files::read_json(&home.passwords_file())?;
        let token = files::read_text(&home.admin_token_file())?;
        let (Some(passwords), Some(token), Some(key_id)) = (passwords, token, known_key(home)?) else {
            return Ok(None);
        };
        Ok(Some(Self { passwords, admin_token_sha256: sha256_hex(token.trim().as_bytes()), key_id }))
    }

    /// The secrets here; what is missing is made. Called under the supervisor's lock only.
    pub fn load_or_create(home: &Home) -> Result<Self, Error> {
        make_blob_key(home)?;
        Ok(Self {
            passwords: passwords(home)?,
            admin_token_sha256: sha256_hex(admin_token(home)?.as_bytes()),
            key_id: signing_key(home)?,
        })
    }
}

fn passwords(home: &Home) -> Result<Passwords, Error> {
    // Written again also where they were known: one that came with a new part has just been made.
    let passwords = files::read_json(&home.passwords_file())?.unwrap_or_else(Passwords::generate);
    files::write_json(&home.passwords_file(), &passwords)?;
    Ok(passwords)
}

fn admin_token(home: &Home) -> Result<String, Error> {
    let path = home.admin_token_file();
    if let Some(text) = files::read_text(&path)? {
        return Ok(text.trim().to_owned());
    }
    let token = AccessToken::from_random(|| rand::random_range(0..62));
    files::write_private(&path, format!("{}\n", token.expose()).as_bytes())?;
    Ok(token.expose().to_owned())
}

/// The key that wraps the projects' data keys (DESIGN W6): 32 bytes in hexadecimal.
fn make_blob_key(home: &Home) -> Result<(), Error> {
    let path = home.blob_key_file();
    if path.exists() {
        return Ok(());
    }
    files::write_private(&path, format!("{}\n", hex::encode(rand::random::<[u8; 32]>())).as_bytes())
}

/// What the private file of a key pair is called after the pair's name.
const PRIVATE: &str = ".key.pem";

/// The name of the installation's key pair, if there is one.
fn known_key(home: &Home) -> Result<Option<String>, Error> {
    let folder = home.keys();
    if !folder.is_dir() {
        return Ok(None);
    }
    for entry in fs::read_dir(&folder).map_err(Error::file("read", &folder))? {
        let name = entry.map_err(Error::file("read", &folder))?.file_name();
        if let Some(key_id) = name.to_string_lossy().strip_suffix(PRIVATE) {
            return Ok(Some(key_id.to_owned()));
        }
    }
    Ok(None)
}

/// The name of the installation's key pair, which is made where there is none.
///
/// The private file is written last: a pair without it is made anew.
fn signing_key(home: &Home) -> Result<String, Error> {
    if let Some(known) = known_key(home)? {
        return Ok(known);
    }
    let folder = home.keys();
    let key = SigningKey::from_bytes(&rand::random());
    let key_id = sha256_hex(key.verifying_key().as_bytes())[..16].to_owned();
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF).map_err(|error| Error::Key(error.into()))?;
    let private = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| Error::Key(error.into()))?;
    files::write_private(&folder.join(format!("{key_id}.pub.pem")), public.as_bytes())?;
    files::write_private(&folder.join(format!("{key_id}{PRIVATE}")), private.as_bytes())?;
    Ok(key_id)
}

fn password() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH)
}

/// SHA-256 in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
