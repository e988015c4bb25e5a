//! Which files executions left, and in which version of each: what tells results apart.
//!
//! A version is named by the blob that holds it, so that no content need be
//! fetched: what comes is the last two commits without any file. They lie in a
//! repository of their own, which goes when the question is answered.

use std::{collections::BTreeMap, ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf};

use katonic_proto::dispatcher::v1::Execution;

use super::{Error, Source};
use crate::{cache, config::Endpoint, git::Repository};

/// The version of each file that an execution made or changed; of one that it deleted, `deleted`.
pub type Versions = BTreeMap<PathBuf, String>;

/// The files of each execution, in the order of these.
pub fn versions(executions: &[Execution], endpoint: &Endpoint) -> Result<Vec<Versions>, Error> {
    let folder = cache::folder("versions", endpoint.url().as_bytes())?;
    let scratch = tempfile::tempdir_in(&folder).map_err(|source| Error::Write { path: folder, source })?;
    let repository = Repository::open(scratch.path().to_owned())?;
    let of = |execution: &Execution| -> Result<Versions, Error> {
        let Some(source) = Source::of(execution)? else { return Ok(Versions::new()) };
        fetch(&repository, &source, endpoint)?;
        changed(&repository, &source)
    };
    executions.iter().map(of).collect()
}

/// Fetches the names of the results and of the input, which is their parent.
fn fetch(repository: &Repository, source: &Source, endpoint: &Endpoint) -> Result<(), Error> {
    let (url, name) = (source.url(endpoint), source.refname());
    let quietly = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
    let names = ["--depth=2", "--filter=blob:none", &url, &name];
    repository.git(quietly.into_iter().chain(names)).with_access(endpoint).run()?;
    Ok(())
}

pub(super) fn changed(repository: &Repository, source: &Source) -> Result<Versions, Error> {
    let diff =
        ["diff-tree", "-r", "-z", "--no-renames", "--raw", "--no-abbrev", source.given(), source.results.as_str()];
    let output = repository.git(diff).run()?;
    let mut fields = output.split(|byte| *byte == 0);
    let mut versions = Versions::new();
    while let (Some(change), Some(path)) = (fields.next(), fields.next()) {
        versions.insert(OsString::from_vec(path.to_vec()).into(), version(&String::from_utf8_lossy(change)));
    }
    Ok(versions)
}

/// `:<mode> <mode> <blob> <blob> <status>`, before and after.
fn version(change: &str) -> String {
    match change.split(' ').collect::<Vec<_>>()[..] {
        [_, "000000", ..] => "deleted".to_owned(),
        [_, "100755", _, blob, ..] => format!("{blob} executable"),
        [_, "120000", _, blob, ..] => format!("{blob} link"),
        [_, _, _, blob, ..] => blob.to_owned(),
        _ => String::new(),
    }
}
