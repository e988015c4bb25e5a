//! Keys: the installation's, which lies in a file, and the projects', which it wraps.
//!
//! Neither is ever printed. A wrapped key names its project in the associated
//! data, so that a row cannot be moved to another project. A crash while the
//! key file is made leaves either the whole file or none.

use std::{
    fmt, fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305,
    aead::{Aead as _, Payload},
};
use katonic_domain::ProjectId;
use serde::{Deserialize, Serialize};

use crate::error::Error;

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;

/// Which data key: 8 random bytes, in front of every blob that it sealed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(pub(crate) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for KeyId {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, hex::FromHexError> {
        let mut id = [0; 8];
        hex::decode_to_slice(text, &mut id)?;
        Ok(Self(id))
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

/// A project's data key as it may be kept: encrypted by the installation's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// Which data key.
    pub id: KeyId,
    /// Nonce and ciphertext, as hexadecimal digits.
    pub wrapped: String,
}

/// A project's data key, ready for use.
#[derive(Clone)]
pub(crate) struct DataKey {
    pub(crate) id: KeyId,
    pub(crate) cipher: XChaCha20Poly1305,
}

/// The key that wraps all data keys of an installation.
pub struct InstallationKey(XChaCha20Poly1305);

impl fmt::Debug for InstallationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationKey(…)")
    }
}

impl InstallationKey {
    /// Reads the key from a file of mode 0600 that holds 64 hexadecimal digits.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|e| key_file(path, "it cannot be read", Some(e)))?;
        let mode = fs::metadata(path).map_err(|e| key_file(path, "it cannot be read", Some(e)))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(key_file(path, "others than its owner may open it: its mode must be 0600", None));
        }
        let mut key = [0; KEY_LEN];
        hex::decode_to_slice(text.trim_end(), &mut key)
            .map_err(|_| key_file(path, "it does not hold 64 hexadecimal digits", None))?;
        Ok(Self(XChaCha20Poly1305::new(&key.into())))
    }

    /// Reads the key, after making it where there is none. Of two callers at
    /// once one makes it and both read that one.
    pub fn load_or_create(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            create(path)?;
        }
        Self::load(path)
    }

    /// A new data key of a project, and the form in which it may be kept.
    pub(crate) fn new_data_key(&self, project: ProjectId) -> Result<(DataKey, WrappedKey), Error> {
        let id = KeyId(random()?);
        let key: [u8; KEY_LEN] = random()?;
        let nonce: [u8; NONCE_LEN] = random()?;
        let aad = associated_data(project, id);
        let sealed = self.0.encrypt(&nonce.into(), Payload { msg: &key, aad: &aad }).map_err(|_| Error::Seal)?;
        let wrapped = WrappedKey { id, wrapped: hex::encode([nonce.as_slice(), &sealed].concat()) };
        Ok((DataKey { id, cipher: XChaCha20Poly1305::new(&key.into()) }, wrapped))
    }

    /// The data key that was kept for a project.
    pub(crate) fn unwrap(&self, project: ProjectId, kept: &WrappedKey) -> Result<DataKey, Error> {
        let refused = || Error::Unwrap(kept.id);
        let bytes = hex::decode(&kept.wrapped).map_err(|_| refused())?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(refused)?;
        let aad = associated_data(project, kept.id);
        let key = self.0.decrypt(nonce.into(), Payload { msg: sealed, aad: &aad }).map_err(|_| refused())?;
        let cipher = XChaCha20Poly1305::new_from_slice(&key).map_err(|_| refused())?;
        Ok(DataKey { id: kept.id, cipher })
    }
}

fn associated_data(project: ProjectId, id: KeyId) -> Vec<u8> {
    format!("katonic data key 1 {project} {id}").into_bytes()
}

fn create(path: &Path) -> Result<(), Error> {
    let key: [u8; KEY_LEN] = random()?;
    let publish = || -> io::Result<()> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        // A temporary file has mode 0600 from its first moment.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(file, "{}", hex::encode(key))?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => fs::File::open(folder)?.sync_all(),
            Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(failed) => Err(failed.error),
        }
    };
    publish().map_err(|e| key_file(path, "it cannot be made", Some(e)))
}

fn key_file(path: &Path, problem: &'static str, source: Option<io::Error>) -> Error {
    Error::KeyFile { path: path.display().to_string(), problem, source }
}

/// Bytes from the machine's random source.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> (tempfile::TempDir, InstallationKey) {
        let dir = tempfile::tempdir().expect("a folder");
        let key = InstallationKey::load_or_create(&dir.path().join("key")).expect("a key");
        (dir, key)
    }

    #[test]
    fn a_data_key_unwraps_only_for_its_project_and_installation() {
        let (_dir, installation) = key();
        let (_other_dir, stranger) = key();
        let project = ProjectId::generate();
        let (_, kept) = installation.new_data_key(project).expect("a data key");
        assert!(installation.unwrap(project, &kept).is_ok());
        assert!(installation.unwrap(ProjectId::generate(), &kept).is_err());
        assert!(stranger.unwrap(project, &kept).is_err());
    }

    #[test]
    fn the_key_file_is_made_once_and_private() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("key");
        let project = ProjectId::generate();
        let first = InstallationKey::load_or_create(&path).expect("made");
        let (_, kept) = first.new_data_key(project).expect("a data key");
        let second = InstallationKey::load_or_create(&path).expect("read");
        assert!(second.unwrap(project, &kept).is_ok());
        assert_eq!(fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_file_that_others_may_open_is_refused() {
        let (dir, _key) = key();
        let path = dir.path().join("key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
        assert!(matches!(InstallationKey::load(&path), Err(Error::KeyFile { .. })));
    }
}
