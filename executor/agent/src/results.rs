//! Saving what user code made of its files, as a child of the input commit.
//!
//! The changed files go through descriptors of ours into one `git fast-import`:
//! Git never sees the work folder, so that no attribute, filter, hook or nested
//! repository in it means anything. A nested repository is files like any
//! others; its own `.git`, which no tree may hold, is left out. Ignore files
//! are for inputs: a result is kept even if its name is in one.
//!
//! The commit is made of the files and the exit record alone, so that saving
//! again after a crash makes the same commit.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    os::unix::ffi::OsStrExt,
    process::{ChildStdin, Stdio},
};

use katonic_domain::CommitId;
use katonic_member::{Exit, Launch, MemberDir, hostile};
use rustix::fs::{AtFlags, Dir, FileType, OFlags, readlinkat, statat};

use crate::{
    git::{self, Repository},
    inputs,
    manifest::{Changes, FileKind, Path, Stamp},
    tree::{MAX_DEPTH, is_git, is_object},
};

/// More files than this are no results that somebody will look at.
const MAX_FILES: usize = 1_000_000;

/// Why results are not saved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The files cannot be read.
    #[error("the result files cannot be read")]
    Read(#[from] io::Error),
    /// Folders in folders without end.
    #[error("the result files are nested too deep")]
    Depth,
    /// More than can be kept.
    #[error("there are more than {MAX_FILES} result files")]
    Count,
    /// A file changed while it was read.
    #[error("a result file changed while it was read")]
    Changed,
    /// Git did not take them.
    #[error("git did not take the result files")]
    Import,
    /// They cannot be pushed.
    #[error("the results cannot be pushed")]
    Push(#[source] git::Error),
}

/// The files below a folder as they are now.
pub fn scan(folder: &File) -> Result<BTreeMap<Path, Stamp>, Error> {
    let mut found = BTreeMap::new();
    walk(folder, &mut Vec::new(), 0, &mut found)?;
    Ok(found)
}

fn walk(folder: &File, path: &mut Path, depth: usize, found: &mut BTreeMap<Path, Stamp>) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::Depth);
    }
    for entry in Dir::read_from(folder).map_err(io::Error::from)? {
        let entry = entry.map_err(io::Error::from)?;
        let name = entry.file_name();
        if name == c"." || name == c".." || is_git(name.to_bytes()) {
            continue;
        }
        let length = path.len();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend(name.to_bytes());
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)?;
        if FileType::from_raw_mode(stat.st_mode).is_dir() {
            let inner = hostile::open_below(folder, name, OFlags::DIRECTORY)?;
            walk(&inner, path, depth + 1, found)?;
        } else if let Some(stamp) = Stamp::of(&stat) {
            found.insert(path.clone(), stamp);
        }
        path.truncate(length);
        if found.len() > MAX_FILES {
            return Err(Error::Count);
        }
    }
    Ok(())
}

/// A commit that is ready to be pushed.
#[derive(Debug)]
pub struct Saved {
    /// Which.
    pub commit: CommitId,
    /// Where it is.
    pub repository: Repository,
}

/// Makes the commit of what changed; `None` where nothing did.
pub fn commit(
    member: &MemberDir,
    launch: &Launch,
    exit: &Exit,
    input: Option<(&Repository, &CommitId)>,
) -> Result<Option<Saved>, Error> {
    let before = inputs::manifest(member)?;
    let work = hostile::open_folder(&launch.work_folder())?;
    let changes = before.changes(&scan(&work)?);
    if changes.is_empty() {
        return Ok(None);
    }
    let directory = member.agent_file("results.git");
    let repository = Repository::open(directory, input.map(|(repository, _)| repository))?;
    let from = input.map(|(_, commit)| commit);
    let (tree, commit) = import(&repository, &work, &changes, &Header { launch, exit, from })?;
    Ok((tree != before.tree).then_some(Saved { commit, repository }))
}

struct Header<'a> {
    launch: &'a Launch,
    exit: &'a Exit,
    from: Option<&'a CommitId>,
}

