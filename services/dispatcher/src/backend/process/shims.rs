//! Shims as processes of this machine: started detached, watched, never owned.
//!
//! A shim lives on when the dispatcher dies (G3); the kernel then gives it to
//! another parent. While we are its parent we reap it; one that we found alive
//! is watched through a pidfd. Both end in the same hint to the reconciler.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use katonic_domain::MemberId;
use katonic_member::{MemberDir, ProcessIdentity};
use katonic_service::runtime::spawn;
use tokio::{
    process::{Child, Command},
    sync::mpsc,
};
use tracing::{debug, warn};

use super::pidfd::Watched;
use crate::backend::Error;

/// Starts and watches shims.
#[derive(Debug, Clone)]
pub struct Shims {
    program: PathBuf,
    gone: mpsc::Sender<MemberId>,
}

impl Shims {
    /// Starts `program`, and says on `gone` whose shim has ended.
    pub const fn new(program: PathBuf, gone: mpsc::Sender<MemberId>) -> Self {
        Self { program, gone }
    }

    /// Starts the shim of a member. Where another one already holds its lock,
    /// the new one sees that and ends.
    pub fn start(&self, member: &MemberId, dir: &MemberDir) -> Result<(), Error> {
        let log = open_log(&dir.path().join("shim.log")).map_err(Error::Spawn)?;
        let child = Command::new(&self.program)
            .arg(dir.path())
            .current_dir("/")
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // Its own group: what is sent to ours does not reach it.
            .process_group(0)
            .kill_on_drop(false)
            .spawn()
            .map_err(Error::Spawn)?;
        spawn("shim-child", self.clone().reap(member.clone(), child));
        Ok(())
    }

    /// Watches a shim that was found alive.
    pub fn adopt(&self, member: MemberId, identity: &ProcessIdentity) {
        let watched = match Watched::open(identity) {
            Ok(Some(watched)) => watched,
            // Gone, or not to be watched: the reconciler's own timer finds it.
            Ok(None) => return,
            Err(error) => return warn!(member.id = %member, %error, "the shim cannot be watched"),
        };
        let gone = self.gone.clone();
        spawn("shim-adopted", async move {
            if watched.gone().await.is_ok() {
                let _ = gone.send(member).await;
            }
        });
    }

    async fn reap(self, member: MemberId, mut child: Child) {
        match child.wait().await {
            Ok(status) => debug!(member.id = %member, %status, "the shim ended"),
            Err(error) => warn!(member.id = %member, %error, "the shim could not be waited for"),
        }
        let _ = self.gone.send(member).await;
    }
}

fn open_log(path: &Path) -> std::io::Result<std::fs::File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}
