//! What the flags and the environment say.

use std::{collections::BTreeMap, env, fs, os::unix::fs::MetadataExt, path::PathBuf};

use crate::{args::Global, cache};

/// What the caller has given us.
pub struct Given {
    /// The URL, from flag or environment.
    pub url: Option<String>,
    /// The token file of the flag.
    pub token_file: Option<TokenFile>,
    /// The token of the environment.
    pub token: Option<String>,
    /// The whole environment, as far as it is text.
    pub environment: BTreeMap<String, String>,
    /// The file mode creation mask.
    pub umask: Option<u32>,
    /// Whether it is root who asks.
    pub is_root: bool,
    /// Whether what saves time can be kept.
    pub cache: Result<(), cache::Error>,
}

/// A file that was named to hold the token.
pub struct TokenFile {
    /// Where.
    pub path: PathBuf,
    /// What is in it, or why that cannot be read.
    pub content: Result<String, String>,
    /// Its permission bits.
    pub mode: u32,
}

impl Given {
    /// Reads them.
    pub fn gather(global: Global) -> Self {
        let environment: BTreeMap<String, String> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            url: global.url.filter(|url| !url.is_empty()),
            token_file: global.token_file.map(TokenFile::read),
            token: environment.get("KATONIC_TOKEN").filter(|token| !token.is_empty()).cloned(),
            environment,
            umask: umask(),
            is_root: rustix::process::geteuid().is_root(),
            cache: cache::check(),
        }
    }

    /// A variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The token that will be used with a named platform: a file's before the environment's.
    pub fn chosen_token(&self) -> Option<&str> {
        match &self.token_file {
            Some(file) => file.content.as_deref().ok(),
            None => self.token.as_deref(),
        }
    }
}

impl TokenFile {
    fn read(path: PathBuf) -> Self {
        let mode = fs::metadata(&path).map_or(0, |data| data.mode() & 0o777);
        Self { content: fs::read_to_string(&path).map_err(|error| error.to_string()), mode, path }
    }
}

/// Read, not asked for: asking would set it.
fn umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let text = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(text.trim(), 8).ok()
}
