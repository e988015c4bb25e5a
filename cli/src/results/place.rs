//! Putting results into a folder without harm to what is there.
//!
//! First everything is looked at, then everything is written: a conflict
//! leaves the folder as it was.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use super::{Changes, Error, Pulled, Source, check_out};
use crate::git::Repository;

/// Brings the changed files of `source` into `folder`.
pub(super) fn place(
    repository: &Repository,
    source: &Source,
    changes: &Changes,
    folder: &Path,
    force: bool,
) -> Result<Pulled, Error> {
    fs::create_dir_all(folder).map_err(write_error(folder))?;
    // On the same file system, so that each file arrives whole.
    let scratch = tempfile::Builder::new().prefix(".katonic-results-").tempdir_in(folder);
    let scratch = scratch.map_err(write_error(folder))?;
    let (new, given) = (scratch.path().join("new"), scratch.path().join("given"));
    check_out(repository, &source.results, &changes.present, &new)?;

    let (mut missing, mut same, mut differing) = (Vec::new(), Vec::new(), Vec::new());
    for path in &changes.present {
        check_way(folder, path)?;
        match compare(&folder.join(path), &new.join(path))? {
            Comparison::Missing => missing.push(path.clone()),
            Comparison::Same => same.push(path.clone()),
            Comparison::Different => differing.push(path.clone()),
        }
    }
    if !force && !differing.is_empty() {
        let touched = touched_since(repository, source, &differing, folder, &given)?;
        if let Some(first) = touched.first() {
            return Err(Error::Conflicts { count: touched.len(), first: folder.join(first) });
        }
    }
    missing.extend(differing);
    missing.sort();
    for path in &missing {
        put(&new.join(path), &folder.join(path))?;
    }
    Ok(Pulled { written: missing, unchanged: same, deleted: changes.deleted.clone() })
}

/// Which of `paths` are not what the execution was given.
fn touched_since(
    repository: &Repository,
    source: &Source,
    paths: &[PathBuf],
    folder: &Path,
    given: &Path,
) -> Result<Vec<PathBuf>, Error> {
    let Some(input) = &source.input else { return Ok(paths.to_vec()) };
    check_out(repository, input, paths, given)?;
    let mut touched = Vec::new();
    for path in paths {
        if !matches!(compare(&given.join(path), &folder.join(path))?, Comparison::Same) {
            touched.push(path.clone());
        }
    }
    Ok(touched)
}

enum Comparison {
    Missing,
    Same,
    Different,
}

/// How `present` is, seen from `wanted`: kind, executable bit and bytes count.
fn compare(present: &Path, wanted: &Path) -> Result<Comparison, Error> {
    let Some(have) = metadata(present)? else { return Ok(Comparison::Missing) };
    let Some(want) = metadata(wanted)? else { return Ok(Comparison::Different) };
    let executable = |metadata: &fs::Metadata| metadata.permissions().mode() & 0o100 != 0;
    let same = if have.is_symlink() && want.is_symlink() {
        fs::read_link(present).ok() == fs::read_link(wanted).ok()
    } else {
        have.is_file()
            && want.is_file()
            && have.len() == want.len()
            && executable(&have) == executable(&want)
            && fs::read(present).map_err(write_error(present))? == fs::read(wanted).map_err(write_error(wanted))?
    };
    Ok(if same { Comparison::Same } else { Comparison::Different })
}

fn metadata(path: &Path) -> Result<Option<fs::Metadata>, Error> {
    match path.symlink_metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Write { path: path.to_owned(), source }),
    }
}

/// Refuses a path that leads through a link or a file.
fn check_way(folder: &Path, path: &Path) -> Result<(), Error> {
    let mut at = folder.to_owned();
    for component in path.parent().into_iter().flat_map(Path::components) {
        at.push(component);
        let passable = matches!(component, Component::Normal(_)) && metadata(&at)?.is_none_or(|found| found.is_dir());
        if !passable {
            return Err(Error::NotAFolder { at, path: path.to_owned() });
        }
    }
    Ok(())
}

fn put(from: &Path, to: &Path) -> Result<(), Error> {
    let parent = to.parent().map_or(Ok(()), fs::create_dir_all);
    parent.and_then(|()| fs::rename(from, to)).map_err(write_error(to))
}

fn write_error(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Write { path, source }
}
