//! `katonic-bench-parent FOLDER`: the floor's parent of one command of user code.
//!
//! It waits for the agent's word, takes the one right to start (`started`,
//! exclusive and on disk before the command runs), and appends each line that
//! it reads from the command's pipe to a file, numbered and timed. Nothing
//! else: no limits, no own user, no stop, no timeout, standard error is not read.

use std::{
    fs::{self, File, OpenOptions},
    io::{Error, Read, Result, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or_else(|| Error::other("no folder"))?);
    let launch = fs::read_to_string(folder.join("launch"))?;
    let mut command = launch.split('\0');
    let program = command.next().ok_or_else(|| Error::other("no command"))?;
    File::open(folder.join("go"))?.read_exact(&mut [0])?;
    take_the_start(&folder)?;
    let mut spool = OpenOptions::new().append(true).create(true).open(folder.join("spool"))?;
    let mut child = Command::new(program).args(command).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut pipe = child.stdout.take().ok_or_else(|| Error::other("no pipe"))?;
    append_lines(&mut pipe, &mut spool)?;
    child.wait()?;
    let aside = folder.join(".exit");
    File::create(&aside)?.sync_all()?;
    fs::rename(aside, folder.join("exit"))
}

fn take_the_start(folder: &Path) -> Result<()> {
    File::create_new(folder.join("started"))?.sync_all()?;
    File::open(folder)?.sync_all()
}

/// One write for all lines that came with one read.
fn append_lines(pipe: &mut impl Read, spool: &mut File) -> Result<()> {
    let (mut buffer, mut held, mut seq) = (vec![0; 256 * 1024], Vec::new(), 0_u64);
    loop {
        let read = pipe.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        held.extend_from_slice(&buffer[..read]);
        let Some(end) = held.iter().rposition(|byte| *byte == b'\n') else { continue };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Error::other)?.as_nanos();
        let mut batch = Vec::with_capacity(2 * end);
        for line in held[..end].split(|byte| *byte == b'\n') {
            seq += 1;
            write!(batch, "{seq} {now} ")?;
            batch.extend_from_slice(line);
            batch.push(b'\n');
        }
        held.drain(..=end);
        spool.write_all(&batch)?;
    }
}
