//! The system calls that neither the standard library nor rustix offers safely.
#![allow(unsafe_code)]

use std::{
    ffi::{CString, NulError, c_char},
    io, mem,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::Command,
    ptr,
    time::Duration,
};

use katonic_member::Used;

/// A block, as getrusage(2) counts reads and writes.
const BLOCK_BYTES: u64 = 512;
const KIB: u64 = 1024;

/// A descriptor that becomes readable when a child ends or the shim is told to
/// end. The signals are blocked in this thread, the only one.
pub fn signals() -> io::Result<OwnedFd> {
    // SAFETY: an all-zero sigset_t is a valid argument for sigemptyset, which
    // initialises it; the other calls get that initialised set.
    let fd = unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            libc::sigaddset(&raw mut set, signal);
        }
        if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: signalfd returned it just now and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// What a signal of [`signals`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A child has ended.
    ChildEnded,
    /// The shim should end.
    End {
        /// The sender's process id as it is known here: 0 for one outside of this container.
        by: u32,
    },
}

/// The next signal of [`signals`] that waits; `None` where none does.
pub fn next_signal(signals: &OwnedFd) -> io::Result<Option<Told>> {
    // SAFETY: signalfd_siginfo holds only integers, for which zero is valid.
    let mut info: libc::signalfd_siginfo = unsafe { mem::zeroed() };
    let size = size_of_val(&info);
    // SAFETY: the buffer is as large as the size that is given.
    let read = unsafe { libc::read(signals.as_raw_fd(), (&raw mut info).cast(), size) };
    if usize::try_from(read).is_ok_and(|read| read == size) {
        let child_ended = i32::try_from(info.ssi_signo) == Ok(libc::SIGCHLD);
        return Ok(Some(if child_ended { Told::ChildEnded } else { Told::End { by: info.ssi_pid } }));
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        error => Err(error),
    }
}

/// Marks every descriptor beyond standard error as closed on exec, whoever
/// left it open.
pub fn close_others_on_exec() -> io::Result<()> {
    // SAFETY: close_range(2) takes three integers and, with this flag, closes nothing now.
    let done = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What the children that were waited for used, with all that they waited for; `None` where the kernel does not say.
pub fn used_by_children() -> Option<Used> {
    // SAFETY: rusage holds only integers, for which zero is valid; the call fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        if libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) != 0 {
            return None;
        }
        usage
    };
    let cpu = time(usage.ru_utime) + time(usage.ru_stime);
    Some(Used {
        cpu_ms: u64::try_from(cpu.as_millis()).unwrap_or(u64::MAX),
        peak_memory_bytes: count(usage.ru_maxrss).saturating_mul(KIB),
        read_bytes: count(usage.ru_inblock).saturating_mul(BLOCK_BYTES),
        written_bytes: count(usage.ru_oublock).saturating_mul(BLOCK_BYTES),
    })
}

fn time(time: libc::timeval) -> Duration {
    Duration::from_secs(count(time.tv_sec)) + Duration::from_micros(count(time.tv_usec))
}

/// What the kernel counts is never negative.
fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Lets a child receive again what [`signals`] blocks. For the child, after fork.
pub fn unblock_signals() -> io::Result<()> {
    // SAFETY: as in `signals`: the set is initialised by sigemptyset.
    let done = unsafe {
        let mut none: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut())
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Kills all other processes, as the first of a container: in one call, however
/// many there are and however fast they fork.
pub fn kill_all_others() -> io::Result<()> {
    // SAFETY: kill(2) takes two integers.
    let done = unsafe { libc::kill(-1, libc::SIGKILL) };
    match io::Error::last_os_error() {
        error if done != 0 && error.raw_os_error() != Some(libc::ESRCH) => Err(error),
        _ => Ok(()),
    }
}

/// A call of execve(2), put together before the fork.
///
/// The standard library's own (execvp) hands a file that is no program to a shell.
pub struct Exec {
    program: CString,
    arguments: Pointers,
    environment: Pointers,
}

/// C strings and the null-terminated array of pointers to them.
struct Pointers {
    _strings: Vec<CString>,
    array: Vec<*const c_char>,
}

// SAFETY: the pointers point into heap memory that the same value owns and
// never changes.
unsafe impl Send for Pointers {}
// SAFETY: as above; nothing is written through a shared reference.
unsafe impl Sync for Pointers {}

impl Pointers {
    fn new(strings: impl Iterator<Item = Vec<u8>>) -> Result<Self, NulError> {
        let strings = strings.map(CString::new).collect::<Result<Vec<_>, _>>()?;
        let array = strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect();
        Ok(Self { _strings: strings, array })
    }
}

impl Exec {
    /// Of a program with its arguments (the first is its name) and environment (`NAME=value`).
    pub fn new(
        program: Vec<u8>,
        arguments: impl Iterator<Item = Vec<u8>>,
        environment: impl Iterator<Item = Vec<u8>>,
    ) -> Result<Self, NulError> {
        Ok(Self {
            program: CString::new(program)?,
            arguments: Pointers::new(arguments)?,
            environment: Pointers::new(environment)?,
        })
    }

    /// Becomes the program, or says why not.
    fn run(&self) -> io::Error {
        // SAFETY: both arrays end with a null pointer, and all that they point
        // to is owned by self.
        unsafe {
            libc::execve(self.program.as_ptr(), self.arguments.array.as_ptr(), self.environment.array.as_ptr());
        }
        io::Error::last_os_error()
    }
}

/// Runs `prepare`, then `exec`, in the child after fork, when it has become its
/// user and stands in its folder. An error of either is the error of `spawn`.
///
/// `prepare` must only make system calls: no allocation, no lock.
pub fn exec_in_child(command: &mut Command, exec: Exec, prepare: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
    // SAFETY: the shim has one thread, so that no lock is held at the fork, and
    // what runs here only makes system calls.
    unsafe {
        command.pre_exec(move || {
            prepare()?;
            Err(exec.run())
        });
    }
}
