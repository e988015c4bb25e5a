//! Manual pages, as the formatter of every Debian reads them.

use std::{fs, path::Path, process::Command};

use crate::sandbox::Sandbox;

/// Formats a page, without bold and underlined characters; the formatter has nothing to say about it.
fn formatted(page: &Path) -> String {
    let output = Command::new("groff")
        .args(["-man", "-Kutf8", "-Tutf8", "-P-cbou", "-ww"])
        .arg(page)
        .output()
        .expect("groff is installed");
    assert!(output.status.success() && output.stderr.is_empty(), "{}: {output:?}", page.display());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_page_for_each_command_is_written_and_can_be_formatted() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("man/man1");
    let status = sandbox.katonic(&["man", "--dir"]).arg(&folder).status().expect("started");
    assert!(status.success());
    for command in ["katonic", "katonic-run", "katonic-jobs-stop", "katonic-doctor"] {
        let page = folder.join(format!("{command}.1"));
        assert!(formatted(&page).contains("SYNOPSIS"), "{command}");
    }
    assert!(!folder.join("katonic-supervise.1").exists(), "nobody calls it by hand");
}

#[test]
fn the_first_page_is_printed() {
    let sandbox = Sandbox::new();
    let page = sandbox.path("katonic.1");
    let output = sandbox.katonic(&["man"]).output().expect("started");
    fs::write(&page, output.stdout).expect("written");
    assert!(formatted(&page).contains("doctor"));
}
