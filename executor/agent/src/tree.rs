//! Reading a commit's files out of a repository through one `git cat-file`.
//!
//! Trees are decoded here, so that no name in them reaches a file system
//! unchecked and no filter or attribute changes a byte.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use crate::git::Repository;

/// More than any real tree object.
const TREE_CAP_BYTES: u64 = 256 * 1024 * 1024;
/// Deeper than any real project; a bound for what is open at once.
pub const MAX_DEPTH: usize = 256;

/// Why a commit cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Git cannot be talked to, or a file cannot be written.
    #[error("the input files cannot be written")]
    Io(#[from] io::Error),
    /// The repository holds no such object.
    #[error("object {0} is missing")]
    Missing(String),
    /// An object is not what it should be.
    #[error("object {0} is damaged")]
    Damaged(String),
    /// A tree names something that cannot be a file.
    #[error("the files hold the name {0:?}, which cannot be written")]
    Name(String),
    /// Folders in folders without end.
    #[error("the files are nested too deep")]
    Depth,
}

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A regular file that may be executed.
    Executable,
    /// A symbolic link: its content is where it points.
    Link,
    /// A folder.
    Folder,
    /// A commit of another repository; its files are not here.
    Submodule,
}

/// One name in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its name: never empty, `.`, `..`, `.git`, nor with a slash.
    pub name: Vec<u8>,
    /// The object that it is, 40 hexadecimal digits.
    pub object: String,
}

/// A running `git cat-file --batch`.
pub struct Objects {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Objects {
    /// Starts it.
    pub fn open(repository: &Repository) -> io::Result<Self> {
        let mut command = repository.command(["cat-file", "--batch"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let asks = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let answers = BufReader::with_capacity(256 * 1024, child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Self { child, asks, answers })
    }

    /// The root tree of a commit.
    pub fn root(&mut self, commit: &str) -> Result<String, Error> {
        let size = self.ask(commit, "commit")?;
        let mut text = Vec::new();
        self.content(size, &mut text)?;
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let tree = str::from_utf8(first).ok().and_then(|line| line.strip_prefix("tree "));
        tree.filter(|tree| is_object(tree)).map(str::to_owned).ok_or_else(|| Error::Damaged(commit.to_owned()))
    }

    /// What is in a tree.
    pub fn tree(&mut self, tree: &str) -> Result<Vec<Entry>, Error> {
        let size = self.ask(tree, "tree")?;
        if size > TREE_CAP_BYTES {
            return Err(Error::Damaged(tree.to_owned()));
        }
        let mut bytes = Vec::new();
        self.content(size, &mut bytes)?;
        decode(&bytes).ok_or_else(|| Error::Damaged(tree.to_owned()))?.into_iter().map(checked).collect()
    }

    /// Copies the content of a file; answers its size.
    pub fn blob(&mut self, blob: &str, into: &mut impl Write) -> Result<u64, Error> {
        let size = self.ask(blob, "blob")?;
        self.content(size, into)?;
        Ok(size)
    }

    fn ask(&mut self, object: &str, kind: &str) -> Result<u64, Error> {
        self.asks.write_all(format!("{object}\n").as_bytes())?;
        self.asks.flush()?;
        let mut line = String::new();
        self.answers.by_ref().take(200).read_line(&mut line)?;
        match line.split_ascii_whitespace().collect::<Vec<_>>()[..] {
            [_, found, size] if found == kind => size.parse().map_err(|_| Error::Damaged(object.to_owned())),
            [_, "missing"] => Err(Error::Missing(object.to_owned())),
            _ => Err(Error::Damaged(object.to_owned())),
        }
    }

    fn content(&mut self, size: u64, into: &mut impl Write) -> Result<(), Error> {
        let copied = io::copy(&mut self.answers.by_ref().take(size), into)?;
        // After the content comes a newline.
        let mut end = [0];
        self.answers.read_exact(&mut end)?;
        if copied == size { Ok(()) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // It holds nothing: it only reads.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The raw form: `<mode> <name>\0<20 bytes>` repeated.
fn decode(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ')?;
        let zero = bytes.iter().position(|byte| *byte == 0)?;
        let name = bytes.get(space + 1..zero)?.to_vec();
        let object = hex::encode(bytes.get(zero + 1..zero + 21)?);
        let kind = match &bytes[..space] {
            b"40000" | b"040000" => Kind::Folder,
            b"120000" => Kind::Link,
            b"160000" => Kind::Submodule,
            b"100755" => Kind::Executable,
            mode if mode.starts_with(b"100") => Kind::File,
            _ => return None,
        };
        entries.push(Entry { kind, name, object });
        bytes = &bytes[zero + 21..];
    }
    Some(entries)
}

fn checked(entry: Entry) -> Result<Entry, Error> {
    let name = &entry.name;
    let bad = name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') || is_git(name);
    if bad { Err(Error::Name(String::from_utf8_lossy(name).into_owned())) } else { Ok(entry) }
}

/// Whether a name would be a repository's own folder, on any file system.
pub fn is_git(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b".git")
}

/// Whether a text is an object's id.
pub fn is_object(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(mode: &str, name: &str) -> Vec<u8> {
        [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[0xab; 20]].concat()
    }

    #[test]
    fn a_raw_tree_is_decoded() {
        let bytes = [raw("40000", "src"), raw("100755", "run"), raw("120000", "link")].concat();
        let entries = decode(&bytes).expect("entries");
        let kinds: Vec<Kind> = entries.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [Kind::Folder, Kind::Executable, Kind::Link]);
        assert_eq!(entries[1].object, "ab".repeat(20));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(decode(b"777 x"), None);
    }

    #[test]
    fn a_name_that_leaves_its_folder_is_refused() {
        for name in ["", ".", "..", "a/b", ".git", ".GIT"] {
            let entry = decode(&raw("100644", name)).and_then(|mut entries| entries.pop());
            assert!(entry.is_none_or(|entry| checked(entry).is_err()), "{name:?} was taken");
        }
    }
}
