//! The folder of one member of the floor, shared by owner, agent and parent.
//!
//! ```text
//!  launch   the command, NUL between its arguments; durable before the folder shows
//!  go       a fifo: the parent reads it, the agent writes it once it has claimed
//!  nonce    of the agent, durable before its claim
//!  started  of the parent, durable before user code (katonic-bench-parent)
//!  spool    `<seq> <nanoseconds> <line>`, appended by the parent
//!  exit     of the parent, last
//! ```

use std::{
    fs::{self, File},
    io::{Result, Write},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

/// Makes the folder whole and durable: written aside, then renamed.
pub fn create(members: &Path, id: &str, command: &[String]) -> Result<PathBuf> {
    let (aside, folder) = (members.join(format!(".{id}")), members.join(id));
    fs::create_dir(&aside)?;
    write(&aside.join("launch"), command.join("\0").as_bytes())?;
    mknodat(CWD, aside.join("go"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    File::open(&aside)?.sync_all()?;
    fs::rename(&aside, &folder)?;
    File::open(members)?.sync_all()?;
    Ok(folder)
}

/// Stores what the agent claims with: file and name are on disk when this returns.
pub fn store_nonce(folder: &Path) -> Result<()> {
    write(&folder.join("nonce"), uuid::Uuid::now_v7().simple().to_string().as_bytes())?;
    File::open(folder)?.sync_all()
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    file.sync_all()
}
