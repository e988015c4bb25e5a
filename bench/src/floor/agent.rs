//! The floor's agent: claims each member that appears, lets its command start,
//! and ships its lines. One thread waits for the kernel, as in the product.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use anyhow::Result;
use katonic_service::runtime::spawn;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::{runtime::Handle, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use super::{
    Settings, member,
    pb::{self, floor_client::FloorClient},
};

/// Batches that wait for the connection.
const QUEUE: usize = 4;

/// Watches the members' folder. It listens at no port: 0.
pub fn start(settings: Settings) -> Result<u16> {
    let gateway = FloorClient::new(Channel::from_shared(settings.gateway)?.connect_lazy());
    let members = PathBuf::from(settings.members);
    let watch = watch(&members, WatchFlags::MOVED_TO)?;
    let runtime = Handle::current();
    std::thread::spawn(move || -> Result<()> {
        let _inside = runtime.enter();
        loop {
            for name in appeared(&watch)? {
                let (folder, gateway) = (members.join(&name), gateway.clone());
                spawn("member", async move {
                    if let Err(error) = serve(name, folder, gateway).await {
                        eprintln!("the floor's agent: {error:#}");
                    }
                });
            }
        }
    });
    Ok(0)
}

async fn serve(id: String, folder: PathBuf, mut gateway: FloorClient<Channel>) -> Result<()> {
    // Before the command starts: no line is missed.
    let watch = watch(&folder, WatchFlags::MODIFY | WatchFlags::MOVED_TO)?;
    member::store_nonce(&folder)?;
    gateway.claim(pb::Id { id: id.clone() }).await?;
    let go = folder.join("go");
    tokio::task::spawn_blocking(move || OpenOptions::new().write(true).open(go)?.write_all(b"\n")).await??;
    let (batches, queue) = mpsc::channel(QUEUE);
    let mut answers = gateway.append(ReceiverStream::new(queue)).await?.into_inner();
    let removed = folder.clone();
    let reading = tokio::task::spawn_blocking(move || read_spool(&id, &folder, &watch, &batches));
    while answers.message().await?.is_some() {}
    reading.await??;
    Ok(fs::remove_dir_all(removed)?)
}

/// Sends what is appended until the parent has written its end.
fn read_spool(id: &str, folder: &Path, watch: &OwnedFd, batches: &mpsc::Sender<pb::Lines>) -> Result<()> {
    let (mut spool, mut text) = (None, String::new());
    loop {
        // Looked at before the spool: what comes after it is in the spool already.
        let ended = folder.join("exit").exists();
        if spool.is_none() {
            spool = File::open(folder.join("spool")).ok();
        }
        if let Some(spool) = &mut spool {
            spool.read_to_string(&mut text)?;
        }
        // What stands behind the last newline was seen half written.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let entries: Vec<_> = text.drain(..whole).as_str().lines().filter_map(entry).collect();
        if ended || !entries.is_empty() {
            batches.blocking_send(pb::Lines { execution_id: id.to_owned(), entries, ended })?;
        }
        if ended {
            return Ok(());
        }
        appeared(watch)?;
    }
}

fn entry(line: &str) -> Option<pb::Entry> {
    let (seq, rest) = line.split_once(' ')?;
    let (time, text) = rest.split_once(' ')?;
    Some(pb::Entry { seq: seq.parse().ok()?, time: time.parse().ok()?, text: text.to_owned() })
}

fn watch(folder: &Path, what: WatchFlags) -> Result<OwnedFd> {
    let watch = inotify::init(CreateFlags::CLOEXEC)?;
    inotify::add_watch(&watch, folder, what)?;
    Ok(watch)
}

/// Waits; answers the names of all that happened.
fn appeared(watch: &OwnedFd) -> Result<Vec<String>> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(watch, &mut buffer);
    let mut names = Vec::new();
    loop {
        let event = events.next()?;
        names.extend(event.file_name().map(|name| name.to_string_lossy().into_owned()));
        if events.is_buffer_empty() {
            return Ok(names);
        }
    }
}
