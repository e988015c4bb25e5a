//! The public keys of the installation by `kid`, from a folder that is
//! re-read when it changes, so that a key is added or withdrawn without a
//! restart.
//!
//! A `kid` is only ever looked up in what was read: it never becomes a path.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use jsonwebtoken::DecodingKey;

use super::KeyError;

const SUFFIX: &str = ".pub.pem";
/// How stale the view of the folder may be: a withdrawn key is refused after this.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Fingerprint = Vec<(OsString, Option<SystemTime>, u64)>;

#[derive(Debug)]
pub(super) struct Keys {
    dir: PathBuf,
    state: Mutex<State>,
}

struct State {
    keys: HashMap<String, Arc<DecodingKey>>,
    fingerprint: Fingerprint,
    looked: Instant,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("kids", &self.keys.keys()).finish_non_exhaustive()
    }
}

impl Keys {
    pub(super) fn load(dir: &Path) -> Result<Self, KeyError> {
        let fingerprint = fingerprint(dir)?;
        let keys = read_all(dir, &fingerprint)?;
        if keys.is_empty() {
            return Err(KeyError::Empty(dir.to_owned()));
        }
        let state = State { keys, fingerprint, looked: Instant::now() };
        Ok(Self { dir: dir.to_owned(), state: Mutex::new(state) })
    }

    /// The key of that id, if the folder holds it.
    pub(super) fn get(&self, kid: &str) -> Option<Arc<DecodingKey>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK_EVERY {
            state.looked = Instant::now();
            self.refresh(&mut state);
        }
        state.keys.get(kid).cloned()
    }

    /// Keeps the keys that it has where the folder cannot be read just now.
    fn refresh(&self, state: &mut State) {
        let found = match fingerprint(&self.dir) {
            Ok(found) if found == state.fingerprint => return,
            Ok(found) => found,
            Err(error) => return tracing::error!(%error, "the folder of public keys cannot be read"),
        };
        match read_all(&self.dir, &found) {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "public keys were read again");
                state.keys = keys;
                state.fingerprint = found;
            }
            Err(error) => tracing::error!(%error, "a public key cannot be read"),
        }
    }
}

fn fingerprint(dir: &Path) -> Result<Fingerprint, KeyError> {
    let failed = |source| KeyError::Read { path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if kid_of(&entry.file_name()).is_some() {
            let metadata = entry.metadata().map_err(failed)?;
            files.push((entry.file_name(), metadata.modified().ok(), metadata.len()));
        }
    }
    files.sort();
    Ok(files)
}

fn read_all(dir: &Path, files: &Fingerprint) -> Result<HashMap<String, Arc<DecodingKey>>, KeyError> {
    let mut keys = HashMap::new();
    for (name, ..) in files {
        let path = dir.join(name);
        let pem = fs::read(&path).map_err(|source| KeyError::Read { path: path.clone(), source })?;
        let key = DecodingKey::from_ed_pem(&pem).map_err(|source| KeyError::Pem { path, source })?;
        if let Some(kid) = kid_of(name) {
            keys.insert(kid, Arc::new(key));
        }
    }
    Ok(keys)
}

fn kid_of(name: &std::ffi::OsStr) -> Option<String> {
    name.to_str()?.strip_suffix(SUFFIX).filter(|kid| !kid.is_empty()).map(str::to_owned)
}
