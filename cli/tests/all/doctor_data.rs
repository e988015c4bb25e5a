//! Mistakes with the data directory. What needs root, to mount something or to
//! give a folder away, is left out for others.

use std::{fs, os::unix::fs::chown, path::Path};

use crate::sandbox::{Diagnosis, Sandbox, set_mode};

/// A data directory as `katonic up` makes it.
fn with_data() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.data()).expect("made");
    set_mode(&sandbox.data(), 0o700);
    sandbox
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What the doctor says where the data directory lies on a file system of its own.
fn on_tmpfs(sandbox: &Sandbox, options: &str) -> Diagnosis {
    let script = format!("mount -t tmpfs -o mode=700,{options} none \"$KATONIC_HOME\" && exec \"$0\" \"$@\"");
    let wrapper = ["unshare", "--mount", "sh", "-c", &script];
    Diagnosis::of(sandbox.through(&wrapper, &["doctor", "--output", "json"]))
}

#[test]
fn a_private_data_directory_on_a_disk_is_fine() {
    let diagnosis = with_data().doctor();
    for code in ["DATA_OPEN", "DATA_FOREIGN", "DATA_NOT_WRITABLE", "DATA_IN_MEMORY", "DATA_DAMAGED", "SECRETS_LOST"] {
        diagnosis.lacks(code);
    }
}

#[test]
fn a_closed_folder_above_the_jobs_is_found() {
    if !is_root() {
        return;
    }
    let sandbox = Sandbox::new();
    let closed = sandbox.path("closed");
    fs::create_dir(&closed).expect("made");
    set_mode(&closed, 0o700);
    let mut command = sandbox.katonic(&["doctor", "--output", "json"]);
    command.env("KATONIC_HOME", closed.join("data"));
    Diagnosis::of(command).finds("JOBS_CANNOT_REACH_WORK", &closed.display().to_string());
}

#[test]
fn a_data_directory_of_another_user_is_found() {
    if !is_root() {
        return;
    }
    let sandbox = with_data();
    chown(sandbox.data(), Some(54_321), None).expect("given away");
    sandbox.doctor().finds("DATA_FOREIGN", "belongs to the user 54321");
}

#[test]
fn an_open_data_directory_is_found() {
    let sandbox = with_data();
    set_mode(&sandbox.data(), 0o755);
    let next = sandbox.doctor().finds("DATA_OPEN", "mode 0755");
    assert!(next.contains(&format!("chmod 700 {}", sandbox.data().display())), "{next}");
}

#[test]
fn a_data_directory_that_cannot_be_written_is_found() {
    let sandbox = with_data();
    let diagnosis = if is_root() {
        on_tmpfs(&sandbox, "ro")
    } else {
        set_mode(&sandbox.data(), 0o500);
        sandbox.doctor()
    };
    diagnosis.finds("DATA_NOT_WRITABLE", "cannot be written");
}

#[test]
fn a_data_directory_in_memory_is_found() {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        Sandbox::within(memory).doctor().finds("DATA_IN_MEMORY", "tmpfs");
    }
}

#[test]
fn a_disk_without_room_is_found() {
    if !is_root() {
        return;
    }
    let sandbox = with_data();
    on_tmpfs(&sandbox, "size=64m").finds("DISK_FULL", "64.0 MiB free");
    on_tmpfs(&sandbox, "size=2g").finds("DISK_NEARLY_FULL", "2.0 GiB free");
    on_tmpfs(&sandbox, "nr_inodes=100").finds("FILES_SHORT", "more files of 100");
}

#[test]
fn a_damaged_file_is_named() {
    let sandbox = with_data();
    sandbox.file("data/installation.json", "{", 0o600);
    sandbox.doctor().finds("DATA_DAMAGED", "installation.json is damaged");
}

#[test]
fn secrets_that_others_may_read_are_found() {
    let sandbox = with_data();
    fs::create_dir(sandbox.data().join("secrets")).expect("made");
    set_mode(&sandbox.data().join("secrets"), 0o700);
    sandbox.file("data/secrets/blob.key", "", 0o640);
    sandbox.file("data/secrets/admin-token", "", 0o600);
    sandbox.doctor().finds("SECRETS_OPEN", "blob.key is open to other users (mode 0640)");
}

#[test]
fn lost_secrets_of_an_installation_are_found() {
    let sandbox = with_data();
    sandbox.file("data/installation.json", "{}", 0o600);
    let lost = sandbox.doctor().all("SECRETS_LOST");
    assert!(lost.iter().any(|(fact, next)| fact.contains("blob.key is gone") && next.contains("backup")), "{lost:?}");
    assert_eq!(lost.len(), 4, "{lost:?}");
}
