//! The environment `host`: the machine itself, pinned as a digest of what its
//! programs depend on most: kernel, distribution and interpreter.

use std::{ffi::OsStr, fs, io, process::Command};

use sha2::{Digest, Sha256};

use super::path;

/// `sha256:…` over kernel release, distribution and `python3` on a PATH.
pub fn digest(search_path: &OsStr) -> io::Result<String> {
    let parts = [
        rustix::system::uname().release().to_string_lossy().into_owned(),
        os_release("ID")?,
        os_release("VERSION_ID")?,
        interpreter(search_path)?,
    ];
    Ok(digest_of(&parts))
}

fn digest_of(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    format!("sha256:{}", hex::encode(hash.finalize()))
}

fn os_release(key: &str) -> io::Result<String> {
    let text = fs::read_to_string("/etc/os-release")?;
    Ok(value_of(&text, key).unwrap_or_default())
}

fn value_of(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(line.trim_matches('"').to_owned())
}

/// Path and version; empty where there is none.
fn interpreter(search_path: &OsStr) -> io::Result<String> {
    let Some(program) = path::find(search_path, "python3") else { return Ok(String::new()) };
    let output = Command::new(&program).arg("--version").output()?;
    Ok(format!("{} {}", program.display(), String::from_utf8_lossy(&output.stdout).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_machine_has_the_same_digest_and_another_path_may_not() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let digest = digest(&path).expect("readable");
        assert!(digest.starts_with("sha256:") && digest.len() == 7 + 64, "{digest}");
        assert_eq!(self::digest(&path).expect("readable"), digest);
    }

    #[test]
    fn parts_are_told_apart() {
        let text = |parts: [&str; 2]| digest_of(&parts.map(str::to_owned));
        assert_ne!(text(["a", "bc"]), text(["ab", "c"]));
    }

    #[test]
    fn values_lose_their_quotes_and_other_keys_do_not_match() {
        let text = "VERSION_ID=\"12\"\nID=debian\nID_LIKE=x\n";
        assert_eq!(value_of(text, "ID").as_deref(), Some("debian"));
        assert_eq!(value_of(text, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(value_of(text, "NAME"), None);
    }
}
