//! Mistakes in the folder that is about to be sent.

use std::{fs, fs::File, os::unix::fs::symlink, path::Path};

use crate::sandbox::{Diagnosis, Sandbox};

/// A file that has a size and takes no room.
fn sparse(path: &Path, bytes: u64) {
    File::create(path).and_then(|file| file.set_len(bytes)).expect("a sparse file");
}

#[test]
fn a_folder_with_little_code_is_fine() {
    let diagnosis = Sandbox::new().doctor();
    for code in ["FOLDER_IS_HOME", "FOLDER_TOO_LARGE", "FOLDER_LARGE", "FOLDER_EMPTY", "PROJECT_UNNAMED"] {
        diagnosis.lacks(code);
    }
}

#[test]
fn the_home_folder_is_found() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.katonic(&["doctor", "--output", "json"]);
    command.env("HOME", sandbox.folder());
    Diagnosis::of(command).finds("FOLDER_IS_HOME", "home folder");
}

#[test]
fn a_folder_that_is_too_large_to_be_sent_is_found_by_its_largest_file() {
    let sandbox = Sandbox::new();
    let file = sandbox.folder().join("images.bin");
    sparse(&file, 200 << 20);
    sandbox.doctor().finds("FOLDER_LARGE", "200.0 MiB");
    sparse(&file, 2 << 30);
    let next = sandbox.doctor().finds("FOLDER_TOO_LARGE", "images.bin");
    assert!(next.contains("images.bin"), "{next}");
    fs::write(sandbox.folder().join(".gitignore"), "*.bin\n").expect("written");
    sandbox.doctor().lacks("FOLDER_TOO_LARGE");
}

#[test]
fn a_folder_without_files_is_found() {
    let sandbox = Sandbox::new();
    fs::remove_file(sandbox.folder().join("train.py")).expect("removed");
    sandbox.doctor().finds("FOLDER_EMPTY", "no files");
}

#[test]
fn secrets_are_found_unless_they_are_ignored() {
    let sandbox = Sandbox::new();
    sandbox.file("project/.env", "PASSWORD=x", 0o600);
    sandbox.doctor().finds("SECRET_IN_FOLDER", ".env looks like a secret");
    sandbox.file("project/.gitignore", ".env\n", 0o644);
    sandbox.doctor().lacks("SECRET_IN_FOLDER");
}

#[test]
fn what_tools_make_is_found() {
    let sandbox = Sandbox::new();
    sandbox.file("project/.venv/pyvenv.cfg", "", 0o644);
    sandbox.doctor().finds("RUBBISH_IN_FOLDER", ".venv");
}

#[test]
fn a_link_that_leads_out_is_found() {
    let sandbox = Sandbox::new();
    symlink("../elsewhere/data.csv", sandbox.folder().join("data.csv")).expect("linked");
    symlink("train.py", sandbox.folder().join("main.py")).expect("linked");
    sandbox.doctor().finds("LINK_LEADS_OUT", "data.csv");
}

#[test]
fn a_broken_project_file_is_found() {
    let sandbox = Sandbox::new();
    sandbox.file("project/.katonic.toml", "project: churn\n", 0o644);
    sandbox.doctor().finds("PROJECT_FILE_BROKEN", ".katonic.toml");
}

#[test]
fn a_folder_after_which_no_project_can_be_named_is_found() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("___");
    fs::create_dir(&folder).expect("made");
    let mut command = sandbox.katonic(&["doctor", "--output", "json"]);
    command.current_dir(&folder);
    Diagnosis::of(command).finds("PROJECT_UNNAMED", "___");
}
