//! Mistakes of the shell, the programs and the machine. Some need root, to be
//! another user or to put something over a file of the kernel's.

use std::{fs, os::unix::process::CommandExt, process::Command};

use crate::sandbox::{Diagnosis, Sandbox, set_mode};

const DOCTOR: [&str; 3] = ["doctor", "--output", "json"];

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The doctor behind a line of shell.
fn after(sandbox: &Sandbox, line: &str) -> Diagnosis {
    Diagnosis::of(sandbox.through(&["sh", "-c", &format!("{line} && exec \"$0\" \"$@\"")], &DOCTOR))
}

/// The doctor behind a line of shell that may mount things which nobody else sees.
fn mounted(sandbox: &Sandbox, line: &str) -> Diagnosis {
    let script = format!("{line} && exec \"$0\" \"$@\"");
    Diagnosis::of(sandbox.through(&["unshare", "--mount", "sh", "-c", &script], &DOCTOR))
}

fn with(sandbox: &Sandbox, name: &str, value: &str) -> Diagnosis {
    let mut command = sandbox.katonic(&DOCTOR);
    command.env(name, value);
    Diagnosis::of(command)
}

/// The doctor with nothing on PATH but a folder with one program in it.
fn with_program(sandbox: &Sandbox, name: &str, script: &str) -> Diagnosis {
    let program = sandbox.file(&format!("bin/{name}"), script, 0o755);
    with(sandbox, "PATH", &program.parent().expect("a folder").display().to_string())
}

#[test]
fn a_locale_that_is_not_utf_8_is_found() {
    let sandbox = Sandbox::new();
    with(&sandbox, "LC_ALL", "POSIX").finds("LOCALE_NOT_UTF8", "LC_ALL is `POSIX`");
    with(&sandbox, "LC_ALL", "de_DE.utf8").lacks("LOCALE_NOT_UTF8");
}

#[test]
fn an_open_umask_is_found() {
    let sandbox = Sandbox::new();
    after(&sandbox, "umask 000").finds("UMASK_OPEN", "000");
    after(&sandbox, "umask 022").lacks("UMASK_OPEN");
}

#[test]
fn a_cache_that_cannot_be_is_found() {
    let sandbox = Sandbox::new();
    let file = sandbox.file("file", "", 0o644).display().to_string();
    with(&sandbox, "XDG_CACHE_HOME", &file).finds("CACHE_UNUSABLE", "cache folder");
    assert!(!sandbox.home().join(".cache").exists(), "it makes nothing");
}

#[test]
fn an_old_kernel_is_found() {
    let sandbox = Sandbox::new();
    // The kernel itself tells programs so.
    let doctor = sandbox.through(&["setarch", "x86_64", "--uname-2.6"], &DOCTOR);
    Diagnosis::of(doctor).finds("KERNEL_TOO_OLD", "Linux 2.6");
    sandbox.doctor().lacks("KERNEL_TOO_OLD");
}

#[test]
fn little_memory_is_found() {
    if !is_root() {
        return;
    }
    let sandbox = Sandbox::new();
    let file = sandbox.file("meminfo", "MemTotal: 900000 kB\nMemAvailable: 300000 kB\n", 0o644);
    mounted(&sandbox, &format!("mount --bind {} /proc/meminfo", file.display())).finds("MEMORY_SHORT", "293.0 MiB");
}

#[test]
fn a_low_limit_of_open_files_is_found() {
    after(&Sandbox::new(), "ulimit -n 256").finds("OPEN_FILES_LIMITED", "256");
}

#[test]
fn another_user_than_root_is_told_what_that_means_for_jobs() {
    if !is_root() {
        return;
    }
    let sandbox = Sandbox::new();
    // The build's own folder may be closed to others.
    let program = sandbox.path("katonic");
    fs::copy(env!("CARGO_BIN_EXE_katonic"), &program).expect("copied");
    let mut command = Command::new(program);
    command.args(DOCTOR).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").uid(54_321).gid(54_321);
    command.env("KATONIC_HOME", sandbox.data()).current_dir(sandbox.folder());
    Diagnosis::of(command).finds("JOBS_SHARE_YOUR_USER", "as you");
    sandbox.doctor().lacks("JOBS_SHARE_YOUR_USER");
}

#[test]
fn a_missing_and_an_old_git_are_found() {
    let sandbox = Sandbox::new();
    with_program(&sandbox, "other", "").finds("GIT_MISSING", "git cannot be started");
    with_program(&sandbox, "git", "#!/bin/sh\necho git version 2.20.1\n").finds("GIT_TOO_OLD", "2.20");
    sandbox.doctor().lacks("GIT_TOO_OLD");
}

#[test]
fn a_python_that_is_missing_or_out_of_reach_is_found() {
    let sandbox = Sandbox::new();
    with_program(&sandbox, "other", "").finds("PYTHON_MISSING", "no python3 on PATH");
    let script = "#!/bin/sh\n";
    with_program(&sandbox, "python3", script).lacks("PYTHON_MISSING");
    if is_root() {
        set_mode(&sandbox.path("bin"), 0o700);
        with_program(&sandbox, "python3", script).finds("PYTHON_UNREACHABLE", "they find none");
    }
}

#[test]
fn programs_that_are_missing_are_named() {
    let sandbox = Sandbox::new();
    // `katonic` alone, as somebody copies it.
    let program = sandbox.path("katonic");
    fs::copy(env!("CARGO_BIN_EXE_katonic"), &program).expect("copied");
    let mut command = Command::new(program);
    command.args(DOCTOR).env("KATONIC_HOME", sandbox.data()).current_dir(sandbox.folder());
    let missing = Diagnosis::of(command).all("PROGRAM_MISSING");
    assert!(missing.iter().any(|(fact, _)| fact.contains("katonic-dispatcher is missing")), "{missing:?}");
    if is_root() {
        // What is not a file is no program.
        let found = mounted(&sandbox, "mount --bind /dev/null /usr/bin/redis-server").all("PROGRAM_MISSING");
        assert!(found.iter().any(|(fact, _)| fact.contains("redis-server is missing")), "{found:?}");
    }
}
