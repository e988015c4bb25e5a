//! What user code wrote to `$KATONIC_METRICS`: a JSON object of at most 16 KiB.

use std::{
    io::{self, Read},
    path::Path,
};

use katonic_member::hostile;
use katonic_proto::json;
use prost_types::Struct;
use rustix::fs::OFlags;
use serde_json::Value;

const CAP_BYTES: u64 = 16 * 1024;

/// What is to be reported of it.
#[derive(Debug, PartialEq)]
pub enum Metrics {
    /// There is no such file.
    None,
    /// An object.
    Object(Struct),
    /// Something else: too large, no object, no file.
    Refused,
}

/// Reads the metrics below an attempt's folder.
pub fn read(folder: &Path) -> Metrics {
    match content(folder) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Metrics::None,
        Err(_) => Metrics::Refused,
    }
}

fn content(folder: &Path) -> io::Result<Vec<u8>> {
    let folder = hostile::open_folder(folder)?;
    let file = hostile::open_below(&folder, "metrics.json", OFlags::empty())?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > CAP_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = Vec::new();
    file.take(CAP_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

fn parse(text: &[u8]) -> Metrics {
    match serde_json::from_slice::<Value>(text) {
        Ok(value) if value.is_object() => json::to_struct(value).map_or(Metrics::Refused, Metrics::Object),
        _ => Metrics::Refused,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn only_a_small_object_in_a_real_file_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("metrics.json");
        assert_eq!(read(folder.path()), Metrics::None);
        fs::write(&file, r#"{"accuracy": 0.5}"#).expect("written");
        assert!(matches!(read(folder.path()), Metrics::Object(_)));
        for bad in ["", "[1]", "7", "{", &format!("{{\"a\": \"{}\"}}", "x".repeat(16 * 1024))] {
            fs::write(&file, bad).expect("written");
            assert_eq!(read(folder.path()), Metrics::Refused, "{bad:.20}");
        }
        fs::remove_file(&file).expect("removed");
        symlink("/etc/hostname", &file).expect("linked");
        assert_eq!(read(folder.path()), Metrics::Refused);
    }
}