fn import(
    repository: &Repository,
    work: &File,
    changes: &Changes,
    header: &Header<'_>,
) -> Result<(String, CommitId), Error> {
    let mut command = repository.command(["fast-import", "--quiet", "--force", "--done", "--date-format=raw"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (Some(stdin), Some(answers)) = (child.stdin.take(), child.stdout.take()) else { return Err(Error::Import) };
    let written = write_stream(stdin, work, changes, header);
    if written.is_err() {
        // Without the final `done` it keeps nothing; it need not go on.
        child.kill()?;
    }
    let mut lines = BufReader::new(answers).lines();
    let mut tree = lines.next().transpose()?.unwrap_or_default();
    let commit = lines.next().transpose()?.unwrap_or_default();
    let status = child.wait()?;
    written?;
    // `040000 tree <id> TAB`
    tree = tree.split_ascii_whitespace().nth(2).unwrap_or_default().to_owned();
    match commit.parse() {
        Ok(commit) if status.success() && is_object(&tree) => Ok((tree, commit)),
        _ => Err(Error::Import),
    }
}

fn write_stream(stdin: ChildStdin, work: &File, changes: &Changes, header: &Header<'_>) -> Result<(), Error> {
    let mut stream = BufWriter::with_capacity(256 * 1024, stdin);
    let message = format!("Results of {}, attempt {}\n", header.launch.execution_id, header.launch.attempt);
    let (seconds, _) = header.exit.ended.parts();
    write!(stream, "commit refs/heads/results\nmark :1\ncommitter Katonic <noreply@katonic.io> {seconds} +0000\n")?;
    write!(stream, "data {}\n{message}", message.len())?;
    if let Some(from) = header.from {
        writeln!(stream, "from {from}")?;
    }
    // First what is gone: a folder may have become a file.
    for path in &changes.removed {
        stream.write_all(b"D ")?;
        write_path(&mut stream, path)?;
        stream.write_all(b"\n")?;
    }
    for (path, stamp) in &changes.written {
        write_file(&mut stream, work, path, stamp)?;
    }
    stream.write_all(b"ls \"\"\n\nget-mark :1\ndone\n")?;
    stream.flush()?;
    Ok(())
}

fn write_file(stream: &mut impl Write, work: &File, path: &Path, stamp: &Stamp) -> Result<(), Error> {
    let mode = match stamp.kind {
        FileKind::Regular => "100644",
        FileKind::Executable => "100755",
        FileKind::Link => "120000",
    };
    write!(stream, "M {mode} inline ")?;
    write_path(stream, path)?;
    if stamp.kind == FileKind::Link {
        let target = read_link(work, path)?;
        write!(stream, "\ndata {}\n", target.len())?;
        stream.write_all(&target)?;
    } else {
        let file = hostile::open_below(work, path.as_slice(), OFlags::empty())?;
        if !file.metadata()?.is_file() {
            return Err(Error::Changed);
        }
        write!(stream, "\ndata {}\n", stamp.size)?;
        if io::copy(&mut file.take(stamp.size), stream)? != stamp.size {
            return Err(Error::Changed);
        }
    }
    stream.write_all(b"\n")?;
    Ok(())
}

fn read_link(work: &File, path: &Path) -> Result<Vec<u8>, Error> {
    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(path));
    let name = path.file_name().ok_or(Error::Changed)?;
    let target = match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => readlinkat(hostile::open_below(work, parent, OFlags::DIRECTORY)?, name, Vec::new()),
        None => readlinkat(work, name, Vec::new()),
    };
    Ok(target.map_err(io::Error::from)?.into_bytes())
}

/// Quoted as fast-import wants it; every other byte stands for itself.
fn write_path(stream: &mut impl Write, path: &Path) -> io::Result<()> {
    stream.write_all(b"\"")?;
    for byte in path {
        match byte {
            b'"' => stream.write_all(b"\\\"")?,
            b'\\' => stream.write_all(b"\\\\")?,
            b'\n' => stream.write_all(b"\\n")?,
            byte => stream.write_all(&[*byte])?,
        }
    }
    stream.write_all(b"\"")
}

#[cfg(test)]
mod tests;
