//! Starting the user's command: as its user, in its folder, with nothing of ours.
//!
//! The program is looked for in the launch's PATH, never in the shim's own, and
//! whether its user may execute it is answered by the kernel, in the child,
//! after it has become that user.

use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use katonic_member::{ExitReason, Launch, Limit, Resource, RunAs};
use rustix::{
    fs::{Mode, OFlags, fchown, open},
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
    process::{DumpableBehavior, Gid, Pid, Rlimit, Uid, set_dumpable_behavior, setrlimit, umask},
};

use crate::sys::{self, Exec};

/// As much as the kernel lets a user's pipe hold by default: fewer, longer reads.
const PIPE_BYTES: usize = 1024 * 1024;

/// A command that runs.
pub struct Started {
    /// Its process id, also its process group's.
    pub pid: Pid,
    /// The reading ends of its standard output and standard error.
    pub outputs: [OwnedFd; 2],
}

/// Why the command does not run.
#[derive(Debug)]
pub struct Refusal {
    /// As the exit record names it.
    pub reason: ExitReason,
    /// In words, for the log.
    pub message: String,
}

/// Starts the command, or says why not; `contained`: in a container of its own.
pub fn start(launch: &Launch, contained: bool) -> Result<Started, Refusal> {
    let name = launch.command.first().map_or("", String::as_str);
    let mut refusal = not_found(name, launch);
    for program in candidates(name, launch) {
        match spawn(&program, launch, contained) {
            Ok(started) => return Ok(started),
            Err(error) => refusal = not_executable(&program, &error),
        }
    }
    Err(refusal)
}

/// The files that the name may mean, in the order of PATH.
fn candidates(name: &str, launch: &Launch) -> Vec<PathBuf> {
    let work = launch.work_folder();
    let folders: Vec<PathBuf> = if name.contains('/') {
        vec![work]
    } else {
        launch.path.split(':').filter(|folder| !folder.is_empty()).map(|folder| work.join(folder)).collect()
    };
    let exists = |path: &PathBuf| !name.is_empty() && fs::symlink_metadata(path).is_ok();
    folders.into_iter().map(|folder| folder.join(name)).filter(exists).collect()
}

fn not_found(name: &str, launch: &Launch) -> Refusal {
    let place = if name.contains('/') { String::new() } else { format!(" in PATH={}", launch.path) };
    Refusal { reason: ExitReason::CommandNotFound, message: format!("there is no program `{name}`{place}") }
}

fn not_executable(program: &Path, error: &io::Error) -> Refusal {
    let why = match error.raw_os_error() {
        _ if program.is_dir() => "is a folder",
        Some(libc::EACCES) => "may not be executed by the job's user",
        Some(libc::ENOENT) => "names an interpreter that is not there",
        Some(libc::ENOEXEC) => "is neither a program of this machine nor a script with a `#!` line",
        Some(libc::E2BIG) => "was given too many or too long arguments",
        Some(libc::EAGAIN | libc::ENOMEM) => "found no room: the machine's processes or memory are used up",
        _ => "could not be started",
    };
    let message = format!("`{}` {why} ({error})", program.display());
    Refusal { reason: ExitReason::CommandNotExecutable, message }
}

fn spawn(program: &Path, launch: &Launch, contained: bool) -> io::Result<Started> {
    let (out_reader, out_writer) = output_pipe(launch.run_as)?;
    let (error_reader, error_writer) = output_pipe(launch.run_as)?;
    let environment = launch.environment().into_iter().map(|(name, value)| format!("{name}={value}").into_bytes());
    let arguments = launch.command.iter().map(|argument| argument.clone().into_bytes());
    let exec = Exec::new(program.as_os_str().as_encoded_bytes().to_vec(), arguments, environment)?;
    let mut command = Command::new(program);
    command
        .current_dir(launch.work_folder())
        .stdin(Stdio::null())
        .stdout(out_writer)
        .stderr(error_writer)
        .process_group(0);
    if let Some(user) = launch.run_as {
        // Becoming another user this way also drops every further group.
        command.uid(user.uid).gid(user.gid);
    }
    let limits = launch.limits.clone();
    let own_user = launch.run_as.is_some();
    sys::exec_in_child(&mut command, exec, move || prepare(&limits, own_user, contained));
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Started { pid, outputs: [out_reader, error_reader] })
}

/// In the child, after fork: only system calls.
fn prepare(limits: &[Limit], own_user: bool, contained: bool) -> io::Result<()> {
    if contained {
        be_killed_first()?;
    }
    sys::unblock_signals()?;
    umask(Mode::from_raw_mode(0o022));
    if own_user {
        // No set-user-ID program lets it leave the user that it can be killed by.
        rustix::thread::set_no_new_privs(true)?;
    }
    for limit in limits {
        let value = Some(limit.value);
        setrlimit(resource(limit.resource), Rlimit { current: value, maximum: value })?;
    }
    sys::close_others_on_exec()
}

/// Where memory runs out, it is user code that the kernel kills and not the
/// shim, which can then say so.
fn be_killed_first() -> io::Result<()> {
    // Its own files in /proc are root's until it can be traced again, as after exec.
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    // Best effort: without it the engine may be the only one to know.
    if let Ok(file) = open(c"/proc/self/oom_score_adj", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
        let _ = rustix::io::write(file, b"500");
    }
    Ok(())
}

const fn resource(resource: Resource) -> rustix::process::Resource {
    match resource {
        Resource::AddressSpace => rustix::process::Resource::As,
        Resource::CoreBytes => rustix::process::Resource::Core,
        Resource::FileBytes => rustix::process::Resource::Fsize,
        Resource::OpenFiles => rustix::process::Resource::Nofile,
        Resource::Processes => rustix::process::Resource::Nproc,
    }
}

/// A pipe whose writing end belongs to the user, who may open `/dev/stdout`.
fn output_pipe(user: Option<RunAs>) -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&reader, true)?;
    // Fewer switches, not correctness: where the user's pipes are used up it stays small.
    let _ = fcntl_setpipe_size(writer.as_fd(), PIPE_BYTES);
    if let Some(user) = user {
        fchown(&writer, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))?;
    }
    Ok((reader, writer))
}
